#include "sys/openat.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* The kernel's struct open_how. */
struct how {
	uint64_t flags, mode, resolve;
};

/* Links that are followed by hand while something missing is made; as the kernel's own limit. */
#define MAX_LINKS 40

/* EAGAIN: a rename elsewhere on the machine made a ".." or the root check uncertain. */
#define MAX_RETRIES 128

int openat_resolve(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = mode,
		.resolve = resolve,
	};

	for (int i = 0; i < MAX_RETRIES; i++) {
		long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

/* openat2 takes "" as a missing name; the root itself is ".". */
static const char *relative(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int openat_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	return openat_resolve(
		root_fd, relative(path), flags, mode, OPENAT_IN_ROOT | OPENAT_NO_MAGICLINKS);
}

int openat_strict(int dir_fd, const char *path, int flags, mode_t mode)
{
	return openat_resolve(dir_fd, relative(path), flags, mode,
		OPENAT_BENEATH | OPENAT_NO_SYMLINKS | OPENAT_NO_MAGICLINKS | OPENAT_NO_XDEV);
}

/* A path that changes while links in it are replaced by their text. */
struct walk {
	char path[PATH_MAX];
	unsigned links;
};

static int walk_init(struct walk *w, const char *path)
{
	w->links = 0;
	return str_copy(w->path, sizeof(w->path), relative(path)) ? 0 : -ENAMETOOLONG;
}

/*
 * The component that begins at `start` and ends at `end` is a link to something missing, in the
 * directory parent_fd: put its target in its place. The kernel resolves ".." and links in what
 * comes before, so the text may simply be pasted. When it is no link, or gone, somebody else was
 * quicker: nothing is changed, and the walk begins again. That counts as a link, so that it ends.
 */
static int walk_follow(struct walk *w, int parent_fd, size_t start, size_t end)
{
	char name[NAME_MAX + 1], target[PATH_MAX], result[PATH_MAX];
	ssize_t n;
	int r;

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';
	n = readlinkat(parent_fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	target[n] = '\0';
	r = snprintf(result, sizeof(result), "%.*s%s%s", target[0] == '/' ? 0 : (int)start, w->path,
		target, w->path + end);
	if (r < 0 || (size_t)r >= sizeof(result))
		return -ENAMETOOLONG;
	return str_copy(w->path, sizeof(w->path), relative(result)) ? 0 : -ENAMETOOLONG;
}

/* O_PATH of the first `len` bytes of the path. */
static int walk_open(const struct walk *w, int root_fd, size_t len, int flags)
{
	char prefix[PATH_MAX];

	memcpy(prefix, w->path, len);
	prefix[len] = '\0';
	return openat_in_root(root_fd, len ? prefix : ".", O_PATH | flags, 0);
}

static size_t component_end(const struct walk *w, size_t start)
{
	while (w->path[start] && w->path[start] != '/')
		start++;
	return start;
}

/*
 * One component of a directory path. Returns 1 when it is there (made or found), 0 when the path
 * was rewritten and the walk has to begin again.
 */
static int make_component(struct walk *w, int root_fd, size_t start, size_t end, mode_t mode)
{
	char name[NAME_MAX + 1];
	autofd int parent = -EBADF;
	int fd;

	fd = walk_open(w, root_fd, end, O_DIRECTORY);
	if (fd >= 0) {
		fd_close(fd);
		return 1;
	}
	if (fd != -ENOENT)
		return fd;
	parent = walk_open(w, root_fd, start, O_DIRECTORY);
	if (parent < 0)
		return parent;
	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->path + start, end - start);
	name[end - start] = '\0';
	if (mkdirat(parent, name, mode) == 0)
		return 1;
	if (errno != EEXIST)
		return -errno;
	/* There, and yet not to be opened: a link whose target is missing. */
	fd = walk_follow(w, parent, start, end);
	return fd < 0 ? fd : 0;
}

static int make_dirs(struct walk *w, int root_fd, size_t len, mode_t mode)
{
	size_t start = 0;

	while (start < len) {
		size_t end = component_end(w, start);
		int r = end > start ? make_component(w, root_fd, start, end, mode) : 1;

		if (r < 0)
			return r;
		if (r == 0)
			return 0;
		start = end + (w->path[end] == '/');
	}
	return 1;
}

int openat_make_dirs(int root_fd, const char *path, mode_t mode)
{
	struct walk w;
	int r, fd;

	fd = openat_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;
	r = walk_init(&w, path);
	if (r < 0)
		return r;
	do {
		r = make_dirs(&w, root_fd, strlen(w.path), mode);
	} while (r == 0);
	if (r < 0)
		return r;
	return openat_in_root(root_fd, w.path, O_PATH | O_DIRECTORY, 0);
}

/* Where the last component begins. */
static size_t last_component(struct walk *w)
{
	size_t len = strlen(w->path);

	while (len > 1 && w->path[len - 1] == '/')
		w->path[--len] = '\0';
	while (len > 0 && w->path[len - 1] != '/')
		len--;
	return len;
}

/* As make_component, for the regular file at the end of the path. */
static int make_leaf(struct walk *w, int root_fd, size_t start, mode_t mode, int *ret_fd)
{
	autofd int parent = walk_open(w, root_fd, start, O_DIRECTORY), made = -EBADF;
	const char *name = w->path + start;
	int r;

	if (parent < 0)
		return parent;
	made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode);
	if (made < 0 && errno != EEXIST)
		return -errno;
	if (made < 0) {
		r = walk_follow(w, parent, start, start + strlen(name));
		return r < 0 ? r : 0;
	}
	r = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (r < 0)
		return -errno;
	*ret_fd = r;
	return 1;
}

int openat_make_file(int root_fd, const char *path, mode_t dir_mode, mode_t mode)
{
	struct walk w;
	int r, fd = -EBADF;

	r = walk_init(&w, path);
	if (r < 0)
		return r;
	for (;;) {
		size_t start;

		fd = openat_in_root(root_fd, w.path, O_PATH, 0);
		if (fd != -ENOENT)
			return fd;
		start = last_component(&w);
		r = make_dirs(&w, root_fd, start, dir_mode);
		if (r > 0)
			r = make_leaf(&w, root_fd, start, mode, &fd);
		if (r != 0)
			return r < 0 ? r : fd;
	}
}

ssize_t openat_read_in_root(int root_fd, const char *path, void *buf, size_t size)
{
	autofd int fd = openat_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	size_t done = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > 0 && (uint64_t)st.st_size > size)
		return -EFBIG;
	/* One byte more than it claims to hold: the end is then seen by the same call. */
	if (st.st_size > 0 && (size_t)st.st_size < size)
		size = (size_t)st.st_size + 1;
	for (;;) {
		ssize_t n = read(fd, (char *)buf + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
		if (n == 0 || (st.st_size > 0 && done == (size_t)st.st_size))
			return (ssize_t)done;
		if (done == size) /* grew while it was read, or lies about its size */
			return -EFBIG;
	}
}
