/*
 * Removing containers. What cannot be deleted at once is out of sight in the store's trash/ and
 * deleted by a later sweep.
 */
#pragma once

#include "base/err.h"
#include "container/container.h"
#include "store/store.h"
#include "userns/idmap.h"

/* A container whose lock the caller holds. c stays the caller's to release. */
int container_remove_locked(
	struct store *s, struct container *c, const struct idmap *map, struct err *err) must_check;

enum remove_flags {
	REMOVE_FORCE = 1 << 0, /* kill it when it runs */
};

/*
 * By name or id. -ERR_NOT_FOUND; -ERR_WRONG_STATE with docker's words when it runs and force is not
 * given.
 */
int container_remove(struct store *s, const char *name_or_id, unsigned flags,
	const struct idmap *map, struct err *err) must_check;

/*
 * Remove the --rm containers whose proa was killed before it could. Reads every container's files:
 * for commands that list or create, not for each run. Problems are debug messages.
 */
void container_remove_lost(struct store *s, const struct idmap *map);
