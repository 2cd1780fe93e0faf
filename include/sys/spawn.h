/*
 * Running a helper program of the host (newuidmap ...): absolute path, own argv, no shell, no
 * search, an empty signal mask, a clean environment.
 *
 *	struct spawn_request req = { .path = "/usr/bin/newuidmap", .argv = argv, .stderr_fd = fd };
 *	spawn_start(&req, &pid, &pidfd, err);
 *	...
 *	pidfd_wait(pidfd, false, &status);
 *
 * The child shares our memory until its exec (CLONE_VM | CLONE_VFORK): it costs one exec and
 * nothing for the size of the caller. Never used inside a container's root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn_fd {
	int from; /* open in the caller */
	int to;	  /* number in the helper; >= 3, none repeated */
};

struct spawn_request {
	const char *path;	    /* absolute */
	char *const *argv;	    /* argv[0] included */
	char *const *env;	    /* NULL = only PATH */
	int stdin_fd;		    /* -1 = /dev/null */
	int stdout_fd, stderr_fd;   /* -1 = /dev/null */
	const struct spawn_fd *fds; /* more descriptors to hand over */
	size_t n_fds;
};

#define SPAWN_REQUEST_INIT                                       \
	{                                                        \
		.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 \
	}

/*
 * Returns when the exec has happened or failed (errno of execve). The caller owns *ret_pidfd and
 * reaps with pidfd_wait.
 */
int spawn_start(const struct spawn_request *req, pid_t *ret_pid, int *ret_pidfd,
	struct err *err) must_check;
