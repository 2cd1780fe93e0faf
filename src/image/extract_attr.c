/*
 * Owners, modes, times and attributes.
 *
 * Creation already gives an entry owner 0:0 and the mode that open(2) was asked for, since the
 * umask is 0 and no directory has a set-group-id bit or default ACL while the archive is being
 * read. So a system call is made only for what differs. Order: owner, then mode (chown clears
 * set-id bits), then attributes (chown and write clear capabilities), then time.
 *
 * Directories get theirs at the very end, in the archive's order, so that the last entry wins,
 * that 0555 does not keep files out, and that times survive. The records are kept packed, each
 * path as what differs from the path before: 500,000 directories take some 20 MB.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "image/unpack_priv.h"
#include "sys/xattr.h"

#define DIRS_MAX     (160 * 1024 * 1024)
#define OWNERS_CHUNK (64 * 1024)

struct dir_record {
	struct attrs attrs;
	uint16_t same; /* bytes shared with the record before */
	uint16_t more; /* bytes that follow this struct */
};

/* --- what the entry gets ------------------------------------------------------------------ */

static int owner_check(
	const struct extract *x, uint32_t id, uint32_t count, const char *what, struct err *err)
{
	int r;

	if (id < count)
		return 0;
	r = err_set(err, ERR_UNSUPPORTED, "%.200s belongs to %s %u, which has no id here", x->path,
		what, id);
	return err_hint(err, r,
		"only %u ids are available: give this user a larger range in /etc/sub%s", count,
		what);
}

int attrs_begin(struct extract *x, const struct tar_entry *e, struct err *err)
{
	struct attrs a = { e->mode, e->uid, e->gid, e->mtime, e->mtime_nsec };
	int r;

	if (x->config->map_kind == IDMAP_SINGLE) {
		/* A set-id bit would now be the caller's own: it means nothing good. */
		if (e->uid)
			a.mode &= ~(uint32_t)S_ISUID;
		if (e->gid)
			a.mode &= ~(uint32_t)S_ISGID;
		a.uid = a.gid = 0;
		x->attrs = a;
		return 0;
	}
	r = owner_check(x, e->uid, x->config->uid_count, "uid", err);
	if (r >= 0)
		r = owner_check(x, e->gid, x->config->gid_count, "gid", err);
	x->attrs = a;
	return r;
}

void attrs_stat(const struct stat *st, struct attrs *ret)
{
	*ret = (struct attrs){ .mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec,
		.mtime_nsec = (uint32_t)st->st_mtim.tv_nsec };
}

static void times_fill(const struct attrs *a, struct timespec ret[2])
{
	ret[0] = ret[1] = (struct timespec){ a->mtime, a->mtime_nsec };
}

static int chown_fail(const struct attrs *a, struct err *err)
{
	int r = err_sys(err, errno, "set owner %u:%u", a->uid, a->gid);

	/* Root of a small user namespace, or a file system that has no such owners. */
	if (r == -EINVAL || r == -EPERM)
		return err_hint(err, r, "the id has no meaning here: see `proa doctor` about ids");
	return r;
}

/* --- attributes --------------------------------------------------------------------------- */

static bool xattr_is_kept(const struct extract *x, const char *name)
{
	if (str_after(name, "user."))
		return !str_after(name, "user.overlay.");
	if (str_eq(name, "security.capability"))
		return true;
	return x->config->map_kind == IDMAP_NONE && str_after(name, "trusted.") &&
	       !str_after(name, "trusted.overlay.");
}

/*
 * struct vfs_cap_data of the kernel in any version -> version 2, which the kernel turns into
 * version 3 with the right root by itself. ret has room for 20 bytes.
 */
static int capability_convert(const struct tar_xattr *v, uint8_t ret[20], struct err *err)
{
	static const struct {
		uint8_t version;
		size_t len;
	} known[] = { { 1, 12 }, { 2, 20 }, { 3, 24 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (v->len != known[i].len || v->value[3] != known[i].version)
			continue;
		memset(ret, 0, 20);
		memcpy(ret, v->value, v->len < 20 ? v->len : 20);
		ret[3] = 2;
		return 0;
	}
	return err_set(err, ERR_FORMAT, "security.capability of %zu bytes is malformed", v->len);
}

/* fd >= 0, or the entry p/leaf that cannot be opened. */
static int xattr_apply(struct extract *x, int fd, struct place *p, const char *leaf,
	const struct tar_xattr *v, struct err *err)
{
	const uint8_t *value = v->value;
	size_t len = v->len;
	uint8_t cap[20];
	int r;

	if (!xattr_is_kept(x, v->name)) {
		x->result.warnings |= UNPACK_WARN_XATTRS_DROPPED;
		return 0;
	}
	if (str_eq(v->name, "security.capability")) {
		r = capability_convert(v, cap, err);
		if (r < 0)
			return r;
		value = cap;
		len = sizeof(cap);
	}
	r = fd >= 0 ? xattr_set(fd, v->name, value, len, err)
		    : xattr_set_at(p->fd, leaf, v->name, value, len, err);
	/* Links, devices and pipes take no user attributes, some file systems none at all. */
	if (r == -ENOTSUP || r == -EPERM) {
		x->result.warnings |= UNPACK_WARN_XATTRS;
		return 0;
	}
	return r;
}

/* The capability comes last: what is done before would remove it. */
static int xattrs_apply(
	struct extract *x, int fd, struct place *p, const char *leaf, struct err *err)
{
	const struct tar_entry *e = x->entry;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < e->n_xattrs; i++) {
			bool last = str_eq(e->xattrs[i].name, "security.capability");
			int r = 0;

			if (last == pass)
				r = xattr_apply(x, fd, p, leaf, &e->xattrs[i], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int attrs_xattrs(struct extract *x, int fd, struct err *err)
{
	return x->entry->n_xattrs ? xattrs_apply(x, fd, NULL, NULL, err) : 0;
}

/* --- files and what cannot be opened ------------------------------------------------------ */

int attrs_file(struct extract *x, int fd, struct err *err)
{
	const struct attrs *a = &x->attrs;
	struct timespec times[2];
	int r;

	if ((a->uid || a->gid) && fchown(fd, a->uid, a->gid) < 0)
		return chown_fail(a, err);
	if ((a->mode & 07000) && fchmod(fd, a->mode) < 0)
		return err_sys(err, errno, "set mode %04o", a->mode);
	r = attrs_xattrs(x, fd, err);
	if (r < 0)
		return r;
	times_fill(a, times);
	if (futimens(fd, times) < 0)
		return err_sys(err, errno, "set time");
	return 0;
}

int attrs_leaf(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	const struct attrs *a = &x->attrs;
	struct timespec times[2];
	int r;

	if ((a->uid || a->gid) && fchownat(p->fd, leaf, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return chown_fail(a, err);
	/* No link is here: a link's mode cannot be set, and fchmodat would follow it. */
	if (x->entry->type != TAR_SYMLINK && (a->mode & 07000) &&
		fchmodat(p->fd, leaf, a->mode, 0) < 0)
		return err_sys(err, errno, "set mode %04o", a->mode);
	r = x->entry->n_xattrs ? xattrs_apply(x, -EBADF, p, leaf, err) : 0;
	if (r < 0)
		return r;
	times_fill(a, times);
	if (utimensat(p->fd, leaf, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "set time");
	return 0;
}

/* --- directories, at the end -------------------------------------------------------------- */

int attrs_dir_later(struct extract *x, const char *canon, const struct attrs *a, struct err *err)
{
	struct dir_record rec = { .attrs = *a };
	const char *last = x->dirs_last ? x->dirs_last : "";
	size_t same = 0, len = strlen(canon);

	while (same < len && last[same] == canon[same])
		same++;
	rec.same = (uint16_t)same;
	rec.more = (uint16_t)(len - same);
	buf_append(&x->dirs, &rec, sizeof(rec));
	buf_append(&x->dirs, canon + same, len - same);
	if (buf_failed(&x->dirs))
		return err_set(err, ERR_LIMIT, "too many directories");
	free(x->dirs_last);
	x->dirs_last = xstrdup(canon);
	return 0;
}

static int dir_apply(int dir_fd, const char *leaf, const struct attrs *a)
{
	struct timespec times[2];

	times_fill(a, times);
	if (fchownat(dir_fd, leaf, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (fchmodat(dir_fd, leaf, a->mode, 0) < 0)
		return -errno;
	return utimensat(dir_fd, leaf, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int dir_record_apply(
	struct extract *x, const char *path, const struct attrs *a, struct err *err)
{
	struct place *p = &x->root;
	const char *leaf = ".";
	struct stat st;
	int r;

	/* Replaced by something else within the archive: the record has no object any more. */
	if (*path && !place_existing(x, path, &p, &leaf))
		return 0;
	if (fstatat(p->fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat %.200s", path);
	if (!S_ISDIR(st.st_mode))
		return 0;
	r = dir_apply(p->fd, leaf, a);
	if (r < 0)
		return err_sys(err, -r, "set owner, mode and time of %.200s", *path ? path : "/");
	return 0;
}

int attrs_dirs_apply(struct extract *x, struct err *err)
{
	const char *p = x->dirs.data, *end = p + x->dirs.len;
	char path[TAR_PATH_MAX + 1] = "";

	while (p < end) {
		struct dir_record rec;
		int r;

		memcpy(&rec, p, sizeof(rec));
		p += sizeof(rec);
		memcpy(path + rec.same, p, rec.more);
		path[rec.same + rec.more] = '\0';
		p += rec.more;
		r = dir_record_apply(x, path, &rec.attrs, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- true owners of a single map ---------------------------------------------------------- */

int attrs_owners_flush(struct extract *x, struct err *err)
{
	const char *p = x->owners.data;
	size_t left = x->owners.len;

	while (left) {
		ssize_t n = write(x->owners_fd, p, left);

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "write the owners file");
		if (n > 0) {
			p += n;
			left -= (size_t)n;
		}
	}
	buf_reset(&x->owners);
	return 0;
}

/* Does the entry say something that the tree does not? */
static bool differs(const struct extract *x, const struct tar_entry *e)
{
	if (x->left_out || x->devices_recorded)
		return true;
	return x->config->map_kind == IDMAP_SINGLE && (e->uid || e->gid || x->replaced);
}

int attrs_record(struct extract *x, const char *canon, struct err *err)
{
	static const char types[] = { [TAR_REG] = 'f',
		[TAR_DIR] = 'd',
		[TAR_SYMLINK] = 'l',
		[TAR_HARDLINK] = 'f',
		[TAR_CHAR] = 'c',
		[TAR_BLOCKDEV] = 'b',
		[TAR_FIFO] = 'p' };
	const struct tar_entry *e = x->entry;
	char path[TAR_PATH_MAX + 1];
	struct owner o = { path, e->uid, e->gid, e->mode, types[e->type], e->major, e->minor };

	if (x->owners_fd < 0 || !differs(x, e))
		return 0;
	if (!str_copy(path, sizeof(path), *canon ? canon : "."))
		return err_sys(err, ENAMETOOLONG, "%.200s", canon);
	owners_format(&x->owners, &o);
	x->result.owners_recorded++;
	x->devices_recorded |= x->left_out;
	if (x->config->map_kind == IDMAP_SINGLE && (e->uid || e->gid))
		x->result.warnings |= UNPACK_WARN_OWNERS;
	return x->owners.len >= OWNERS_CHUNK ? attrs_owners_flush(x, err) : 0;
}
