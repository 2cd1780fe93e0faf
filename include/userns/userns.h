/*
 * A helper process of ours that owns the ids of a map: it runs as root of a user namespace with
 * that map (plain fork for IDMAP_NONE), so that it can make and remove files of subordinate ids.
 * Used for the extractor and for deleting trees.
 *
 *	userns_spawn(&map, fn, arg, &pid, err);
 *	waitpid(pid, &status, 0);
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "userns/idmap.h"

/*
 * Fork; in the child, as uid and gid 0 of the mapped namespace with all capabilities in it, run
 * fn(arg) and _exit with what it returns. The child dies with its parent (SIGKILL). Returns after
 * the map is written: fn may already be running. The caller reaps *ret_pid.
 * -ERR_UNSUPPORTED with a cure when this host lets the user make no user namespace.
 */
int userns_spawn(const struct idmap *map, int (*fn)(void *arg), void *arg, pid_t *ret_pid,
	struct err *err) must_check;

/* Why CLONE_NEWUSER failed with errnum, as -ERR_UNSUPPORTED with the cure for this host. */
int userns_explain(int errnum, struct err *err);
