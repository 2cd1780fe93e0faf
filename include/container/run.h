/*
 * One run of a container in the foreground, from the open, locked directory to the exit status.
 *
 *	container_create(...) or container_open + container_dir_lock
 *	r = container_run(s, &c, &map, flags, &status, err);
 *	if it is to be removed: container_remove
 *
 * The process is recorded before it runs anything of the image, its end is recorded before this
 * returns. Sends the signals that we get to the container, and ends it when we die.
 */
#pragma once

#include "base/err.h"
#include "container/container.h"
#include "runtime/supervise.h"
#include "store/store.h"
#include "userns/idmap.h"

enum run_flags {
	RUN_STDOUT = 1 << 0, /* ours is the container's; else /dev/null */
	RUN_STDERR = 1 << 3,
	RUN_ATTACH = RUN_STDOUT | RUN_STDERR,
	RUN_INTERACTIVE = 1 << 1, /* our stdin as well */
	RUN_NO_PROXY = 1 << 2,	  /* --sig-proxy=false */
};

/*
 * Returns 0 with *ret_status as a shell would see it. On failure err->exit is 125, 126 or 127.
 * -ERR_WRONG_STATE: it was made with another id map.
 */
int container_run(struct store *s, struct container *c, const struct idmap *map, unsigned flags,
	int *ret_status, struct err *err) must_check;
