/*
 * The parent layers as one tree, the way overlay shows them: the topmost layer that has a path
 * decides, a whiteout ends the search, and so does an opaque directory on the way. Each layer is
 * walked component by component on descriptors; no link is followed here.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "image/unpack_priv.h"
#include "sys/xattr.h"

#define COPY_SIZE (256 * 1024)

enum found { FOUND_NOT, FOUND_STOP, FOUND_HERE };

/* Files are opened for reading once it is known that they are files: no device, no pipe. */
static int reopen_file(int above, const char *comp)
{
	return openat(above, comp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/*
 * One component. FOUND_NOT: ask the next layer. FOUND_STOP: nothing shows. FOUND_HERE: *fd is
 * comp now. *opaque: a directory on the way hides the layers below.
 */
static enum found layer_step(
	struct extract *x, int *fd, const char *comp, bool last, bool *opaque, struct stat *ret_st)
{
	autofd int above = TAKE_FD(*fd);

	*opaque = *opaque || whiteout_is_opaque(x, above, ".");
	*fd = openat(above, comp, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return extract_absent(x, errno) && !*opaque ? FOUND_NOT : FOUND_STOP;
	if (fstat(*fd, ret_st) < 0)
		return extract_absent(x, errno) ? FOUND_NOT : FOUND_STOP;
	if (whiteout_is(ret_st))
		return FOUND_STOP;
	if (!last)
		return S_ISDIR(ret_st->st_mode) ? FOUND_HERE : FOUND_STOP;
	if (S_ISREG(ret_st->st_mode)) {
		(void)fd_close(*fd);
		*fd = reopen_file(above, comp);
	}
	if (*fd < 0)
		(void)extract_absent(x, errno);
	return *fd >= 0 ? FOUND_HERE : FOUND_STOP;
}

static enum found layer_find(
	struct extract *x, int layer, const char *canon, int *ret_fd, struct stat *ret_st)
{
	autofd int fd = openat(layer, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	enum found found = fd >= 0 && fstat(fd, ret_st) == 0 ? FOUND_HERE : FOUND_STOP;
	bool opaque = false;
	const char *s = canon;

	if (found == FOUND_STOP)
		(void)extract_absent(x, errno);
	while (found == FOUND_HERE && *s) {
		char comp[TAR_NAME_MAX + 1];
		size_t n = strcspn(s, "/");

		if (n > TAR_NAME_MAX)
			return FOUND_STOP;
		memcpy(comp, s, n);
		comp[n] = '\0';
		s += n;
		s += strspn(s, "/");
		found = layer_step(x, &fd, comp, !*s, &opaque, ret_st);
	}
	if (found == FOUND_HERE)
		*ret_fd = TAKE_FD(fd);
	return found;
}

int lower_find(struct extract *x, const char *canon, struct stat *ret_st)
{
	x->result.asked_parents = true;
	for (size_t i = 0; i < x->config->n_lower; i++) {
		int fd = -EBADF;

		switch (layer_find(x, x->lower[i], canon, &fd, ret_st)) {
		case FOUND_HERE:
			return fd;
		case FOUND_STOP:
			return -ENOENT;
		case FOUND_NOT:
			break;
		}
	}
	return -ENOENT;
}

int lower_copy_xattrs(struct extract *x, int src, int dst, struct err *err)
{
	autofree char *list = xmalloc(XATTR_LIST_MAX);
	autofree uint8_t *value = xmalloc(XATTR_VALUE_MAX);
	ssize_t n = xattr_list(src, list);

	(void)x;
	if (n < 0)
		return err_sys(err, (int)-n, "list attributes in a parent layer");
	for (char *name = list; name < list + n; name += strlen(name) + 1) {
		ssize_t len;
		int r;

		/* Marks of overlay are the lower layer's own; security.selinux and such are the host's. */
		if (str_after(name, "user.overlay.") || str_after(name, "trusted.overlay."))
			continue;
		if (!str_after(name, "user.") && !str_after(name, "trusted.") &&
			!str_eq(name, "security.capability"))
			continue;
		len = xattr_get(src, name, value, XATTR_VALUE_MAX);
		if (len == -ENODATA)
			continue;
		if (len < 0)
			return err_sys(err, (int)-len, "read attribute %s in a parent layer", name);
		r = xattr_set(dst, name, value, (size_t)len, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* [offset, end) of src to the same place of dst. */
static int copy_range(struct extract *x, int src, int dst, off_t offset, off_t end, struct err *err)
{
	autofree uint8_t *data = xmalloc(COPY_SIZE);

	while (offset < end) {
		off_t left = end - offset;
		size_t want = left < COPY_SIZE ? (size_t)left : COPY_SIZE;
		ssize_t n = pread(src, data, want, offset);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read a file of a parent layer");
		if (n == 0)
			return err_set(err, ERR_FORMAT, "a file of a parent layer became shorter");
		r = extract_write(x, dst, data, (size_t)n, offset, err);
		if (r < 0)
			return r;
		offset += n;
	}
	return 0;
}

/* Holes stay holes: a sparse file of the parent may be larger than the disk. */
static int copy_content(struct extract *x, int src, int dst, off_t size, struct err *err)
{
	off_t data = 0, hole;
	int r = extract_reserve(x, (uint64_t)size, err);

	while (r >= 0 && data < size) {
		data = lseek(src, data, SEEK_DATA);
		if (data < 0 && errno == ENXIO) /* nothing but a hole up to the end */
			break;
		hole = data < 0 ? -1 : lseek(src, data, SEEK_HOLE);
		if (hole < 0)
			return err_sys(err, errno, "find the data of a file of a parent layer");
		r = copy_range(x, src, dst, data, hole < size ? hole : size, err);
		data = hole;
	}
	if (r >= 0 && ftruncate(dst, size) < 0)
		return err_sys(err, errno, "set size");
	return r;
}

static int copy_file(struct extract *x, int src, const struct stat *st, int dst, struct err *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	int r = copy_content(x, src, dst, st->st_size, err);

	if (r < 0)
		return r;
	if (fchown(dst, st->st_uid, st->st_gid) < 0 || fchmod(dst, st->st_mode & 07777) < 0)
		return err_sys(err, errno, "set owner and mode");
	r = lower_copy_xattrs(x, src, dst, err);
	if (r < 0)
		return r;
	if (futimens(dst, times) < 0)
		return err_sys(err, errno, "set time");
	return 0;
}

static int copy_link(
	int src, const struct stat *st, struct place *p, const char *leaf, struct err *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };
	char target[TAR_PATH_MAX + 1];
	ssize_t n = readlinkat(src, "", target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(err, errno, "read a link of a parent layer");
	target[n] = '\0';
	if (symlinkat(target, p->fd, leaf) < 0 ||
		fchownat(p->fd, leaf, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		utimensat(p->fd, leaf, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "copy a link of a parent layer");
	return 0;
}

int lower_copy_up(struct extract *x, int src, const struct stat *st, struct place *p,
	const char *leaf, struct err *err)
{
	int r = extract_count(x, err);

	if (r < 0)
		return r;
	if (S_ISLNK(st->st_mode))
		return copy_link(src, st, p, leaf, err);
	autofd int dst = openat(p->fd, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		st->st_mode & 0777);
	if (dst < 0)
		return err_sys(err, errno, "create");
	return copy_file(x, src, st, dst, err);
}
