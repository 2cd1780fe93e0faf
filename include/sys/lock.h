/*
 * Advisory locks by flock(2): they belong to an open file description, so they are inherited by
 * fork, shared by dup, and released by the kernel when the last copy is closed, however the
 * holder died. Who holds one is alive: no ages, no process ids.
 *
 *	AUTO(lock) struct lock l = LOCK_INIT;
 *	r = lock_file(dirfd, "name", LOCK_EXCLUSIVE, &l, err);
 *
 * A lock file may be unlinked by whoever holds it exclusively (lock_unlink): lock_file notices
 * that the file it locked is no longer the one under that name, and starts again.
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

enum lock_flags {
	LOCK_SHARED = 0,
	LOCK_EXCLUSIVE = 1 << 0,
	LOCK_NOWAIT = 1 << 1, /* -EAGAIN when somebody holds a lock in conflict */
};

struct lock {
	int fd; /* -EBADF when not held; closing it (and every inherited copy) releases */
};

#define LOCK_INIT            \
	{                    \
		.fd = -EBADF \
	}

/* Create the file when missing (0600), lock it. Waits unless LOCK_NOWAIT. */
int lock_file(
	int dirfd, const char *name, unsigned flags, struct lock *ret, struct err *err) must_check;

/* Lock what is open already: a regular file, or a directory opened for reading. fd stays the
 * caller's. -EAGAIN as above. */
int lock_fd(int fd, unsigned flags, struct err *err) must_check;
void lock_release_fd(int fd);

/* Does `name` still lead to the file behind fd? 1 or 0. */
int lock_is_current(int dirfd, const char *name, int fd, struct err *err) must_check;

/* Remove the file of a lock held exclusively, then release. */
void lock_unlink(struct lock *l, int dirfd, const char *name);

void lock_done(struct lock *l);
DEFINE_AUTO(lock, struct lock, lock_done)
