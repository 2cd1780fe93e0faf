/*
 * Inside of runtime/: what one start holds until its child has executed or is gone. Everything the
 * child reads is in here or in the spec, so nothing is freed before.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "runtime/child_priv.h"
#include "runtime/plan.h"
#include "runtime/spec.h"

struct runtime_start {
	const struct spec *spec;
	struct plan *plan;
	struct child *child;
	struct child_dir *lower;
	int null_fd;
	int sock, child_sock; /* two ends of one pair */
	int sock_number;      /* of sock, for the child: the parent hands sock on meanwhile */
	bool was_dumpable;    /* before the child shared our memory */
	bool owns_stack;      /* the child runs on the one stack there is */
};

/*
 * Plan, directories, environment, descriptors, socket pair: all that can fail or allocate. *ret is
 * the caller's, also after a failure; start_free.
 */
int start_prepare(const struct spec *spec, struct runtime_start **ret, struct err *err) must_check;
void start_free(struct runtime_start *s);
