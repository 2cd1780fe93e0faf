#include "image/tree_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/tar_path.h"
#include "sys/file.h"
#include "sys/xattr.h"

#define CHUNK	    (256 * 1024)
#define LINKS_START 1024

/* The first name of a file that has several. */
struct link {
	dev_t dev;
	ino_t ino;
	char *path; /* NULL: the slot is free */
};

struct tree_tar {
	struct tar_writer *tar;
	struct tree_tar_result result;
	struct link *links; /* open addressing, a power of two, at most half full */
	size_t n_links, cap_links;
	uint8_t *chunk;
	char *xattr_names;
};

static void tree_tar_done(struct tree_tar *t)
{
	for (size_t i = 0; i < t->cap_links; i++)
		free(t->links[i].path);
	free(t->links);
	free(t->chunk);
	free(t->xattr_names);
}
DEFINE_AUTO(tree_tar, struct tree_tar, tree_tar_done)

static struct link *link_slot(struct link *links, size_t cap, dev_t dev, ino_t ino)
{
	uint64_t hash = ((uint64_t)ino ^ (uint64_t)dev << 32) * 0x9e3779b97f4a7c15ULL;
	size_t i = (size_t)(hash >> 32) & (cap - 1);

	while (links[i].path && (links[i].dev != dev || links[i].ino != ino))
		i = (i + 1) & (cap - 1);
	return &links[i];
}

static void links_grow(struct tree_tar *t)
{
	size_t cap = t->cap_links ? t->cap_links * 2 : LINKS_START;
	struct link *links = NEW_ARRAY(struct link, cap);

	for (size_t i = 0; i < t->cap_links; i++) {
		const struct link *l = &t->links[i];

		if (l->path)
			*link_slot(links, cap, l->dev, l->ino) = *l;
	}
	free(t->links);
	t->links = links;
	t->cap_links = cap;
}

/* Under what name this inode was written before, or NULL: then it is this one from now on. */
static const char *link_of(struct tree_tar *t, const struct tree_entry *e)
{
	struct link *l;

	if (e->st.st_nlink < 2 || e->fd < 0 || S_ISDIR(e->st.st_mode))
		return NULL;
	if (2 * (t->n_links + 1) > t->cap_links)
		links_grow(t);
	l = link_slot(t->links, t->cap_links, e->st.st_dev, e->st.st_ino);
	if (l->path)
		return l->path;
	*l = (struct link){ e->st.st_dev, e->st.st_ino, xstrdup(e->path) };
	t->n_links++;
	return NULL;
}

static bool is_wanted(const char *name)
{
	if (str_eq(name, "security.capability"))
		return true;
	if (str_after(name, "user.overlay.") || str_after(name, "trusted.overlay."))
		return false;
	return str_after(name, "user.") || str_after(name, "trusted.");
}

struct xattrs {
	struct tar_xattr *v;
	size_t n, cap;
};

static void xattrs_done(struct xattrs *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->v[i].name);
		free(x->v[i].value);
	}
	free(x->v);
}
DEFINE_AUTO(xattrs, struct xattrs, xattrs_done)

/* fd is open for reading. An attribute that is gone by now never was. */
static int read_xattrs(struct tree_tar *t, int fd, struct xattrs *ret, struct err *err)
{
	ssize_t len = xattr_list(fd, t->xattr_names);

	if (len < 0)
		return err_sys(err, (int)-len, "list attributes");
	for (const char *name = t->xattr_names; name < t->xattr_names + len;
		name += strlen(name) + 1) {
		ssize_t n;

		if (!is_wanted(name))
			continue;
		n = xattr_get(fd, name, t->chunk, XATTR_VALUE_MAX);
		if (n == -ENODATA)
			continue;
		if (n < 0)
			return err_sys(err, (int)-n, "read attribute %s", name);
		GROW(ret->v, ret->n, ret->cap);
		ret->v[ret->n++] = (struct tar_xattr){
			.name = xstrdup(name),
			.value = xmemdup(t->chunk, (size_t)n),
			.len = (size_t)n,
		};
	}
	return 0;
}

/* Exactly size bytes: a file that grows is cut, one that shrinks is filled up with zeros. */
static int write_content(struct tree_tar *t, int fd, uint64_t size, struct err *err)
{
	bool ended = false;
	int r = 0;

	while (r >= 0 && size) {
		size_t want = size < CHUNK ? (size_t)size : CHUNK;
		ssize_t n = ended ? 0 : file_read(fd, t->chunk, want, err);

		if (n < 0)
			return (int)n;
		if (n == 0) {
			if (!ended)
				t->result.changed++;
			ended = true;
			memset(t->chunk, 0, want);
			n = (ssize_t)want;
		}
		r = tar_writer_data(t->tar, t->chunk, (size_t)n, err);
		size -= (uint64_t)n;
	}
	return r;
}

/* The very inode that the walk has looked at: no device is opened, no pipe waits. */
static int reopen(const struct tree_entry *e, struct err *err)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", e->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open") : fd;
}

static int write_file(
	struct tree_tar *t, const struct tree_entry *e, struct tar_entry *entry, struct err *err)
{
	AUTO(xattrs) struct xattrs x = { 0 };
	autofd int fd = reopen(e, err);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	/* Its size may have changed since the walk saw it. */
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat");
	r = read_xattrs(t, fd, &x, err);
	if (r < 0)
		return r;
	entry->xattrs = x.v;
	entry->n_xattrs = x.n;
	if (entry->type == TAR_REG)
		entry->size = (uint64_t)st.st_size;
	r = tar_writer_entry(t->tar, entry, err);
	return r < 0 || entry->type != TAR_REG ? r : write_content(t, fd, entry->size, err);
}

static int write_symlink(
	struct tree_tar *t, const struct tree_entry *e, struct tar_entry *entry, struct err *err)
{
	char target[TAR_PATH_MAX + 1];
	ssize_t n = readlinkat(e->fd, "", target, TAR_PATH_MAX);

	if (n < 0)
		return err_sys(err, errno, "read link");
	target[n] = '\0';
	entry->linkpath = target;
	return tar_writer_entry(t->tar, entry, err);
}

/* false for what a tar cannot hold. */
static bool type_of(mode_t mode, enum tar_type *ret)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		*ret = TAR_REG;
		return true;
	case S_IFDIR:
		*ret = TAR_DIR;
		return true;
	case S_IFLNK:
		*ret = TAR_SYMLINK;
		return true;
	case S_IFCHR:
		*ret = TAR_CHAR;
		return true;
	case S_IFBLK:
		*ret = TAR_BLOCKDEV;
		return true;
	case S_IFIFO:
		*ret = TAR_FIFO;
		return true;
	default:
		return false;
	}
}

static int write_entry(struct tree_tar *t, const struct tree_entry *e, struct err *err)
{
	struct tar_entry entry = {
		.path = e->path,
		.linkpath = "",
		.mode = e->st.st_mode & 07777,
		.uid = e->st.st_uid,
		.gid = e->st.st_gid,
		.mtime = e->st.st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)e->st.st_mtim.tv_nsec,
	};
	const char *first;

	if (!type_of(e->st.st_mode, &entry.type)) {
		t->result.sockets++;
		return 0;
	}
	t->result.entries++;
	first = link_of(t, e);
	if (first) {
		entry.type = TAR_HARDLINK;
		entry.linkpath = first;
		return tar_writer_entry(t->tar, &entry, err);
	}
	if (entry.type == TAR_REG || entry.type == TAR_DIR)
		return write_file(t, e, &entry, err);
	if (entry.type == TAR_SYMLINK)
		return write_symlink(t, e, &entry, err);
	entry.major = major(e->st.st_rdev);
	entry.minor = minor(e->st.st_rdev);
	return tar_writer_entry(t->tar, &entry, err);
}

int tree_tar_write(const struct tree_layer *layers, size_t n, struct tar_writer *w,
	struct tree_tar_result *ret, struct err *err)
{
	AUTO(tree_walk) struct tree_walk *walk = tree_walk_new(layers, n);
	AUTO(tree_tar) struct tree_tar t = { .tar = w };
	struct tree_entry e;
	int r;

	t.chunk = xmalloc(CHUNK);
	t.xattr_names = xmalloc(XATTR_LIST_MAX);
	while ((r = tree_walk_next(walk, &e, err)) > 0) {
		r = write_entry(&t, &e, err);
		if (r < 0)
			return err_ctx(err, r, "%s", e.path);
	}
	if (r < 0)
		return r;
	*ret = t.result;
	return 0;
}
