/*
 * Pulling for commands: from what the user typed to image/pull.h, with progress on stderr. `pull`
 * adds its answer on stdout; `run` and `create` call it when an image is missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "cmd/registry_options.h"
#include "image/pull.h"

struct context;

struct pull_image_options {
	const char *platform; /* as typed, or NULL */
	struct registry_options registry;
	bool quiet;		 /* nothing on stderr */
	const int *retries;	 /* NULL: the default */
	const int64_t *delay_ns; /* before the first retry; NULL: the default */
	const int64_t *stall_ns; /* how long a silent connection is borne; NULL: the default */
};

/*
 * A short name is what registries.conf makes of it; ret->record.reference is the full name that was
 * pulled. The lines "Digest: ..." and "Status: ..." of docker are not printed here, see
 * pull_image_summary. The caller frees ret->record. Errors begin with "image NAME".
 */
int pull_image(struct context *ctx, const char *name, const struct pull_image_options *o,
	struct pull_result *ret, struct err *err) must_check;

/* "Digest: sha256:...", "Status: Downloaded newer image for NAME", to stdout or stderr. */
int pull_image_summary(
	const struct pull_result *result, bool to_stdout, struct err *err) must_check;
