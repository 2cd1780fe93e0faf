/*
 * Are two unpacked layers the same? A child that owns every mapped id walks both; it keeps a list
 * of directories still to be seen instead of one descriptor for each level, and reaches each by a
 * path in which no link is followed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "image/check_priv.h"
#include "sys/file.h"
#include "sys/openat.h"
#include "sys/xattr.h"
#include "userns/userns.h"

#define CHUNK	 (128 * 1024)
#define WHY_MAX	 1024
#define LINK_MAX (64 * 1024)

struct compare {
	int a, b; /* roots */
	int out;  /* where the first difference is written */
	char **todo;
	char *chunk_a, *chunk_b, *list_a, *list_b;
};

/* One directory, open in both trees. */
struct pair {
	struct compare *cmp;
	const char *path; /* "" for the root */
	int a, b;
};

/* The difference ends the walk: 0, so that "equal" is 1. */
static int differs(const struct pair *p, const char *name, const char *what)
{
	char text[WHY_MAX];
	int n = snprintf(
		text, sizeof(text), "%s%s%s: %s", p->path, *p->path ? "/" : "", name, what);

	(void)!write(p->cmp->out, text, n < WHY_MAX ? (size_t)n : WHY_MAX - 1);
	return 0;
}

static bool same_time(const struct timespec *x, const struct timespec *y)
{
	return x->tv_sec == y->tv_sec && x->tv_nsec == y->tv_nsec;
}

static const char *stat_difference(const struct stat *x, const struct stat *y)
{
	bool device = S_ISCHR(x->st_mode) || S_ISBLK(x->st_mode);

	if ((x->st_mode & S_IFMT) != (y->st_mode & S_IFMT))
		return "another kind of file";
	if (x->st_mode != y->st_mode)
		return "another mode";
	if (x->st_uid != y->st_uid || x->st_gid != y->st_gid)
		return "another owner";
	if (!same_time(&x->st_mtim, &y->st_mtim) && !S_ISCHR(x->st_mode))
		return "another time";
	if (device && x->st_rdev != y->st_rdev)
		return "another device";
	if (!S_ISDIR(x->st_mode) && x->st_size != y->st_size)
		return "another size";
	if (!S_ISDIR(x->st_mode) && x->st_nlink != y->st_nlink)
		return "another number of hard links";
	return NULL;
}

static bool same_xattr(struct compare *cmp, int a, int b, const char *name)
{
	ssize_t n = xattr_get(a, name, cmp->chunk_a, XATTR_VALUE_MAX);

	return n >= 0 && xattr_get(b, name, cmp->chunk_b, XATTR_VALUE_MAX) == n &&
	       memcmp(cmp->chunk_a, cmp->chunk_b, (size_t)n) == 0;
}

/* The same names, in whatever order, with the same values. */
static bool same_xattrs(struct compare *cmp, int a, int b)
{
	ssize_t n = xattr_list(a, cmp->list_a), m = xattr_list(b, cmp->list_b);

	if (n < 0 || n != m)
		return false;
	for (const char *name = cmp->list_a; name < cmp->list_a + n; name += strlen(name) + 1)
		if (!same_xattr(cmp, a, b, name))
			return false;
	return true;
}

/* 1 equal, 0 not, -errno. */
static int same_bytes(struct compare *cmp, int a, int b, struct err *err)
{
	for (;;) {
		ssize_t n = file_read(a, cmp->chunk_a, CHUNK, err);
		int r;

		if (n <= 0)
			return n < 0 ? (int)n : 1;
		r = file_read_exact(b, cmp->chunk_b, (size_t)n, err);
		if (r < 0)
			return r == -ERR_FORMAT ? 0 : r;
		if (memcmp(cmp->chunk_a, cmp->chunk_b, (size_t)n) != 0)
			return 0;
	}
}

static int compare_link(struct pair *p, const char *name)
{
	ssize_t n = readlinkat(p->a, name, p->cmp->chunk_a, LINK_MAX);

	if (n >= 0 && readlinkat(p->b, name, p->cmp->chunk_b, LINK_MAX) == n &&
		memcmp(p->cmp->chunk_a, p->cmp->chunk_b, (size_t)n) == 0)
		return 1;
	return differs(p, name, "another target");
}

static int compare_file(struct pair *p, const char *name, struct err *err)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	autofd int a = openat(p->a, name, flags), b = openat(p->b, name, flags);
	int r;

	if (a < 0 || b < 0)
		return differs(p, name, "it cannot be opened");
	if (!same_xattrs(p->cmp, a, b))
		return differs(p, name, "other extended attributes");
	r = same_bytes(p->cmp, a, b, err);
	if (r < 0)
		return differs(p, name, "it cannot be read");
	return r == 0 ? differs(p, name, "other content") : 1;
}

static int compare_entry(struct pair *p, const char *name, struct err *err)
{
	struct stat x, y;
	const char *what;

	if (fstatat(p->a, name, &x, AT_SYMLINK_NOFOLLOW) < 0 ||
		fstatat(p->b, name, &y, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "stat %s", name);
	what = stat_difference(&x, &y);
	if (what)
		return differs(p, name, what);
	if (S_ISDIR(x.st_mode))
		strv_pushf(&p->cmp->todo, "%s%s%s", p->path, *p->path ? "/" : "", name);
	else if (S_ISLNK(x.st_mode))
		return compare_link(p, name);
	else if (S_ISREG(x.st_mode))
		return compare_file(p, name, err);
	return 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int sorted_names(int fd, char ***ret, struct err *err)
{
	int r = file_list_dir(fd, ".", ret, err);

	if (r >= 0 && *ret)
		qsort(*ret, strv_len(*ret), sizeof(**ret), by_name);
	return r;
}

static int compare_pair(struct pair *p, struct err *err)
{
	AUTO(strv) char **a = NULL, **b = NULL;
	int r = sorted_names(p->a, &a, err);

	if (r >= 0)
		r = sorted_names(p->b, &b, err);
	if (r < 0)
		return r;
	if (!same_xattrs(p->cmp, p->a, p->b))
		return differs(p, ".", "other extended attributes");
	for (size_t i = 0; (a && a[i]) || (b && b[i]); i++) {
		const char *x = a ? a[i] : NULL, *y = b ? b[i] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x, y);

		if (order != 0)
			return differs(p, order < 0 ? x : y,
				order < 0 ? "it does not belong there" : "it is missing");
		r = compare_entry(p, x, err);
		if (r <= 0)
			return r;
	}
	return 1;
}

static int open_at(int root, const char *path, int *ret, struct err *err)
{
	int fd = openat_strict(root, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return err_sys(err, -fd, "open %s", path);
	*ret = fd;
	return 0;
}

static int compare_dir(struct compare *cmp, const char *path, struct err *err)
{
	autofd int a = -EBADF, b = -EBADF;
	int r = open_at(cmp->a, path, &a, err);

	if (r >= 0)
		r = open_at(cmp->b, path, &b, err);
	if (r < 0)
		return r;
	return compare_pair(&(struct pair){ .cmp = cmp, .path = path, .a = a, .b = b }, err);
}

static int compare_roots(struct compare *cmp, struct err *err)
{
	struct pair root = { .cmp = cmp, .path = "", .a = cmp->a, .b = cmp->b };
	struct stat x, y;
	const char *what;

	if (fstat(cmp->a, &x) < 0 || fstat(cmp->b, &y) < 0)
		return err_sys(err, errno, "stat the layer's root");
	what = stat_difference(&x, &y);
	return what ? differs(&root, ".", what) : 1;
}

/* In the child: 0 equal or told, 1 could not be done. */
static int compare_main(void *arg)
{
	struct compare *cmp = arg;
	struct err why = { 0 };
	size_t done = 0;
	int r;

	cmp->chunk_a = xmalloc(CHUNK);
	cmp->chunk_b = xmalloc(CHUNK);
	cmp->list_a = xmalloc(XATTR_LIST_MAX);
	cmp->list_b = xmalloc(XATTR_LIST_MAX);
	r = compare_roots(cmp, &why);
	strv_push(&cmp->todo, "");
	while (r > 0 && cmp->todo[done]) {
		autofree char *path = xstrdup(cmp->todo[done++]);

		r = compare_dir(cmp, path, &why);
	}
	if (r < 0)
		(void)!write(cmp->out, why.msg, why.len);
	return 0;
}

int tree_compare(int a_fd, int b_fd, const struct idmap *map, char **ret_why, struct err *err)
{
	struct compare cmp = { .a = a_fd, .b = b_fd };
	AUTO(buf) struct buf why = BUF_INIT(WHY_MAX);
	autofd int in = -EBADF, out = -EBADF;
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	in = fds[0];
	out = fds[1];
	cmp.out = out;
	r = userns_spawn(map, compare_main, &cmp, &pid, err);
	if (r < 0)
		return r;
	out = fd_close(out);
	r = buf_read_fd(&why, in, err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	if (status != 0)
		return err_set(err, EPROTO, "the comparison was ended");
	if (!why.len)
		return 1;
	*ret_why = buf_take(&why);
	return 0;
}
