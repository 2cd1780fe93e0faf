/*
 * What a start needs before its clone. The child allocates nothing and looks nothing up on the
 * host but the paths that are found here.
 */
#include "runtime/start_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/strv.h"

static int find_dir(int fd, struct child_dir *ret, struct err *err)
{
	char link[40], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot find the path of a layer");
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "%.*s", (int)n, path);
	path[n] = '\0';
	*ret = (struct child_dir){ xstrdup(path), st.st_dev, st.st_ino };
	return 0;
}

static int prepare_root(struct runtime_start *s, struct err *err)
{
	const struct spec_root *root = &s->spec->root;
	int r = 0;

	if (root->kind != SPEC_ROOT_OVERLAY)
		return 0;
	s->lower = NEW_ARRAY(struct child_dir, root->n_lower);
	s->child->lower = s->lower;
	for (size_t i = 0; i < root->n_lower && r >= 0; i++)
		r = find_dir(root->lower_fds[i], &s->lower[i], err);
	if (r >= 0 && root->upper_fd >= 0)
		r = find_dir(root->upper_fd, &s->child->upper, err);
	if (r >= 0 && root->upper_fd >= 0)
		r = find_dir(root->work_fd, &s->child->work, err);
	return r;
}

/* docker's -v: a source that is missing becomes a directory, with its parents. */
static int make_source(const char *path, struct err *err)
{
	autofree char *copy = xstrdup(path);

	for (char *p = copy + 1;; p++) {
		char saved = *p;

		if (saved != '/' && saved != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "cannot make the bind source %s", path);
		*p = saved;
		if (!saved)
			return 0;
	}
}

static int prepare_sources(const struct spec *s, struct err *err)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		int r;

		if (m->kind != SPEC_MOUNT_BIND || !(m->flags & SPEC_MOUNT_CREATE_SOURCE) ||
			access(m->source, F_OK) == 0)
			continue;
		r = make_source(m->source, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_null(struct err *err)
{
	autofd int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "cannot open /dev/null");
	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(err, ERR_DENIED, "/dev/null of this host is not the null device");
	return TAKE_FD(fd);
}

/*
 * No directory (a way out of the root, CVE-2024-21626) and no terminal (TIOCSTI pushes input into
 * the caller's shell, CVE-2016-10124 and its family).
 */
static int check_stdio(int fd, int number, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "descriptor for %d of the container", number);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_DENIED, "descriptor %d is a directory", number);
	if (isatty(fd))
		return err_set(err, ERR_DENIED, "descriptor %d is a terminal of the host", number);
	return 0;
}

static int prepare_stdio(struct runtime_start *s, struct err *err)
{
	if (s->spec->flags & SPEC_TERMINAL)
		return 0;
	for (int i = 0; i < 3; i++) {
		int fd = s->spec->stdio[i], r = 0;

		if (fd >= 0)
			r = check_stdio(fd, i, err);
		else if (s->null_fd < 0)
			r = s->null_fd = open_null(err);
		if (r < 0)
			return r;
		s->child->stdio[i] = fd >= 0 ? fd : s->null_fd;
	}
	return 0;
}

/* The strings stay the spec's; only the vector is new, with a place for HOME. */
static void prepare_env(struct runtime_start *s)
{
	struct child *c = s->child;
	size_t n = strv_len(s->spec->env);

	c->env = NEW_ARRAY(char *, n + 2);
	for (size_t i = 0; i < n; i++)
		c->env[i] = s->spec->env[i];
	c->home = strv_env_get(s->spec->env, "HOME") ? NULL : &c->env[n];
}

static int prepare(struct runtime_start *s, struct err *err)
{
	int fds[2], r;

	r = spec_check(s->spec, err);
	if (r >= 0)
		r = plan_make(s->spec, &s->plan, err);
	if (r < 0)
		return r;
	s->child = NEW(struct child);
	s->child->spec = s->spec;
	s->child->plan = s->plan;
	s->child->console_master = s->child->console_peer = -EBADF;
	s->child->slots = NEW_ARRAY(int, s->plan->n_slots);
	s->child->mounts = NEW_ARRAY(struct child_mount, s->plan->n_ops);
	for (unsigned i = 0; i < s->plan->n_slots; i++)
		s->child->slots[i] = -EBADF;
	prepare_env(s);
	r = prepare_root(s, err);
	if (r >= 0)
		r = prepare_sources(s->spec, err);
	if (r >= 0)
		r = prepare_stdio(s, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	s->sock = s->sock_number = fds[0];
	s->child_sock = s->child->sock = fds[1];
	return 0;
}

int start_prepare(const struct spec *spec, struct runtime_start **ret, struct err *err)
{
	struct runtime_start *s = NEW(struct runtime_start);

	s->spec = spec;
	s->null_fd = s->sock = s->child_sock = -EBADF;
	*ret = s;
	return prepare(s, err);
}

void start_free(struct runtime_start *s)
{
	for (size_t i = 0; s->lower && i < s->spec->root.n_lower; i++)
		free(s->lower[i].path);
	free(s->lower);
	if (s->child) {
		free(s->child->upper.path);
		free(s->child->work.path);
		free(s->child->slots);
		free(s->child->mounts);
		free(s->child->env);
		free(s->child);
	}
	plan_free(s->plan);
	fd_close(s->null_fd);
	fd_close(s->sock);
	fd_close(s->child_sock);
	free(s);
}
