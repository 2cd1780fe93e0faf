/*
 * Removing all containers that do not run, as `container prune` and `system prune` do.
 */
#pragma once

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

struct container_prune_result {
	char **ids;
	uint64_t bytes; /* of disk that are free now */
};

void container_prune_result_done(struct container_prune_result *r);
DEFINE_AUTO(container_prune_result, struct container_prune_result, container_prune_result_done)

/*
 * filters as in codec/prune_filter.h. One that is started meanwhile stays. On failure *ret tells
 * what was removed before. -ERR_USAGE for a filter.
 */
int container_prune(struct store *s, char *const *filters, const struct idmap *map,
	struct container_prune_result *ret, struct err *err) must_check;
