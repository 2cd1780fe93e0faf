/*
 * Whiteouts of the image format -> those of overlay.
 *
 * They speak of the parent layers only, whatever the order in the archive: an entry of the same
 * layer stays, and a directory of the same layer then hides what was below it. Names below
 * ".wh..wh." other than the opaque marker are aufs's own files and are passed over. A whiteout in
 * an opaque directory would show in readdir and is dropped.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "image/unpack_priv.h"
#include "sys/file.h"
#include "sys/xattr.h"

#define WH	  ".wh."
#define WH_AUFS	  ".wh..wh."
#define WH_OPAQUE ".wh..wh..opq"
#define OPAQUE	  "user.overlay.opaque"

bool whiteout_is(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

int whiteout_make(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	int r = extract_count(x, err);

	if (r < 0)
		return r;
	if (mknodat(p->fd, leaf, S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(err, errno, "make a whiteout for %.200s", leaf);
	place_made(x, p, leaf);
	return 0;
}

static bool fd_is_opaque(struct extract *x, int fd)
{
	char value[2];
	ssize_t n = xattr_get(fd, OPAQUE, value, sizeof(value));

	if (n < 0 && extract_absent(x, (int)-n))
		return false;
	return n == 1 && value[0] == 'y';
}

bool whiteout_is_opaque(struct extract *x, int dir_fd, const char *name)
{
	autofd int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return !extract_absent(x, errno);
	return fd_is_opaque(x, fd);
}

static int drop_whiteouts(int dir_fd, struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(dir_fd, ".", &names, err);

	if (r < 0)
		return r;
	STRV_FOREACH (name, names) {
		struct stat st;

		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, errno, "look for whiteouts");
		if (!whiteout_is(&st))
			continue;
		if (unlinkat(dir_fd, name, 0) < 0)
			return err_sys(err, errno, "remove a whiteout");
	}
	return 0;
}

int whiteout_opaque(struct extract *x, struct place *p, const char *leaf, struct err *err)
{
	autofd int fd = openat(p->fd, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open directory %.200s", leaf);
	/* Since it has been opaque no whiteout was made in it: do not look through it each time. */
	if (fd_is_opaque(x, fd))
		return 0;
	r = xattr_set(fd, OPAQUE, "y", 1, err);
	if (r == -ENOTSUP)
		return err_hint(err, r,
			"the store's file system has no user attributes, which overlay needs");
	return r < 0 ? r : drop_whiteouts(fd, err);
}

/* What an ordinary entry must not have in its name. 1: a file of aufs, to be passed over. */
static int name_check(const char *path, const char *leaf, struct err *err)
{
	for (const char *s = path; s; s = strchr(s, '/')) {
		s += *s == '/';
		if (str_after(s, WH_AUFS) && (s != leaf || !str_eq(leaf, WH_OPAQUE)))
			return 1;
		if (str_after(s, WH) && s != leaf)
			return err_set(err, ERR_FORMAT, "%.200s: an entry below a whiteout", path);
	}
	return 0;
}

static int plain_whiteout(struct extract *x, struct place *p, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode))
			return whiteout_opaque(x, p, name, err);
		return 0;
	}
	if (errno != ENOENT)
		return err_sys(err, errno, "whiteout of %.200s", name);
	return whiteout_is_opaque(x, p->fd, ".") ? 0 : whiteout_make(x, p, name, err);
}

int whiteout_entry(struct extract *x, const struct tar_entry *e, struct err *err)
{
	const char *slash = strrchr(x->path, '/'), *leaf = slash ? slash + 1 : x->path;
	const char *name = str_after(leaf, WH);
	struct place *p;
	int r = name_check(x->path, leaf, err);

	if (r || !name)
		return r;
	/* Layers that were made from aufs have whiteouts that are hard links of each other. */
	if (e->type != TAR_REG && e->type != TAR_HARDLINK)
		return err_set(err, ERR_FORMAT, "%.200s: a whiteout that is no file", x->path);
	if (!*name || str_eq(name, ".") || str_eq(name, ".."))
		return err_set(err, ERR_FORMAT, "%.200s: a whiteout of nothing", x->path);
	r = place_parent(x, x->path, &p, &leaf, err);
	if (r < 0)
		return r;
	r = str_eq(leaf, WH_OPAQUE) ? whiteout_opaque(x, p, ".", err)
				    : plain_whiteout(x, p, leaf + strlen(WH), err);
	places_hidden(x);
	return r < 0 ? err_ctx(err, r, "%.200s", x->path) : 1;
}
