/*
 * What a container gets as descriptors 0, 1 and 2, and what we keep of them. A descriptor that is
 * a terminal is never given to a container (TIOCSTI, CVE-2016-10124 and its family): it gets a
 * pipe, and supervise pumps. The same goes for sockets and for pipes of another user, which could
 * not be opened again as /dev/stdout. Files and our own pipes are handed over as they are.
 *
 *	stdio_open(flags, &io, err)	before runtime_start
 *	spec: io.child_fd[0..2]		-EBADF each with STDIO_TTY: the console's peer is used
 *	stdio_child_started(&io)	after it: our copies of the container's ends are closed
 *	runtime_supervise(...)		runtime/supervise.h
 *	stdio_done(&io)
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

enum stdio_flags {
	STDIO_TTY = 1 << 0,	    /* -t */
	STDIO_INTERACTIVE = 1 << 1, /* -i; without it the container's input is /dev/null */
};

struct stdio {
	int child_fd[3]; /* the container's; owned; CLOEXEC: the child dup2s them into place */
	int our_fd[3];	 /* our end of a pipe: [0] to write to, [1] and [2] to read; else -EBADF */
	bool fresh[3];	 /* child_fd is a pipe of ours: the child may fchown it to its user, so
			  * that /dev/stdout can be reopened; what we inherited is left alone */
	unsigned flags;
};

#define STDIO_INIT                                                                           \
	{                                                                                    \
		.child_fd = { -EBADF, -EBADF, -EBADF }, .our_fd = { -EBADF, -EBADF, -EBADF } \
	}

/*
 * -ERR_USAGE "the input device is not a TTY" for -i -t with an input that is none.
 * The caller owns ret; it is STDIO_INIT before and after a failure.
 */
int stdio_open(unsigned flags, struct stdio *ret, struct err *err) must_check;

void stdio_child_started(struct stdio *io);
void stdio_done(struct stdio *io);
DEFINE_AUTO(stdio, struct stdio, stdio_done)
