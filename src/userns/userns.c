#include "userns/userns.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/process.h"

/*
 * Messages over a socket pair keep parent and child in step: 'u' from the child (its user namespace
 * exists), 'm' from the parent (its map is written), then an errno of the child, 0 when it is root
 * there. The end of the socket means that the other side died.
 */

int userns_explain(int errnum, struct err *err)
{
	int r = err_set(err, ERR_UNSUPPORTED, "cannot make a user namespace: %s", err_name(errnum));

	if (errnum == ENOSPC || errnum == EUSERS)
		return err_hint(err, r, "raise it: sysctl -w user.max_user_namespaces=15000");
	return err_hint(err, r,
		"allow it: sysctl -w kernel.unprivileged_userns_clone=1 (Debian), or "
		"kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); inside another "
		"container, "
		"start that one with --security-opt seccomp=unconfined");
}

static bool get_byte(int sock, char want)
{
	char c = 0;
	ssize_t n;

	do {
		n = read(sock, &c, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1 && c == want;
}

/* Raw calls: the C library's would look for threads to tell. */
static int become_root(const struct idmap *map)
{
	/* A single map denies setgroups; the caller's groups stay, unmapped. */
	if (map->kind == IDMAP_RANGES && syscall(SYS_setgroups, 0, NULL) < 0)
		return -errno;
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static void child_main(
	const struct idmap *map, int sock, pid_t parent, int (*fn)(void *arg), void *arg)
{
	int errnum;

	if (map->kind != IDMAP_NONE) {
		if (unshare(CLONE_NEWUSER) < 0) {
			errnum = errno;
			(void)!write(sock, &errnum, sizeof(errnum));
			_exit(125);
		}
		(void)!write(sock, "u", 1);
		if (!get_byte(sock, 'm'))
			_exit(125);
		errnum = -become_root(map);
		(void)!write(sock, &errnum, sizeof(errnum));
		if (errnum)
			_exit(125);
	}
	/* After the change of ids, which clears it; the parent may have died before. */
	(void)process_set_parent_death_signal(SIGKILL);
	if (getppid() != parent)
		_exit(125);
	fd_close(sock);
	_exit(fn(arg));
}

/* The child says 'u', or the errno of unshare. */
static int wait_for_namespace(int sock, struct err *err)
{
	char msg[sizeof(int)];
	ssize_t n;
	int errnum = EIO;

	do {
		n = read(sock, msg, sizeof(msg));
	} while (n < 0 && errno == EINTR);
	if (n == 1 && msg[0] == 'u')
		return 0;
	if (n == (ssize_t)sizeof(errnum))
		__builtin_memcpy(&errnum, msg, sizeof(errnum));
	return userns_explain(errnum, err);
}

/* 0 or the errno of the change of ids. */
static int wait_for_root(int sock, struct err *err)
{
	int errnum = 0;
	ssize_t n;

	do {
		n = read(sock, &errnum, sizeof(errnum));
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(errnum))
		return err_set(err, EPROTO, "a helper process ended early");
	return errnum ? err_sys(err, errnum, "become root of the user namespace") : 0;
}

int userns_spawn(
	const struct idmap *map, int (*fn)(void *arg), void *arg, pid_t *ret_pid, struct err *err)
{
	autofd int ours = -EBADF, theirs = -EBADF;
	int fds[2], r = 0;
	pid_t pid, self = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	ours = fds[0];
	theirs = fds[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "cannot fork");
	if (pid == 0) {
		fd_close(ours);
		child_main(map, theirs, self, fn, arg);
	}
	theirs = fd_close(theirs);
	if (map->kind != IDMAP_NONE) {
		r = wait_for_namespace(ours, err);
		if (r >= 0)
			r = idmap_write(map, pid, err);
		if (r >= 0 && send(ours, "m", 1, MSG_NOSIGNAL) != 1)
			r = err_sys(err, errno, "talk to a helper process");
		if (r >= 0)
			r = wait_for_root(ours, err);
	}
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	return 0;
}
