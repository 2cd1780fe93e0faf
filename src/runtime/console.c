#include "runtime/console.h"

#include <signal.h>
#include <unistd.h>

#include "runtime/stdio.h"
#include "sys/signal.h"
#include "sys/tty.h"

#define DEFAULT_ROWS 24
#define DEFAULT_COLS 80

/* Signals that end us with a bug: the terminal is put right first. */
static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT };

static void on_fatal(int number)
{
	tty_restore_emergency();
	(void)raise(number); /* SA_RESETHAND: now with its default */
}

static void catch_fatal_signals(void)
{
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER };

	for (size_t i = 0; i < sizeof(fatal_signals) / sizeof(fatal_signals[0]); i++)
		(void)sigaction(fatal_signals[i], &action, NULL);
}

static int first_terminal(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (tty_is_terminal(fd))
			return fd;
	}
	return -EBADF;
}

int console_open(int master, unsigned flags, struct console *ret, struct err *err)
{
	struct console c = CONSOLE_INIT;
	struct tty_size size = { 0 };
	int r;

	c.master = master;
	c.terminal = first_terminal();
	c.keyboard = (flags & STDIO_INTERACTIVE) && c.terminal == STDIN_FILENO;
	if (c.terminal < 0 || tty_get_size(c.terminal, &size, NULL) < 0 || size.cols == 0)
		size = (struct tty_size){ .rows = DEFAULT_ROWS, .cols = DEFAULT_COLS };
	r = tty_set_size(master, size, err);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

/* Without a keyboard to read, a job in the background has no business with the modes. */
static bool has_business(const struct console *c)
{
	return c->terminal >= 0 && (c->keyboard || tty_is_foreground(c->terminal));
}

int console_enter(struct console *c, struct err *err)
{
	enum tty_raw how = c->keyboard ? TTY_RAW : TTY_RAW_OUTPUT;
	struct termios again;
	int r;

	if (!has_business(c))
		return 0;
	if (c->raw) {
		/* A shell took the terminal while we were stopped; what we saved first is right. */
		r = tty_set_raw(c->terminal, how, &again, err);
		return r < 0 ? r : tty_remember(c->terminal, &c->saved);
	}
	r = tty_set_raw(c->terminal, how, &c->saved, err);
	if (r < 0)
		return r;
	c->raw = true;
	catch_fatal_signals();
	return 0;
}

/* The user's terminal is gone: its window was closed, or the connection broke. */
bool console_is_hung_up(const struct console *c)
{
	struct tty_size size;

	return c->terminal >= 0 && tty_get_size(c->terminal, &size, NULL) == -EIO;
}

void console_resize(struct console *c)
{
	tty_copy_size(c->terminal, c->master);
}

/* A terminal that cannot be had back is gone, and says so to the next read. */
void console_resume(struct console *c)
{
	int r = console_enter(c, NULL);

	if (r == 0)
		console_resize(c);
}

static void leave(struct console *c)
{
	if (c->raw)
		(void)tty_restore(c->terminal, &c->saved);
	c->raw = false;
}

void console_suspend(struct console *c, int number)
{
	leave(c);
	signal_stop_self(number);
	console_resume(c);
}

void console_done(struct console *c)
{
	leave(c);
	*c = (struct console)CONSOLE_INIT;
}
