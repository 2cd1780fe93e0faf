/*
 * One entry of the archive -> one object in the tree.
 *
 * Everything is made new (O_EXCL, O_NOFOLLOW): what stood there is removed first, so that no entry
 * ever writes through something that an earlier one put in its way. Only a directory over a
 * directory keeps what is there.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "image/unpack_priv.h"
#include "sys/file.h"
#include "sys/xattr.h"

/* Files of this size are on their way to the disk before the layer is complete. */
#define WRITEBACK_SIZE (128 * 1024)

#define SPACE_STEP  (64ULL << 20) /* bytes between two looks at the free space */
#define SPACE_FLOOR (1ULL << 30)  /* or a twentieth of the file system, whichever is less */

/* --- budgets ------------------------------------------------------------------------------ */

int extract_count(struct extract *x, struct err *err)
{
	if (x->result.entries >= x->config->limits.entries)
		return err_set(err, ERR_LIMIT, "the layer has more than %llu entries",
			(unsigned long long)x->config->limits.entries);
	x->result.entries++;
	return 0;
}

static int space_check(struct extract *x, uint64_t bytes, struct err *err)
{
	struct statfs fs;
	uint64_t floor, free_bytes;

	if (fstatfs(x->tree_fd, &fs) < 0)
		return err_sys(err, errno, "free space");
	floor = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize / 20;
	if (floor > SPACE_FLOOR)
		floor = SPACE_FLOOR;
	free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (free_bytes < floor || free_bytes - floor < bytes)
		return err_sys(err, ENOSPC, "%llu MiB are free, %llu MiB of them are kept free",
			(unsigned long long)(free_bytes >> 20), (unsigned long long)(floor >> 20));
	return 0;
}

int extract_reserve(struct extract *x, uint64_t bytes, struct err *err)
{
	if (bytes > x->config->limits.bytes - x->result.file_bytes)
		return err_set(err, ERR_LIMIT, "the layer has more than %llu bytes in files",
			(unsigned long long)x->config->limits.bytes);
	x->result.file_bytes += bytes;
	return 0;
}

/* Before bytes are written that the archive really holds; holes cost nothing. */
static int space_use(struct extract *x, uint64_t bytes, struct err *err)
{
	x->unchecked += bytes;
	if (x->unchecked < SPACE_STEP)
		return 0;
	x->unchecked = 0;
	return space_check(x, SPACE_STEP, err);
}

int extract_write(
	struct extract *x, int fd, const uint8_t *data, size_t len, off_t offset, struct err *err)
{
	int r = space_use(x, len, err);

	while (r >= 0 && len) {
		ssize_t n = pwrite(fd, data, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "write");
		data += n;
		offset += n;
		len -= (size_t)n;
	}
	return r;
}

bool extract_absent(struct extract *x, int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ENODATA:
	case ENOTSUP:
	case ERANGE: /* longer than the one letter that counts */
	case EACCES:
	case EPERM:
		return true;
	default:
		if (!x->doubt)
			x->doubt = error;
		return false;
	}
}

/* --- kinds -------------------------------------------------------------------------------- */

typedef int (*make_fn)(struct extract *x, struct place *p, const char *leaf);

/* Make it; when something is there already, remove that and try again. */
static int make_new(
	struct extract *x, struct place *p, const char *leaf, make_fn make, struct err *err)
{
	mode_t was;
	int r = extract_count(x, err);

	if (r < 0)
		return r;
	r = make(x, p, leaf);
	if (r == -EEXIST) {
		r = place_clear(x, p, leaf, &was, err);
		if (r < 0)
			return r;
		x->replaced = true;
		r = make(x, p, leaf);
	} else if (r >= 0) {
		place_made(x, p, leaf);
	}
	return r < 0 ? err_sys(err, -r, "create") : r;
}

static int make_file(struct extract *x, struct place *p, const char *leaf)
{
	x->file_fd = openat(p->fd, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		x->attrs.mode & 0777);
	return x->file_fd < 0 ? -errno : 0;
}

static int make_symlink(struct extract *x, struct place *p, const char *leaf)
{
	return symlinkat(x->entry->linkpath, p->fd, leaf) < 0 ? -errno : 0;
}

static int make_node(struct extract *x, struct place *p, const char *leaf)
{
	const struct tar_entry *e = x->entry;
	mode_t type = e->type == TAR_FIFO ? S_IFIFO : e->type == TAR_CHAR ? S_IFCHR : S_IFBLK;
	dev_t dev = e->type == TAR_FIFO ? 0 : makedev(e->major, e->minor);

	return mknodat(p->fd, leaf, type | (x->attrs.mode & 0777), dev) < 0 ? -errno : 0;
}

static int file_begin(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	int r = extract_reserve(x, x->entry->size, err);

	if (r < 0)
		return r;
	return make_new(x, p, leaf, make_file, err);
}

static int plain_begin(
	struct extract *x, struct place *p, const char *leaf, make_fn make, struct err *err)
{
	int r = make_new(x, p, leaf, make, err);

	return r < 0 ? r : attrs_leaf(x, p, leaf, err);
}

/* An entry for a directory that was made already: what it carries replaces what was there. */
static int dir_again(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	autofd int fd = openat(p->fd, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofree char *list = xmalloc(XATTR_LIST_MAX);
	ssize_t n = fd < 0 ? -errno : xattr_list(fd, list);

	if (n < 0)
		return err_sys(err, (int)-n, "open directory");
	for (char *name = list; name < list + n; name += strlen(name) + 1)
		if (!str_after(name, "user.overlay.") && !str_after(name, "system.") &&
			!str_eq(name, "security.selinux"))
			(void)xattr_remove(fd, name);
	return attrs_xattrs(x, fd, err);
}

static int make_dir(struct extract *x, struct place *p, const char *leaf)
{
	return mkdirat(p->fd, leaf, x->attrs.mode & 0777) < 0 ? -errno : 0;
}

/* 1: a directory is there already. 2: a whiteout was, so the new one hides the old one. */
static int dir_make(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	mode_t was;
	struct stat st;
	int r = make_dir(x, p, leaf);

	if (r >= 0)
		place_made(x, p, leaf);
	if (r != -EEXIST)
		return r < 0 ? err_sys(err, -r, "create") : 0;
	x->replaced = true;
	if (fstatat(p->fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "stat");
	if (S_ISDIR(st.st_mode))
		return 1;
	r = place_clear(x, p, leaf, &was, err);
	if (r < 0)
		return r;
	r = make_dir(x, p, leaf);
	if (r < 0)
		return err_sys(err, -r, "create");
	return was ? 0 : 2;
}

static int dir_begin(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	char canon[TAR_PATH_MAX + 1];
	int r = extract_count(x, err), made;

	if (r < 0)
		return r;
	made = dir_make(x, p, leaf, err);
	if (made < 0)
		return made;
	if (made == 2) {
		r = whiteout_opaque(x, p, leaf, err);
		if (r < 0)
			return r;
	}
	if (made == 1 || x->entry->n_xattrs) {
		r = dir_again(x, p, leaf, err);
		if (r < 0)
			return r;
	}
	if (!path_append(canon, p->canon, leaf))
		return err_sys(err, ENAMETOOLONG, "create");
	return attrs_dir_later(x, canon, &x->attrs, err);
}

/* The archive's root: it is there already, and it stays a directory (CVE-2021-29136). */
static int root_begin(struct extract *x, struct err *err)
{
	int r;

	if (x->entry->type != TAR_DIR)
		return err_set(err, ERR_FORMAT, "the root of the archive is no directory");
	x->replaced = true;
	x->result.root_implied = false;
	r = extract_count(x, err);
	if (r >= 0)
		r = dir_again(x, &x->root, ".", err);
	if (r >= 0)
		r = attrs_dir_later(x, "", &x->attrs, err);
	return r < 0 ? r : attrs_record(x, "", err);
}

/* --- devices ------------------------------------------------------------------------------ */

/* Left out, yet what the parent layers have at its place must not show instead. */
static int device_skip(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	char canon[TAR_PATH_MAX + 1];
	struct stat st;
	mode_t was;
	int fd, r;

	if (x->config->flags & UNPACK_STRICT_DEVICES)
		return err_sys(err, EPERM, "create a device node");
	if (fstatat(p->fd, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		r = place_clear(x, p, leaf, &was, err);
		if (r < 0)
			return r;
		x->replaced = true;
	} else if (errno != ENOENT) {
		return err_sys(err, errno, "stat");
	}
	if (!path_append(canon, p->canon, leaf))
		return err_sys(err, ENAMETOOLONG, "create");
	x->left_out = true;
	x->result.devices_skipped++;
	x->result.warnings |= UNPACK_WARN_DEVICES;
	fd = lower_find(x, canon, &st);
	if (fd < 0)
		return 0;
	(void)fd_close(fd);
	return whiteout_make(x, p, leaf, err);
}

static int device_begin(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	const struct tar_entry *e = x->entry;
	int r;

	/* This is how overlay marks a deletion: whoever may make one deletes files of parents. */
	if (e->type == TAR_CHAR && e->major == 0 && e->minor == 0) {
		x->result.warnings |= UNPACK_WARN_FORGED;
		x->result.devices_skipped++;
		return 0;
	}
	if (x->config->map_kind != IDMAP_NONE)
		return device_skip(x, p, leaf, err);
	r = make_new(x, p, leaf, make_node, err);
	if (r == -EPERM)
		return device_skip(x, p, leaf, err);
	return r < 0 ? r : attrs_leaf(x, p, leaf, err);
}

/* --- hard links --------------------------------------------------------------------------- */

/* The target is in a parent layer: it becomes this layer's at its own place, as overlay would. */
static int link_copy_up(struct extract *x, struct target *t, struct err *err)
{
	autofd int src = -EBADF;
	struct place *p;
	const char *leaf;
	struct stat st;
	int r;

	src = t->hidden ? -ENOENT : lower_find(x, t->canon, &st);
	if (src < 0)
		return err_set(err, ERR_FORMAT, "hard link to %.200s, which does not exist",
			x->entry->linkpath);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_set(err, ERR_FORMAT, "hard link to %.200s, which is no file",
			x->entry->linkpath);
	r = place_parent(x, t->canon, &p, &leaf, err);
	if (r < 0)
		return r;
	r = lower_copy_up(x, src, &st, p, leaf, err);
	if (r < 0)
		return r;
	(void)fd_close(t->dir_fd);
	t->dir_fd = openat(p->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return t->dir_fd < 0 ? err_sys(err, errno, "open directory")
			     : attrs_record(x, t->canon, err);
}

static int link_check(const struct target *t, const struct stat *st, struct place *p,
	const char *leaf, struct err *err)
{
	struct stat there, above, below;

	if (S_ISDIR(st->st_mode))
		return err_set(err, ERR_FORMAT, "hard link to a directory");
	/* Another name of the same file is fine: it is made again. */
	if (fstatat(p->fd, leaf, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat");
	if (there.st_ino != st->st_ino || !str_eq(t->leaf, leaf))
		return 0;
	if (fstat(t->dir_fd, &above) < 0 || fstat(p->fd, &below) < 0)
		return err_sys(err, errno, "hard link");
	if (above.st_ino == below.st_ino)
		return err_set(err, ERR_FORMAT, "hard link to itself");
	return 0;
}

static int link_find(struct extract *x, struct target *t, struct stat *st, struct err *err)
{
	char clean[TAR_PATH_MAX + 1];
	int r = tar_path_clean(x->entry->linkpath, clean, err);

	if (r == 0)
		return err_set(err, ERR_FORMAT, "hard link to a directory");
	if (r < 0)
		return err_ctx(err, r, "hard link");
	r = place_target(x, clean, t, err);
	if (r < 0)
		return err_ctx(err, r == -ENOENT ? -ERR_FORMAT : r, "hard link to %.200s", clean);
	if (t->dir_fd >= 0 && fstatat(t->dir_fd, t->leaf, st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!whiteout_is(st))
			return 0;
		return err_set(
			err, ERR_FORMAT, "hard link to %.200s, which this layer deletes", clean);
	}
	if (t->dir_fd >= 0 && errno != ENOENT)
		return err_sys(err, errno, "hard link to %.200s", clean);
	r = link_copy_up(x, t, err);
	if (r < 0)
		return r;
	if (fstatat(t->dir_fd, t->leaf, st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "hard link to %.200s", clean);
	return 0;
}

static int link_begin(struct extract *x, struct err *err)
{
	struct target t = { .dir_fd = -EBADF };
	autofd int src = -EBADF;
	struct place *p;
	const char *leaf;
	struct stat st;
	mode_t was;
	int r = link_find(x, &t, &st, err);

	src = t.dir_fd;
	if (r < 0)
		return r;
	r = place_parent(x, x->path, &p, &leaf, err);
	if (r >= 0)
		r = link_check(&t, &st, p, leaf, err);
	if (r >= 0)
		r = extract_count(x, err);
	if (r < 0)
		return r;
	/* There is no copying when the kernel refuses (EXDEV): it would read what it must not. */
	if (linkat(src, t.leaf, p->fd, leaf, 0) == 0) {
		place_made(x, p, leaf);
		return 0;
	}
	if (errno != EEXIST)
		return err_sys(err, errno, "hard link to %.200s", x->entry->linkpath);
	r = place_clear(x, p, leaf, &was, err);
	if (r < 0)
		return r;
	if (linkat(src, t.leaf, p->fd, leaf, 0) < 0)
		return err_sys(err, errno, "hard link to %.200s", x->entry->linkpath);
	return 0;
}

/* --- the face ----------------------------------------------------------------------------- */

static int object_begin(struct extract *x, struct err *err)
{
	char canon[TAR_PATH_MAX + 1];
	struct place *p;
	const char *leaf;
	int r = place_parent(x, x->path, &p, &leaf, err);

	if (r < 0)
		return r;
	switch (x->entry->type) {
	case TAR_REG:
		r = file_begin(x, p, leaf, err);
		break;
	case TAR_DIR:
		r = dir_begin(x, p, leaf, err);
		break;
	case TAR_SYMLINK:
		r = plain_begin(x, p, leaf, make_symlink, err);
		break;
	case TAR_FIFO:
		r = plain_begin(x, p, leaf, make_node, err);
		break;
	case TAR_CHAR:
	case TAR_BLOCKDEV:
		r = device_begin(x, p, leaf, err);
		break;
	case TAR_HARDLINK:
		break;
	}
	if (r < 0)
		return r;
	if (!path_append(canon, p->canon, leaf))
		return err_sys(err, ENAMETOOLONG, "create");
	return attrs_record(x, canon, err);
}

int extract_entry_begin(struct extract *x, const struct tar_entry *e, struct err *err)
{
	int r;

	x->entry = e;
	x->replaced = x->left_out = false;
	r = tar_path_clean(e->path, x->path, err);
	if (r < 0)
		return r;
	if (!*x->path) {
		r = attrs_begin(x, e, err);
		return r < 0 ? r : root_begin(x, err);
	}
	/* Directories that have to be made for this entry take its time. */
	x->attrs = (struct attrs){ .mtime = e->mtime, .mtime_nsec = e->mtime_nsec };
	r = whiteout_entry(x, e, err);
	if (r)
		return r < 0 ? r : 0;
	r = attrs_begin(x, e, err);
	if (r < 0)
		return r;
	r = e->type == TAR_HARDLINK ? link_begin(x, err) : object_begin(x, err);
	return r < 0 ? err_ctx(err, r, "%.200s", x->path) : 0;
}

int extract_entry_data(
	struct extract *x, const uint8_t *data, size_t len, uint64_t offset, struct err *err)
{
	int r;

	if (x->file_fd < 0)
		return 0;
	r = extract_write(x, x->file_fd, data, len, (off_t)offset, err);
	return r < 0 ? err_ctx(err, r, "%.200s", x->path) : 0;
}

int extract_entry_end(struct extract *x, struct err *err)
{
	autofd int fd = TAKE_FD(x->file_fd);
	int r;

	if (fd < 0)
		return 0;
	/* Sparse files: holes at the end, and holes before the last piece, have to count. */
	if (x->entry->sparse && ftruncate(fd, (off_t)x->entry->size) < 0)
		return err_sys(err, errno, "%.200s: set size", x->path);
	/* Most bytes of an image are in its few large files. */
	if (x->entry->size >= WRITEBACK_SIZE)
		file_start_writeback(fd, 0, 0);
	r = attrs_file(x, fd, err);
	return r < 0 ? err_ctx(err, r, "%.200s", x->path) : 0;
}
