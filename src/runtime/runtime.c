/*
 * The parent's side of a start: everything is prepared, then one clone3; while the child mounts,
 * the maps are written and its start time is read; then it says "ready" and waits for "go".
 *
 * Messages over one SEQPACKET pair, each a whole: 'm' and 'g' down, a struct child_ready (with the
 * pty's master) or a struct err up. The end of the socket after "go" is the exec.
 */
#include "runtime/runtime.h"

#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/start_priv.h"
#include "sys/clone.h"
#include "sys/process.h"
#include "sys/signal.h"
#include "userns/userns.h"

/*
 * The child's stack while it shares our memory; a second start before the first one's release gets
 * a copy of the memory instead.
 */
#define STACK_SIZE (256 * 1024)
static char stack[STACK_SIZE] __attribute__((aligned(64)));
static bool stack_is_used;

/* The child has executed, or is gone: nobody uses what it shared with us any more. */
static void let_go(struct runtime_start *s)
{
	if (s->owns_stack) {
		(void)process_set_dumpable(s->was_dumpable);
		stack_is_used = false;
	}
	start_free(s);
}
DEFINE_AUTO_PTR(start, struct runtime_start, let_go)

static uint64_t namespaces(const struct spec *s)
{
	uint64_t ns = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP;

	if (!(s->flags & SPEC_HOST_IPC))
		ns |= CLONE_NEWIPC;
	if (!(s->flags & SPEC_HOST_UTS))
		ns |= CLONE_NEWUTS;
	if (s->map.kind != IDMAP_NONE)
		ns |= CLONE_NEWUSER;
	if (s->network == SPEC_NETWORK_NONE)
		ns |= CLONE_NEWNET;
	return ns;
}

static int child_begin(void *arg) __attribute__((noreturn));
static int child_begin(void *arg)
{
	struct runtime_start *s = arg;

	/* Our copy of the parent's end: while it is open, its death would not be seen. */
	(void)close(s->sock_number);
	signal_default_all();
	(void)umask(0);
	child_run(s->child);
}

/*
 * A pid 1 of ours stays, so it needs memory of its own. An OOM score belongs to the memory: the
 * kernel would set the parent's, too.
 */
static pid_t clone_shared(
	struct runtime_start *s, const struct clone_request *req, struct runtime_process *p)
{
	const struct clone_stack where = { stack, sizeof(stack) };
	pid_t pid;

	if (s->spec->flags & SPEC_INIT || s->spec->oom_score_adj != INT32_MIN || stack_is_used)
		return -ENOTSUP;
	s->was_dumpable = process_is_dumpable();
	pid = clone_process_sharing(req, &where, child_begin, s, &p->pidfd);
	if (pid > 0)
		s->owns_stack = stack_is_used = true;
	return pid;
}

/*
 * Memory that an earlier child shares is not dumpable by now; a copy of it would be born so, and
 * nobody could write its id map.
 */
static pid_t clone_copied(
	struct runtime_start *s, const struct clone_request *req, struct runtime_process *p)
{
	bool dumpable = process_is_dumpable();
	pid_t pid;

	if (!dumpable)
		(void)process_set_dumpable(true);
	pid = clone_process(req, &p->pidfd);
	if (pid == 0)
		child_begin(s);
	if (!dumpable)
		(void)process_set_dumpable(false);
	return pid;
}

static int clone_child(struct runtime_start *s, struct runtime_process *p, struct err *err)
{
	const struct clone_request req = { .namespaces = namespaces(s->spec), .cgroup_fd = -1 };
	pid_t pid = clone_shared(s, &req, p);

	if (pid == -ENOTSUP)
		pid = clone_copied(s, &req, p);
	if (pid < 0 && req.namespaces & CLONE_NEWUSER)
		return userns_explain(-pid, err);
	if (pid == -EPERM)
		return err_set(err, ERR_UNSUPPORTED,
			"cannot make namespaces: this root has no CAP_SYS_ADMIN, or a surrounding "
			"container filters the call");
	if (pid < 0)
		return err_sys(err, -pid, "cannot make namespaces");
	p->pid = pid;
	s->child_sock = fd_close(s->child_sock);
	p->socket = TAKE_FD(s->sock);
	return 0;
}

static int send_byte(const struct runtime_process *p, char c, struct err *err)
{
	if (send(p->socket, &c, 1, MSG_NOSIGNAL) != 1)
		return err_sys(err, errno, "the container's first process is gone");
	return 0;
}

/* It died without a word: say at least how. */
static int explain_death(struct runtime_process *p, struct err *err)
{
	int status = 0;

	if (pidfd_wait(p->pidfd, false, &status) < 0)
		status = 0;
	p->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(err, ERR_WRONG_STATE,
			"the container's first process was killed by signal %d while it was set up",
			WTERMSIG(status));
	return err_set(err, ERR_WRONG_STATE,
		"the container's first process ended (status %d) while it was set up",
		WEXITSTATUS(status));
}

/* The end of the story told by the child itself. */
static int take_error(const struct err *told, struct err *err)
{
	int kind = told->kind ? told->kind : EIO;

	if (err) {
		*err = *told;
		err->msg[sizeof(err->msg) - 1] = '\0';
	}
	return -kind;
}

/*
 * One message of the child: 1 with *ret_ready filled, 0 at the end of the socket, or the child's
 * failure. A descriptor that comes along becomes the console.
 */
static int receive(
	struct runtime_process *p, int flags, struct child_ready *ret_ready, struct err *err)
{
	union {
		struct child_ready ready;
		struct err err;
	} msg;
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { &msg, sizeof(msg) };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cm;
	ssize_t n;

	do {
		n = recvmsg(p->socket, &mh, MSG_CMSG_CLOEXEC | flags);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0)
		return err_sys(err, errno, "cannot hear from the container's first process");
	cm = CMSG_FIRSTHDR(&mh);
	if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
		__builtin_memcpy(&p->console_fd, CMSG_DATA(cm), sizeof(int));
	if ((size_t)n == sizeof(msg.err))
		return take_error(&msg.err, err);
	if ((size_t)n != sizeof(msg.ready))
		return err_set(err, ERR_FORMAT, "unexpected message of %zd bytes", n);
	*ret_ready = msg.ready;
	return 1;
}

static void warn_degraded(uint32_t degraded)
{
	if (degraded & CHILD_OUTER_PROC)
		log_warn("the container sees the /proc of the surrounding container, because a new "
			 "one cannot be mounted here");
	if (degraded & CHILD_NO_SYSFS)
		log_warn("the container sees a read-only copy of the host's /sys");
	if (degraded & CHILD_NO_DEVICE)
		log_warn("some of /dev/{null,zero,full,random,urandom,tty} are missing on this "
			 "host");
	if (degraded & CHILD_NO_MQUEUE)
		log_debug(
			"no POSIX message queues on this kernel: /dev/mqueue is a plain directory");
	if (degraded & CHILD_NO_CGROUP)
		log_debug("no cgroup2 file system can be mounted: /sys/fs/cgroup shows none");
}

/* What the parent has to do while the child mounts. */
static int help_child(const struct spec *s, struct runtime_process *p, struct err *err)
{
	struct idmap_job job;
	bool ranges = s->map.kind == IDMAP_RANGES;
	int r = 0, r2;

	if (ranges)
		r = idmap_write_start(&s->map, p->pid, &job, err);
	if (r < 0)
		return r;
	r = process_start_time(p->pid, &p->start_time, err);
	if (!ranges)
		return r;
	r2 = idmap_write_finish(&job, r < 0 ? NULL : err);
	if (r >= 0)
		r = r2;
	return r < 0 ? r : send_byte(p, CHILD_MSG_MAPPED, err);
}

static int start_child(struct runtime_start *s, struct runtime_process *p, struct err *err)
{
	struct child_ready ready;
	struct err told = { 0 };
	int r, r2;

	r = clone_child(s, p, err);
	if (r < 0)
		return r;
	r = help_child(s->spec, p, err);
	if (r < 0) {
		/* The child's own failure is the cause, if it had one. */
		r2 = receive(p, MSG_DONTWAIT, &ready, &told);
		return r2 < 0 && told.kind && r2 != -EAGAIN ? take_error(&told, err) : r;
	}
	r = receive(p, 0, &ready, err);
	if (r == 0)
		return explain_death(p, err);
	if (r < 0)
		return r;
	warn_degraded(ready.degraded);
	return 0;
}

int runtime_start(const struct spec *spec, struct runtime_process *ret, struct err *err)
{
	AUTO(start) struct runtime_start *s = NULL;
	struct runtime_process p = RUNTIME_PROCESS_INIT;
	int r = start_prepare(spec, &s, err);

	if (r >= 0)
		r = start_child(s, &p, err);
	if (r < 0) {
		/* Before what it uses is freed. */
		runtime_done(&p);
		return r;
	}
	p.start = TAKE_PTR(s);
	*ret = p;
	return 0;
}

int runtime_release(struct runtime_process *p, struct err *err)
{
	struct child_ready ignored;
	int r;

	assert_that(p->socket >= 0);
	r = send_byte(p, CHILD_MSG_GO, err);
	if (r >= 0)
		r = receive(p, 0, &ignored, err);
	p->socket = fd_close(p->socket);
	if (r == 0) {
		let_go(TAKE_PTR(p->start));
		return 0;
	}
	if (r > 0)
		r = err_set(err, ERR_FORMAT, "unexpected message after the start");
	runtime_abort(p);
	return r;
}

int runtime_wait(struct runtime_process *p, int *ret_status, struct err *err)
{
	int r;

	if (p->pid == 0)
		return err_sys(err, ECHILD, "no process to wait for");
	r = pidfd_wait(p->pidfd, false, ret_status);
	if (r < 0)
		return err_sys(err, -r, "cannot wait for process %d", (int)p->pid);
	p->pid = 0;
	return 0;
}

void runtime_abort(struct runtime_process *p)
{
	int status;

	if (p->pid != 0) {
		(void)pidfd_signal(p->pidfd, SIGKILL);
		if (pidfd_wait(p->pidfd, false, &status) >= 0)
			p->pid = 0;
	}
	if (p->start)
		let_go(TAKE_PTR(p->start));
}

void runtime_done(struct runtime_process *p)
{
	runtime_abort(p);
	p->pidfd = fd_close(p->pidfd);
	p->console_fd = fd_close(p->console_fd);
	p->socket = fd_close(p->socket);
}
