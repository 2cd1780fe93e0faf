#include "sys/clone.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define K_CLONE_PIDFD	      0x00001000ULL
#define K_CLONE_PARENT	      0x00008000ULL
#define K_CLONE_CLEAR_SIGHAND 0x100000000ULL
#define K_CLONE_INTO_CGROUP   0x200000000ULL
#define K_P_PIDFD	      3

/* struct clone_args of 5.7 (CLONE_ARGS_SIZE_VER2). */
struct clone_args_k {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/*
 * Filters of surrounding containers answer clone3 with ENOSYS, since they cannot see its flags, and
 * let the old call through. It clears no signal handlers: every child of ours does that itself.
 * The third argument takes the pidfd on x86-64, arm64 and riscv64 alike.
 */
static long old_clone(const struct clone_request *req, int *ret_pidfd)
{
	unsigned long flags = (unsigned long)req->namespaces | K_CLONE_PIDFD;

	flags |= req->sibling ? K_CLONE_PARENT : SIGCHLD;
	return syscall(SYS_clone, flags, 0UL, ret_pidfd, 0UL, 0UL);
}

pid_t clone_process(const struct clone_request *req, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args_k args = {
		.flags = req->namespaces | K_CLONE_PIDFD | K_CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = req->sibling ? 0 : SIGCHLD,
	};
	long pid;

	if (req->cgroup_fd >= 0) {
		args.flags |= K_CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)req->cgroup_fd;
	}
	if (req->sibling)
		args.flags |= K_CLONE_PARENT;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && errno == ENOSYS && req->cgroup_fd < 0)
		pid = old_clone(req, &pidfd);
	if (pid < 0)
		return -errno;
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_SHARE false
#elif defined(__has_feature)
#define CAN_SHARE !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define CAN_SHARE true
#endif

pid_t clone_process_sharing(const struct clone_request *req, const struct clone_stack *stack,
	int (*fn)(void *arg), void *arg, int *ret_pidfd)
{
	/* Downwards on every architecture that we are built for. */
	char *top = (char *)stack->base + stack->size;
	int flags = (int)req->namespaces | CLONE_VM | (int)K_CLONE_PIDFD | SIGCHLD, pidfd = -1;
	pid_t pid;

	if (!CAN_SHARE || req->cgroup_fd >= 0 || req->sibling)
		return -ENOTSUP;
	/* The C library's: only it can switch stacks. The old call's flags end at 32 bits. */
	pid = clone(fn, top, flags, arg, &pidfd, NULL, NULL);
	if (pid < 0)
		return -errno;
	*ret_pidfd = pidfd;
	return pid;
}

int pidfd_open_pid(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */

	return fd < 0 ? -errno : (int)fd;
}

int pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

/* waitid's words into wait's number. */
static int to_status(const siginfo_t *si)
{
	switch (si->si_code) {
	case CLD_EXITED:
		return (si->si_status & 0xff) << 8;
	case CLD_DUMPED:
		return (si->si_status & 0x7f) | 0x80;
	default:
		return si->si_status & 0x7f;
	}
}

int pidfd_wait(int pidfd, bool nohang, int *ret_status)
{
	siginfo_t si;

	for (;;) {
		memset(&si, 0, sizeof(si));
		if (syscall(SYS_waitid, K_P_PIDFD, pidfd, &si, WEXITED | (nohang ? WNOHANG : 0),
			    NULL) == 0)
			break;
		if (errno != EINTR)
			return -errno;
	}
	if (si.si_pid == 0)
		return 0;
	*ret_status = to_status(&si);
	return 1;
}

int wait_status_to_exit(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
