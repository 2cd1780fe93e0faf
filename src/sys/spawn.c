#include "sys/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/clone.h"

/*
 * Descriptors are first moved above every number that the helper gets, so that one dup2 cannot
 * land on the source of a later one.
 */
#define SPAWN_FIRST_FREE_FD 64
#define SPAWN_MAX_FDS	    8

struct fd_list {
	int from[SPAWN_MAX_FDS + 3], to[SPAWN_MAX_FDS + 3];
	size_t n;
};

static void fd_list_done(struct fd_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		fd_close(l->from[i]);
}
DEFINE_AUTO(fd_list, struct fd_list, fd_list_done)

static int fd_list_add(struct fd_list *l, int from, int to)
{
	int fd = fcntl(from, F_DUPFD_CLOEXEC, SPAWN_FIRST_FREE_FD);

	if (fd < 0)
		return -errno;
	l->from[l->n] = fd;
	l->to[l->n++] = to;
	return 0;
}

static int fd_list_fill(struct fd_list *l, const struct spawn_request *req)
{
	const int stdio[3] = { req->stdin_fd, req->stdout_fd, req->stderr_fd };
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r;

	if (null < 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		r = fd_list_add(l, stdio[i] < 0 ? null : stdio[i], i);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < req->n_fds; i++) {
		r = fd_list_add(l, req->fds[i].from, req->fds[i].to);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Unblocked and default, whatever the caller's own parent left ignored. */
static int fill_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	r = posix_spawnattr_setsigmask(attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(attr, &all);
	if (!r)
		r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -r;
}

static int spawn_with(const struct spawn_request *req, const struct fd_list *l, pid_t *ret_pid)
{
	static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const clean_env[] = { path_env, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int r;

	r = -posix_spawn_file_actions_init(&actions);
	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attr);
	if (r < 0) {
		posix_spawn_file_actions_destroy(&actions);
		return r;
	}
	for (size_t i = 0; i < l->n && r == 0; i++)
		r = -posix_spawn_file_actions_adddup2(&actions, l->from[i], l->to[i]);
	if (r == 0)
		r = fill_attributes(&attr);
	if (r == 0)
		r = -posix_spawn(ret_pid, req->path, &actions, &attr, req->argv,
			req->env ? req->env : clean_env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int spawn_start(const struct spawn_request *req, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	AUTO(fd_list) struct fd_list list = { .n = 0 };
	pid_t pid = 0;
	int r, fd;

	assert_that(req->n_fds <= SPAWN_MAX_FDS);
	r = fd_list_fill(&list, req);
	if (r < 0)
		return err_sys(err, -r, "cannot prepare descriptors for %s", req->path);
	r = spawn_with(req, &list, &pid);
	if (r < 0)
		return err_sys(err, -r, "cannot run %s", req->path);
	fd = pidfd_open_pid(pid); /* ours and not reaped: the number cannot be somebody else's */
	if (fd < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return err_sys(err, -fd, "cannot open a pidfd of %s", req->path);
	}
	*ret_pid = pid;
	*ret_pidfd = fd;
	return 0;
}
