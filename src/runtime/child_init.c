/*
 * --init: pid 1 of the container without another program. The child of the fork goes on to exec;
 * the parent forwards signals to it, reaps whatever is left to it, and ends as it ended.
 *
 * It is this program's own memory image, copied on write and not touched any more, with the
 * container's rights and filter; not dumpable, so that /proc/1/exe, fd and mem are closed to the
 * container (runtime_seal covers the executable for the cases where they are not).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/process.h"

/* Whatever can be caught and is not a fault of our own. */
static void fill_forwarded(sigset_t *set)
{
	static const int not_these[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
		SIGABRT, SIGSYS, SIGTTIN, SIGTTOU };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(not_these) / sizeof(not_these[0]); i++)
		sigdelset(set, not_these[i]);
}

/* Reap all that has ended; *ret_status is set and true returned when the main child is among it. */
static bool reap(pid_t main_child, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == main_child) {
			*ret_status = status;
			ended = true;
		}
	}
	return ended;
}

/* End as the child did, so that whoever waits for the container sees the same. */
static void leave(int status) __attribute__((noreturn));
static void leave(int status)
{
	/* Pid 1 cannot kill itself by a signal: the shell's number for it has to do. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void run_init(pid_t child, const sigset_t *set) __attribute__((noreturn));
static void run_init(pid_t child, const sigset_t *set)
{
	int status = 0;

	(void)process_close_from(3);
	process_rename("proa-init");
	for (;;) {
		siginfo_t si;
		int sig = sigwaitinfo(set, &si);

		if (sig < 0)
			continue;
		if (sig == SIGCHLD) {
			if (reap(child, &status))
				leave(status);
			continue;
		}
		/* From the terminal the whole foreground group has it already, child included. */
		if (si.si_code != SI_KERNEL)
			(void)kill(child, sig);
	}
}

/* The child in a group of its own, in front of the terminal when there is one. */
static void own_group(const struct child *c)
{
	pid_t self = getpid();

	(void)setpgid(0, 0);
	if (c->console_peer >= 0) {
		signal(SIGTTOU, SIG_IGN);
		(void)tcsetpgrp(0, self);
		signal(SIGTTOU, SIG_DFL);
	}
}

int child_op_init(struct child *c, const struct plan_op *op, struct err *err)
{
	sigset_t set;
	pid_t pid;

	(void)op;
	fill_forwarded(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* The raw call: fork handlers of libraries have nothing to do here. */
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return err_sys(err, errno, "cannot fork below the init");
	if (pid > 0)
		run_init(pid, &set);
	own_group(c);
	return 0;
}
