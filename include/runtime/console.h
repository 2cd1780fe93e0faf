/*
 * The user's terminal while a container with -t runs: raw mode, size, stop and continue. The pty
 * itself is made by the child from its own devpts; its master is runtime_process.console_fd.
 *
 *	console_open(master, flags, &c, err)	sets the size: call it before runtime_release, so that
 *						the program never sees 0 x 0
 *	console_enter(&c, err)			raw mode, once the program runs
 *	console_resize(&c)			on SIGWINCH
 *	console_suspend(&c, SIGTSTP)		stop ourselves as a shell expects, come back raw
 *	console_resume(&c)			on SIGCONT: raw again, whatever a shell did meanwhile
 *	console_done(&c)			terminal as it was, on every path
 */
#pragma once

#include <stdbool.h>
#include <termios.h>

#include "base/auto.h"
#include "base/err.h"

struct console {
	int master;    /* borrowed */
	int terminal;  /* our stdin, else stdout, else stderr, whichever is one; -EBADF if none */
	bool keyboard; /* -i: terminal is read, so it has to be raw */
	bool raw;
	struct termios saved;
};

#define CONSOLE_INIT                                 \
	{                                            \
		.master = -EBADF, .terminal = -EBADF \
	}

/* flags are those of runtime/stdio.h. No terminal at all is fine: the size is then 80 x 24. */
int console_open(int master, unsigned flags, struct console *ret, struct err *err) must_check;
int console_enter(struct console *c, struct err *err) must_check;
void console_resize(struct console *c);
void console_resume(struct console *c);
void console_suspend(struct console *c, int number);
/* True once the user's window was closed or the connection broke. */
bool console_is_hung_up(const struct console *c);

void console_done(struct console *c);
DEFINE_AUTO(console, struct console, console_done)
