/*
 * Making and watching processes by descriptor: clone3, pidfd_open, pidfd_send_signal, waitid.
 *
 * clone_process is fork with namespaces: the child gets a copy of the memory, as after fork(2),
 * and returns 0. libc's fork handlers are not run: the child may only use what is
 * async-signal-safe, allocate nothing, and leave by exec or _exit.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* CLONE_NEW* are the kernel's; musl's <sched.h> has them all but this. */
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct clone_request {
	uint64_t namespaces; /* CLONE_NEW* */
	int cgroup_fd;	     /* start in this cgroup v2 directory, -1 = the caller's (5.7) */
	bool sibling;	     /* CLONE_PARENT: the new process is a child of our parent */
};

/*
 * In the parent: the pid, and a pidfd (O_CLOEXEC, owned by the caller). In the child: 0, every
 * signal disposition that was a handler is back to default. -errno on failure.
 */
pid_t clone_process(const struct clone_request *req, int *ret_pidfd) must_check;

/*
 * The same, with the memory shared instead of copied until the child's exec: it costs neither page
 * tables nor a page fault for each page that either side writes, about a tenth of a container's
 * start. What vfork(2) asks of a child holds, and more, because the parent goes on meanwhile:
 *
 *  - errno is one variable for both. While the child works the parent makes only calls that do
 *    not fail, or it waits; while the parent works the child waits for it in read(2).
 *  - What the child uses stays in place until it has executed or ended.
 *  - Dumpable is the memory's: turned off by the child it is off for the parent, too.
 *  - Signal handlers stay the parent's until the child resets them; keep signals blocked.
 *
 * fn runs on `stack` (size bytes, 16-aligned) and never returns. -ENOTSUP where memory cannot be
 * shared (sanitizers, a cgroup descriptor, CLONE_PARENT): use clone_process then.
 */
struct clone_stack {
	void *base;
	size_t size;
};
pid_t clone_process_sharing(const struct clone_request *req, const struct clone_stack *stack,
	int (*fn)(void *arg), void *arg, int *ret_pidfd) must_check;

/* A pidfd of a process that cannot have been reaped yet (a child of ours), O_CLOEXEC. */
int pidfd_open_pid(pid_t pid) must_check;

/* As kill(2), to that very process; -ESRCH when it has been reaped. */
int pidfd_signal(int pidfd, int sig);

/*
 * Wait for the child behind pidfd; retried on EINTR. *ret_status is as wait(2) reports it
 * (WIFEXITED, WTERMSIG ...). nohang: returns 0 when it still runs, 1 when reaped.
 */
int pidfd_wait(int pidfd, bool nohang, int *ret_status) must_check;

/* Wait status to the shell's habit: exit code, or 128 + signal. */
int wait_status_to_exit(int status);
