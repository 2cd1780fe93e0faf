#include "runtime/supervise.h"

#include <poll.h>
#include <unistd.h>

#include "runtime/pump.h"
#include "runtime/runtime.h"
#include "sys/clone.h"
#include "sys/signal.h"

#define INTERRUPTS_MAX 3
#define PAUSE_MS       100 /* how long a pty that nobody has open is left alone */
#define SETTLE_MS      100 /* how long after the end a silent stream is listened to */

enum { FD_SIGNAL, FD_PROCESS, FD_PUMPS };
enum { PUMP_STDIN, PUMP_STDOUT, PUMP_STDERR, N_PUMPS };
#define N_FDS (FD_PUMPS + 2 * N_PUMPS)

/* The state of one loop. */
struct run {
	struct supervise *s;
	struct runtime_process *p;
	struct pump pumps[N_PUMPS];
	int terminal_fds[3]; /* 0, 1, 2: pumps want addresses */
	int master;
	int none; /* -EBADF: for directions that are not ours */
	bool interactive;
	bool exited; /* the first process is gone: only output is left to move */
	bool give_up;
	unsigned interrupts; /* INT and TERM that were forwarded */
	int status;
};

int supervise_begin(struct supervise *s, unsigned flags, struct err *err)
{
	int r;

	s->flags = flags;
	r = stdio_open(flags, &s->io, err);
	if (r < 0)
		return r;
	r = signal_open_fd(&s->saved_mask, err);
	if (r < 0)
		return r;
	s->signal_fd = r;
	s->blocked = true;
	return 0;
}

int supervise_attach(struct supervise *s, struct runtime_process *p, struct err *err)
{
	stdio_child_started(&s->io);
	if (!(s->flags & SUPERVISE_TTY))
		return 0;
	return console_open(p->console_fd, s->flags, &s->console, err);
}

void supervise_done(struct supervise *s)
{
	console_done(&s->console);
	stdio_done(&s->io);
	s->signal_fd = fd_close(s->signal_fd);
	if (s->blocked)
		signal_unblock(&s->saved_mask);
	s->blocked = false;
}

static void open_pumps(struct run *r)
{
	struct stdio *io = &r->s->io;
	bool tty = r->s->flags & SUPERVISE_TTY, interactive = r->s->flags & SUPERVISE_INTERACTIVE;

	for (int i = 0; i < 3; i++)
		r->terminal_fds[i] = i;
	r->master = r->p->console_fd;
	r->none = -EBADF;
	r->interactive = interactive;
	if (tty) {
		pump_open(&r->pumps[PUMP_STDIN], interactive ? &r->terminal_fds[0] : &r->none,
			&r->master, PUMP_IN_INHERITED);
		pump_open(&r->pumps[PUMP_STDOUT], &r->master, &r->terminal_fds[1],
			PUMP_OUT_INHERITED | PUMP_FROM_PTY);
		pump_open(&r->pumps[PUMP_STDERR], &r->none, &r->none, 0);
		return;
	}
	pump_open(&r->pumps[PUMP_STDIN], io->our_fd[0] >= 0 ? &r->terminal_fds[0] : &r->none,
		&io->our_fd[0], PUMP_IN_INHERITED | PUMP_CLOSE_OUT);
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
		pump_open(&r->pumps[i], &io->our_fd[i], &r->terminal_fds[i],
			PUMP_OUT_INHERITED | PUMP_CLOSE_IN);
}

static void forward(const struct run *r, int number)
{
	if (!(r->s->flags & SUPERVISE_NO_PROXY))
		(void)pidfd_signal(r->p->pidfd, number);
}

/*
 * A first process without a handler never sees INT or TERM (pid_namespaces(7)), and without a
 * terminal of its own nothing else reaches it: the third one ends the container, as docker's client
 * gives up at its third.
 */
static void forward_interrupt(struct run *r, int number)
{
	forward(r, number);
	if ((number == SIGINT || number == SIGTERM) && ++r->interrupts >= INTERRUPTS_MAX)
		(void)pidfd_signal(r->p->pidfd, SIGKILL);
}

static bool ends_waiting(int number)
{
	return number == SIGINT || number == SIGTERM || number == SIGQUIT || number == SIGHUP;
}

/*
 * The user's terminal is gone, so the container's goes as well: closing the master is what sends
 * SIGHUP to its session, and ends what still reads from it.
 */
static void hang_up(struct run *r)
{
	for (int i = 0; i < N_PUMPS; i++)
		r->pumps[i].in_ended = r->pumps[i].out_ended = true;
	r->p->console_fd = fd_close(r->p->console_fd);
	r->master = r->s->console.master = -EBADF;
}

/* With a terminal, size and stops are between the user's shell and us. */
static void take_terminal_signal(struct run *r, int number)
{
	struct console *c = &r->s->console;

	if (number == SIGWINCH) {
		console_resize(c);
	} else if (number == SIGTSTP) {
		console_suspend(c, SIGTSTP);
	} else if (number == SIGCONT) {
		console_resume(c);
	} else {
		forward_interrupt(r, number);
		if (number == SIGHUP && console_is_hung_up(c))
			hang_up(r);
	}
}

static void take_signal(struct run *r, int number)
{
	if (r->exited) {
		r->give_up = r->give_up || ends_waiting(number);
		return;
	}
	if (r->s->flags & SUPERVISE_TTY) {
		take_terminal_signal(r, number);
		return;
	}
	forward_interrupt(r, number);
	if (number == SIGTSTP)
		signal_stop_self(SIGTSTP);
}

static int take_signals(struct run *r, struct err *err)
{
	int number;

	while ((number = signal_read_fd(r->s->signal_fd, err)) > 0)
		take_signal(r, number);
	return number;
}

/* Everything that was written is in a pipe or in the pty by now: read on, write nothing. */
static int take_exit(struct run *r, struct err *err)
{
	int k = runtime_wait(r->p, &r->status, err);

	if (k < 0)
		return k;
	r->exited = true;
	r->pumps[PUMP_STDIN].in_ended = r->pumps[PUMP_STDIN].out_ended = true;
	return 0;
}

static bool output_is_finished(const struct run *r)
{
	return pump_is_finished(&r->pumps[PUMP_STDOUT]) && pump_is_finished(&r->pumps[PUMP_STDERR]);
}

static bool output_is_empty(const struct run *r)
{
	return pump_is_empty(&r->pumps[PUMP_STDOUT]) && pump_is_empty(&r->pumps[PUMP_STDERR]);
}

/*
 * After the end, EIO of the pty is its end. Before, it is a program that closed its terminal and
 * may open it again.
 */
static int settle_pauses(struct run *r)
{
	struct pump *out = &r->pumps[PUMP_STDOUT];

	if (!out->paused)
		return r->exited && output_is_empty(r) ? SETTLE_MS : -1;
	if (!r->exited)
		return PAUSE_MS;
	out->in_ended = true;
	return output_is_finished(r) ? 0 : -1;
}

static void fill_fds(const struct run *r, struct pollfd fds[N_FDS])
{
	fds[FD_SIGNAL] = (struct pollfd){ .fd = r->s->signal_fd, .events = POLLIN };
	fds[FD_PROCESS] = (struct pollfd){ .fd = r->exited ? -1 : r->p->pidfd, .events = POLLIN };
	for (int i = 0; i < N_PUMPS; i++)
		pump_want(&r->pumps[i], &fds[FD_PUMPS + 2 * i]);
}

/* One round of the loop. 1 = all done, 0 = go on. */
static int step(struct run *r, struct err *err)
{
	struct pollfd fds[N_FDS];
	int timeout = settle_pauses(r), n, k = 0;

	if (r->exited && (r->give_up || output_is_finished(r)))
		return 1;
	fill_fds(r, fds);
	n = poll(fds, N_FDS, timeout);
	if (n < 0 && errno != EINTR)
		return err_sys(err, errno, "poll");
	if (n == 0 && r->exited)
		return 1; /* somebody outside holds the other end, and is silent */
	r->pumps[PUMP_STDOUT].paused = false;
	if (n <= 0)
		return 0;
	for (int i = 0; i < N_PUMPS; i++)
		pump_run(&r->pumps[i], &fds[FD_PUMPS + 2 * i]);
	if (!r->exited && r->master >= 0 && r->interactive && r->pumps[PUMP_STDIN].in_ended)
		hang_up(r);
	if (fds[FD_SIGNAL].revents)
		k = take_signals(r, err);
	if (k >= 0 && fds[FD_PROCESS].revents)
		k = take_exit(r, err);
	return k < 0 ? k : 0;
}

int runtime_supervise(
	struct supervise *s, struct runtime_process *p, int *ret_status, struct err *err)
{
	/* Not on the stack, where clearing buffers that most runs never use costs 12 pages. */
	static struct run r;
	int k;

	r.s = s;
	r.p = p;
	r.exited = r.give_up = false;
	r.interrupts = 0;
	r.status = 0;

	if (s->flags & SUPERVISE_TTY) {
		k = console_enter(&s->console, err);
		if (k < 0)
			return k;
	}
	open_pumps(&r);
	do {
		k = step(&r, err);
	} while (k == 0);
	for (int i = 0; i < N_PUMPS; i++)
		pump_done(&r.pumps[i]);
	console_done(&s->console);
	if (k < 0)
		return k;
	*ret_status = wait_status_to_exit(r.status);
	return 0;
}
