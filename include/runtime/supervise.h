/*
 * A foreground run, from start to exit status: one poll loop for the terminal, the pipes, the
 * signals and the container's pidfd. Allocates nothing once it loops.
 *
 *	AUTO(supervise) struct supervise s = SUPERVISE_INIT;
 *	supervise_begin(&s, flags, err)		before runtime_start: signals from now on wait
 *						their turn; s.io.child_fd go into the spec
 *	runtime_start(&spec, &process, err)
 *	supervise_attach(&s, &process, err)	closes the container's ends, sets the window size
 *	runtime_release(&process, err)
 *	runtime_supervise(&s, &process, &status, err)
 *	supervise_done(&s)			terminal and signal mask as they were
 *
 * Signals go to the container's first process: all but CHLD, PIPE, KILL, STOP, and WINCH with a
 * terminal. TSTP stops us (with the terminal restored) and is forwarded only without a terminal.
 * The third INT or TERM is followed by KILL: a first process without a handler ignores both.
 * Everything that the container wrote before its end has been written out before this returns;
 * a second INT, TERM, QUIT or HUP after its end gives up on a reader that does not read.
 * The child has to call signal_reset_all() before exec, and sets PDEATHSIG to KILL.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"
#include "runtime/console.h"
#include "runtime/stdio.h"

struct runtime_process;

enum supervise_flags {
	SUPERVISE_TTY = STDIO_TTY,
	SUPERVISE_INTERACTIVE = STDIO_INTERACTIVE,
	SUPERVISE_NO_PROXY = 1 << 2, /* --sig-proxy=false: signals to us stay with us, unheeded */
};

struct supervise {
	unsigned flags;
	struct stdio io;
	struct console console;
	int signal_fd;
	bool blocked;
	sigset_t saved_mask;
};

#define SUPERVISE_INIT                                                         \
	{                                                                      \
		.io = STDIO_INIT, .console = CONSOLE_INIT, .signal_fd = -EBADF \
	}

int supervise_begin(struct supervise *s, unsigned flags, struct err *err) must_check;
int supervise_attach(struct supervise *s, struct runtime_process *p, struct err *err) must_check;

/*
 * Run the loop until the container's first process is gone. ret_status is what a shell would
 * say: its exit status, or 128 + the signal that killed it.
 */
int runtime_supervise(struct supervise *s, struct runtime_process *p, int *ret_status,
	struct err *err) must_check;

void supervise_done(struct supervise *s);
DEFINE_AUTO(supervise, struct supervise, supervise_done)
