/*
 * One container's first process: made, set up completely, held, released, waited for.
 *
 *	runtime_start(&spec, &p, err);		namespaces, mounts, ids: all done, nothing run yet
 *	... record p.pid and p.start_time ...
 *	runtime_release(&p, err);		exec; a failure carries err.exit = 126 or 127
 *	runtime_wait(&p, &status, err);		or poll p.pidfd oneself
 *	runtime_done(&p);
 *
 * The container runs no code of the image before release; when this process dies earlier, the
 * child sees the end of its socket and exits. Owns no file on disk. Call from a single-threaded
 * process that has called runtime_seal (below) early in main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"
#include "runtime/spec.h"

struct runtime_process {
	pid_t pid;	     /* on the host; 0 = none */
	int pidfd;	     /* readable when it has ended */
	uint64_t start_time; /* sys/process.h */
	int console_fd;	     /* master of the pty with SPEC_TERMINAL, O_CLOEXEC; else -EBADF */
	int socket;	     /* to the child until release; internal, as the next */
	struct runtime_start *start;
};

#define RUNTIME_PROCESS_INIT                                            \
	{                                                               \
		.pidfd = -EBADF, .console_fd = -EBADF, .socket = -EBADF \
	}

/* Kills and reaps what still runs, closes everything. */
void runtime_done(struct runtime_process *p);
DEFINE_AUTO(runtime_process, struct runtime_process, runtime_done)

/*
 * Everything up to the exec. The spec has to stay as it is until release or abort: the child may
 * share our memory. On failure nothing is left behind and the message names the step.
 * -ERR_UNSUPPORTED where this host lacks a thing (user namespaces, overlay ...), with a cure.
 */
int runtime_start(const struct spec *s, struct runtime_process *ret, struct err *err) must_check;

/*
 * Let it exec. Returns 0 when the program runs. On failure the container is gone, err->exit is
 * 127 (not found) or 126 (cannot be executed) and the message is docker's.
 */
int runtime_release(struct runtime_process *p, struct err *err) must_check;

/* Wait for the end; *ret_status as wait(2). Safe to call twice: the second returns -ECHILD. */
int runtime_wait(struct runtime_process *p, int *ret_status, struct err *err) must_check;

/* End it now: SIGKILL to the first process (and so to the whole pid namespace), reaped. */
void runtime_abort(struct runtime_process *p);

/*
 * Make sure that a container with this map cannot write the executable that runs now
 * (CVE-2019-5736): when it could, re-exec from a read-only detached mount (root) or a sealed
 * memfd, with the command line that this process was given. Call at the top of main for commands that start containers, before any state is made;
 * returns 0 when nothing is (any more) needed, does not return when it re-executes.
 */
int runtime_seal(const struct idmap *map, struct err *err) must_check;
