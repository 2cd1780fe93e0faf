/*
 * The loop that follows a tree of processes.
 *
 * Theory: the first process is seized before its exec, all that it starts is seized by the kernel
 * (TRACEFORK, TRACEVFORK, TRACECLONE). Each stops at the entry and at the exit of each call; one
 * counter goes over all of them. A stop at the entry comes before seccomp filters look at the call,
 * so a call that is to fail is replaced there by close(-1), which filters allow, and gets its
 * result at the exit. Nothing waits without a limit: a timer ends the tree.
 */
#include <errno.h>
#include <grp.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/clock.h"
#include "driver.h"

#define TICK_US	 20000
#define GRACE_NS (2 * NSEC_PER_SEC)
#define TRACE_OPTS                                                                                \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
		PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

/* The kernel's own errors that lead to a repetition; programs never see them. */
#define RESTART_FIRST 512
#define RESTART_LAST  516

/* PTRACE_EVENT_EXEC and its kin are above the signal in a wait status. */
#define EVENT_OF(status) ((unsigned)(status) >> 16)

struct tracee {
	pid_t pid;
	struct call call;
	bool in_call;  /* `call` is filled */
	bool struck;   /* the fault goes to this call */
	bool replaced; /* the kernel sees close(-1) */
	int cut_arg;   /* argument that was made smaller, or -1 */
	bool again;    /* a signal interrupted the call: the kernel makes it once more */
};

struct trace {
	const struct trace_options *o;
	struct trace_result *result;
	struct tracee *items;
	size_t n, cap;
	pid_t first;
	int64_t deadline, grace; /* 0: not yet */
	bool started;		 /* the command has been executed */
	bool killed;		 /* the tree was: what is born later, too */
	bool first_ended;
};

static void on_tick(int sig)
{
	(void)sig; /* only to wake waitpid */
}

static int set_timer(bool on)
{
	const struct itimerval tick = { { 0, TICK_US }, { 0, TICK_US } }, none = { 0 };
	struct sigaction act = { .sa_handler = on_tick };

	if (sigaction(SIGALRM, &act, NULL) < 0)
		return -errno;
	return setitimer(ITIMER_REAL, on ? &tick : &none, NULL) < 0 ? -errno : 0;
}

/* --- the processes --- */

static struct tracee *find(struct trace *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->items[i].pid == pid)
			return &t->items[i];
	return NULL;
}

static struct tracee *find_or_add(struct trace *t, pid_t pid)
{
	struct tracee *p = find(t, pid);

	if (p)
		return p;
	GROW(t->items, t->n, t->cap);
	p = &t->items[t->n++];
	*p = (struct tracee){ .pid = pid, .cut_arg = -1 };
	t->result->processes++;
	if (t->killed)
		(void)kill(pid, SIGKILL);
	return p;
}

static void forget(struct trace *t, pid_t pid)
{
	struct tracee *p = find(t, pid);

	if (!p)
		return;
	call_done(&p->call);
	*p = t->items[--t->n];
}

static void kill_tree(struct trace *t)
{
	t->killed = true;
	for (size_t i = 0; i < t->n; i++)
		(void)kill(t->items[i].pid, SIGKILL);
}

static void strike_dead(struct trace *t, pid_t pid)
{
	if (t->o->only_one)
		(void)kill(pid, SIGKILL);
	else
		kill_tree(t);
}

static void go_on(const struct tracee *p, int sig)
{
	/* ESRCH: killed meanwhile. */
	(void)peer_ptrace(PTRACE_SYSCALL, p->pid, 0, (uintptr_t)sig);
}

/* --- calls --- */

static bool is_counted(const struct trace *t, const struct call *c)
{
	const struct trace_options *o = t->o;

	if (c->of_loader || (o->below && !call_is_below(c, o->below)))
		return false;
	if (o->changes_only && !call_changes_state(c))
		return false;
	if (o->kind == FAULT_ERROR)
		return call_can_fail(c, o->error);
	if (o->kind == FAULT_SHORT)
		return call_length_arg(c) >= 0;
	return true;
}

static void remember(struct trace *t, const struct tracee *p)
{
	if (t->result->struck++)
		return;
	t->result->what = xasprintf("%s %s %s", call_name(&p->call),
		p->call.names[0] ? p->call.names[0] : "-",
		p->call.names[1] ? p->call.names[1] : "-");
}

static void cut_short(struct tracee *p)
{
	int arg = call_length_arg(&p->call);

	if (peer_set_arg(p->pid, (unsigned)arg, p->call.raw.args[arg] / 2) >= 0)
		p->cut_arg = arg;
}

static void strike_at_entry(struct trace *t, struct tracee *p)
{
	p->struck = true;
	remember(t, p);
	switch (t->o->kind) {
	case FAULT_KILL:
		if (!t->o->at_exit)
			strike_dead(t, p->pid);
		return;
	case FAULT_ERROR:
		p->replaced = peer_replace(p->pid) >= 0;
		return;
	case FAULT_SHORT:
		cut_short(p);
		return;
	case FAULT_NONE:
		return;
	}
}

static void on_entry(struct trace *t, struct tracee *p, const struct peer_call *raw)
{
	uint64_t at = t->o->at;
	bool again = p->again && raw->nr == p->call.raw.nr;

	call_done(&p->call);
	call_describe(p->pid, raw, &p->call);
	p->in_call = true;
	p->struck = p->replaced = p->again = false;
	p->cut_arg = -1;
	if (again || !is_counted(t, &p->call))
		return;
	t->result->calls++;
	if (at && (t->result->calls == at || (t->o->sticky && t->result->calls > at)))
		strike_at_entry(t, p);
}

static int64_t undo(const struct trace *t, const struct tracee *p, int64_t result)
{
	if (p->cut_arg >= 0)
		(void)peer_set_arg(p->pid, (unsigned)p->cut_arg, p->call.raw.args[p->cut_arg]);
	if (!p->replaced)
		return result;
	/* In this order: on some machines the first argument's register is the result's. */
	(void)peer_set_arg(p->pid, 0, p->call.raw.args[0]);
	(void)peer_set_result(p->pid, -t->o->error);
	return -t->o->error;
}

static void on_exit_of_call(struct trace *t, struct tracee *p, int64_t result)
{
	if (!p->in_call)
		return;
	result = undo(t, p, result);
	if (t->o->log)
		call_log(t->o->log, &p->call, result,
			result >= 0 && call_opens(&p->call) ? call_fd_inode(p->pid, result) : 0);
	p->in_call = false;
	p->again = result <= -RESTART_FIRST && result >= -RESTART_LAST;
	if (p->struck && t->o->kind == FAULT_KILL && t->o->at_exit)
		strike_dead(t, p->pid);
}

static void on_call_stop(struct trace *t, struct tracee *p)
{
	struct peer_call raw;

	if (!t->started || t->killed || peer_look(p->pid, &raw) < 0)
		return;
	if (raw.stop == PEER_ENTRY)
		on_entry(t, p, &raw);
	else if (raw.stop == PEER_EXIT)
		on_exit_of_call(t, p, raw.result);
}

/* --- events --- */

static void on_event(struct trace *t, struct tracee *p, unsigned event)
{
	unsigned long message = 0;

	if (peer_ptrace(PTRACE_GETEVENTMSG, p->pid, 0, (uintptr_t)&message) < 0)
		return;
	if (event == PTRACE_EVENT_EXEC) {
		t->started |= p->pid == t->first;
		/* A thread that executes takes its leader's place. */
		if ((pid_t)message != p->pid)
			forget(t, (pid_t)message);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		   event == PTRACE_EVENT_CLONE) {
		(void)find_or_add(t, (pid_t)message);
	}
}

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void on_stop(struct trace *t, pid_t pid, int status)
{
	struct tracee *p = find_or_add(t, pid);
	int sig = WSTOPSIG(status);
	unsigned event = EVENT_OF(status);

	if (sig == (SIGTRAP | 0x80)) {
		on_call_stop(t, p);
		go_on(p, 0);
	} else if (event == PTRACE_EVENT_STOP && is_stop_signal(sig)) {
		(void)peer_ptrace(PTRACE_LISTEN, pid, 0, 0);
	} else if (event) {
		on_event(t, p, event);
		p = find(t, pid); /* the table may have moved */
		if (p)
			go_on(p, 0);
	} else {
		go_on(p, sig);
	}
}

static void on_end(struct trace *t, pid_t pid, int status)
{
	struct tracee *p = find(t, pid);
	/* exit_group does not return: what was to happen behind it happens now. */
	bool late = p && p->struck && t->o->kind == FAULT_KILL && t->o->at_exit && !t->killed;

	if (pid == t->first) {
		t->first_ended = true;
		t->result->status = status;
		t->grace = clock_boottime_ns() + GRACE_NS;
	}
	forget(t, pid);
	if (late && !t->o->only_one)
		kill_tree(t);
}

static void check_clock(struct trace *t)
{
	int64_t now = clock_boottime_ns();

	if (t->killed)
		return;
	if (now > t->deadline) {
		t->result->timed_out = true;
		kill_tree(t);
	} else if (t->first_ended && now > t->grace) {
		t->result->left = t->n;
		kill_tree(t);
	}
}

static int follow(struct trace *t, struct err *err)
{
	while (t->n > 0) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			return err_sys(err, errno, "wait");
		if (pid > 0 && WIFSTOPPED(status))
			on_stop(t, pid, status);
		else if (pid > 0)
			on_end(t, pid, status);
		check_clock(t);
	}
	return 0;
}

/* --- the first process --- */

static _Noreturn void become(const struct trace_options *o, int gate, char *const *argv)
{
	char byte;

	/* Until it is seized. */
	if (read(gate, &byte, 1) != 1)
		_exit(125);
	(void)close(gate);
	if (o->change_user &&
		(setgroups(0, NULL) < 0 || setgid(o->gid) < 0 || setuid(o->uid) < 0)) {
		perror("fault_driver: change user");
		_exit(125);
	}
	(void)execvp(*argv, argv);
	perror(*argv);
	_exit(127);
}

static int start(struct trace *t, char *const *argv, struct err *err)
{
	int gate[2];
	pid_t pid;

	if (pipe(gate) < 0)
		return err_sys(err, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0) {
		(void)close(gate[1]);
		become(t->o, gate[0], argv);
	}
	(void)close(gate[0]);
	t->first = pid;
	if (peer_ptrace(PTRACE_SEIZE, pid, 0, TRACE_OPTS) < 0) {
		(void)kill(pid, SIGKILL);
		return err_sys(err, errno, "trace");
	}
	(void)find_or_add(t, pid);
	/* From here on its stops are seen: the exec is the first that matters. */
	if (write(gate[1], "", 1) != 1)
		return err_sys(err, errno, "start");
	(void)close(gate[1]);
	return 0;
}

int trace_run(
	const struct trace_options *o, char *const *argv, struct trace_result *ret, struct err *err)
{
	struct trace t = { .o = o, .result = ret };
	int r = set_timer(true);

	*ret = (struct trace_result){ 0 };
	t.deadline = clock_boottime_ns() + (int64_t)o->timeout_ms * 1000000;
	if (r < 0)
		return err_sys(err, -r, "timer");
	r = start(&t, argv, err);
	if (r >= 0)
		r = follow(&t, err);
	(void)set_timer(false);
	free(t.items);
	return r;
}
