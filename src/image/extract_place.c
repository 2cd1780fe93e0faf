/*
 * Names -> descriptors of directories.
 *
 * The usual case costs one openat2 that follows no link, and none while entries of one directory
 * come one behind the other. Only when a component is missing or is a link does the walk below
 * take the path apart. It never opens "..": it keeps the path walked so far as text without links
 * and starts again from the root of the tree, so that there is nothing above to be reached. Links
 * are taken as a process inside the layer would take them, absolute ones from the tree's root
 * (rejecting such links would refuse good images).
 *
 * What is missing here may exist in the parent layers: a link there is followed, a directory is
 * made again with the attributes that it has there. So an entry lands where it would in the merged
 * tree, and does not hide `lib -> usr/lib` behind a new directory. An entry for `lib` itself does
 * hide it: what comes later goes into the new directory.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "image/unpack_priv.h"
#include "sys/file.h"
#include "sys/openat.h"

#define LINKS_MAX 40	/* as the kernel */
#define STEPS_MAX 65536 /* components in one walk, restarts included */

#define OPEN_DIR  (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define OPEN_LEAF (O_PATH | O_NOFOLLOW | O_CLOEXEC)

struct walk {
	struct extract *x;
	bool create; /* make what is missing */
	bool hidden; /* an opaque directory is above: the parent layers do not show */
	int fd;	     /* where we are; -EBADF: only the parent layers have it */
	char canon[TAR_PATH_MAX + 1];
	char rest[3 * TAR_PATH_MAX];
	unsigned links, steps;
	char **via; /* links of the parent layers that were followed; the caller's */
};

bool path_append(char dst[TAR_PATH_MAX + 1], const char *canon, const char *leaf)
{
	size_t n = strlen(canon), m = strlen(leaf), slash = n ? 1 : 0;

	if (n + slash + m > TAR_PATH_MAX)
		return false;
	memmove(dst, canon, n);
	if (slash)
		dst[n] = '/';
	memmove(dst + n + slash, leaf, m + 1);
	return true;
}

/* --- the cache ---------------------------------------------------------------------------- */

static struct place *place_cached(struct extract *x, const char *lexical)
{
	for (size_t i = 0; i < PLACES; i++) {
		struct place *p = &x->places[i];

		if (p->lexical && str_eq(p->lexical, lexical)) {
			p->stamp = ++x->clock;
			return p;
		}
	}
	return NULL;
}

/* Takes fd and via. The least recently used slot goes, valid or not: the last two are in use. */
static struct place *place_remember(
	struct extract *x, const char *lexical, const char *canon, char **via, int fd)
{
	struct place *p = &x->places[0];

	for (size_t i = 1; i < PLACES; i++)
		if (x->places[i].stamp < p->stamp)
			p = &x->places[i];
	if (p->stamp)
		(void)fd_close(p->fd);
	free(p->lexical);
	free(p->canon);
	strv_free(p->via);
	*p = (struct place){ xstrdup(lexical), xstrdup(canon), via, fd, ++x->clock };
	return p;
}

/* A link or a directory was removed: no name can be trusted, descriptors stay until reused. */
static void places_forget(struct extract *x)
{
	for (size_t i = 0; i < PLACES; i++)
		free(TAKE_PTR(x->places[i].lexical));
}

void places_hidden(struct extract *x)
{
	for (size_t i = 0; i < PLACES; i++)
		if (x->places[i].via)
			free(TAKE_PTR(x->places[i].lexical));
}

void place_made(struct extract *x, const struct place *p, const char *leaf)
{
	char canon[TAR_PATH_MAX + 1];
	bool built = false;

	for (size_t i = 0; i < PLACES; i++) {
		struct place *other = &x->places[i];

		if (!other->via || !other->lexical)
			continue;
		if (!built && !path_append(canon, p->canon, leaf))
			return;
		built = true;
		if (strv_contains(other->via, canon))
			free(TAKE_PTR(other->lexical));
	}
}

void places_done(struct extract *x)
{
	for (size_t i = 0; i < PLACES; i++) {
		struct place *p = &x->places[i];

		if (p->stamp)
			(void)fd_close(p->fd);
		free(p->lexical);
		free(p->canon);
		strv_free(p->via);
		*p = (struct place){ 0 };
	}
}

/* --- the walk ----------------------------------------------------------------------------- */

static int walk_fail(const struct walk *w, int errnum, struct err *err)
{
	return err_sys(err, errnum, "%.200s", *w->canon ? w->canon : "/");
}

/* Start again at the root with `prefix` (may be NULL) and then what is left. */
static int walk_restart(struct walk *w, const char *prefix, struct err *err)
{
	size_t n = prefix ? strlen(prefix) : 0, m = strlen(w->rest);

	if (n + 1 + m >= sizeof(w->rest))
		return walk_fail(w, ENAMETOOLONG, err);
	memmove(w->rest + n + 1, w->rest, m + 1);
	w->rest[n] = '/';
	if (n)
		memcpy(w->rest, prefix, n);
	(void)fd_close(w->fd);
	w->fd = openat(w->x->tree_fd, ".", OPEN_DIR);
	if (w->fd < 0)
		return walk_fail(w, errno, err);
	w->canon[0] = '\0';
	w->hidden = false;
	return 0;
}

static int walk_up(struct walk *w, struct err *err)
{
	char prefix[TAR_PATH_MAX + 1], *slash;

	memcpy(prefix, w->canon, sizeof(prefix));
	slash = strrchr(prefix, '/');
	if (slash)
		*slash = '\0';
	return walk_restart(w, slash ? prefix : NULL, err);
}

/* fd is the link itself. */
static int walk_link(struct walk *w, int fd, struct err *err)
{
	char target[TAR_PATH_MAX + 1];
	size_t m = strlen(w->rest);
	ssize_t n;

	if (++w->links > LINKS_MAX)
		return walk_fail(w, ELOOP, err);
	n = readlinkat(fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return walk_fail(w, errno, err);
	target[n] = '\0';
	if (target[0] == '/')
		return walk_restart(w, target, err);
	if ((size_t)n + 1 + m >= sizeof(w->rest))
		return walk_fail(w, ENAMETOOLONG, err);
	memmove(w->rest + n + 1, w->rest, m + 1);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '/';
	return 0;
}

/* Takes next, an O_PATH descriptor of the directory comp, or -EBADF. */
static int walk_enter(struct walk *w, int next, const char *comp, struct err *err)
{
	if (!path_append(w->canon, w->canon, comp)) {
		(void)fd_close(next);
		return walk_fail(w, ENAMETOOLONG, err);
	}
	(void)fd_close(w->fd);
	w->fd = next;
	return 0;
}

/* Attributes of a directory that no entry describes: those of the parent layers, or plain ones. */
static int implicit_attrs(
	struct walk *w, int lower, const struct stat *st, const char *comp, struct err *err)
{
	struct attrs a = {
		.mode = 0755, .mtime = w->x->attrs.mtime, .mtime_nsec = w->x->attrs.mtime_nsec
	};
	autofd int src = -EBADF, dst = -EBADF;
	int r;

	if (lower >= 0) {
		attrs_stat(st, &a);
		src = openat(lower, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		dst = openat(w->fd, comp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (src < 0 || dst < 0)
			return walk_fail(w, errno, err);
		r = lower_copy_xattrs(w->x, src, dst, err);
		if (r < 0)
			return r;
	}
	return attrs_dir_later(w->x, w->canon, &a, err);
}

/* Make the directory comp and go there. lower is -EBADF, or what the parent layers have. */
static int walk_make(
	struct walk *w, const char *comp, int lower, const struct stat *st, struct err *err)
{
	autofd int above = -EBADF;
	int next, r;

	r = extract_count(w->x, err);
	if (r < 0)
		return r;
	if (mkdirat(w->fd, comp, lower >= 0 ? st->st_mode & 0777 : 0755) < 0)
		return walk_fail(w, errno, err);
	next = openat(w->fd, comp, OPEN_DIR | O_NOFOLLOW);
	if (next < 0)
		return walk_fail(w, errno, err);
	above = TAKE_FD(w->fd);
	r = walk_enter(w, next, comp, err);
	if (r < 0)
		return r;
	next = w->fd;
	w->fd = above; /* implicit_attrs opens comp from above */
	r = implicit_attrs(w, lower, st, comp, err);
	w->fd = next;
	return r;
}

/* This layer deleted comp and now puts something into it: a new directory, hiding the old one. */
static int walk_over_whiteout(struct walk *w, const char *comp, struct err *err)
{
	struct place here = { .fd = w->fd };
	int r;

	if (unlinkat(w->fd, comp, 0) < 0)
		return walk_fail(w, errno, err);
	r = extract_count(w->x, err);
	if (r < 0)
		return r;
	if (mkdirat(w->fd, comp, 0755) < 0)
		return walk_fail(w, errno, err);
	r = whiteout_opaque(w->x, &here, comp, err);
	if (r < 0)
		return r;
	r = openat(w->fd, comp, OPEN_DIR | O_NOFOLLOW);
	if (r < 0)
		return walk_fail(w, errno, err);
	w->hidden = true;
	r = walk_enter(w, r, comp, err);
	if (r < 0)
		return r;
	return attrs_dir_later(w->x, w->canon,
		&(struct attrs){ .mode = 0755,
			.mtime = w->x->attrs.mtime,
			.mtime_nsec = w->x->attrs.mtime_nsec },
		err);
}

/* comp exists in this layer; next is its descriptor and is taken. */
static int walk_own(struct walk *w, int next, const char *comp, struct err *err)
{
	autofd int fd = next;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return walk_fail(w, errno, err);
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd, err);
	if (S_ISDIR(st.st_mode)) {
		if (w->x->config->n_lower && !w->hidden)
			w->hidden = whiteout_is_opaque(w->x, w->fd, comp);
		return walk_enter(w, TAKE_FD(fd), comp, err);
	}
	if (!whiteout_is(&st))
		return walk_fail(w, ENOTDIR, err);
	return w->create ? walk_over_whiteout(w, comp, err) : walk_fail(w, ENOENT, err);
}

/* comp is not in this layer. */
static int walk_lower(struct walk *w, const char *comp, struct err *err)
{
	char full[TAR_PATH_MAX + 1];
	autofd int lower = -EBADF;
	struct stat st = { 0 };

	if (!path_append(full, w->canon, comp))
		return walk_fail(w, ENAMETOOLONG, err);
	if (!w->hidden)
		lower = lower_find(w->x, full, &st);
	if (lower >= 0 && S_ISLNK(st.st_mode)) {
		strv_push(&w->via, full);
		return walk_link(w, lower, err);
	}
	if (lower >= 0 && !S_ISDIR(st.st_mode))
		return walk_fail(w, ENOTDIR, err);
	if (w->create)
		return walk_make(w, comp, lower, &st, err);
	if (lower < 0)
		return walk_fail(w, ENOENT, err);
	return walk_enter(w, -EBADF, comp, err);
}

static int walk_step(struct walk *w, const char *comp, struct err *err)
{
	int next;

	if (++w->steps > STEPS_MAX)
		return walk_fail(w, ELOOP, err);
	if (str_eq(comp, "."))
		return 0;
	if (str_eq(comp, ".."))
		return walk_up(w, err);
	if (strlen(comp) > TAR_NAME_MAX)
		return walk_fail(w, ENAMETOOLONG, err);
	if (w->fd >= 0) {
		next = openat(w->fd, comp, OPEN_LEAF);
		if (next >= 0)
			return walk_own(w, next, comp, err);
		if (errno != ENOENT)
			return walk_fail(w, errno, err);
	}
	return walk_lower(w, comp, err);
}

/* To the directory `path`. On success w->fd is the caller's. */
static int walk(struct walk *w, const char *path, struct err *err)
{
	char comp[3 * TAR_PATH_MAX];
	int r;

	w->fd = -EBADF;
	w->rest[0] = '\0';
	r = walk_restart(w, path, err);
	while (r >= 0 && *w->rest) {
		size_t n = strcspn(w->rest, "/"), skip = n + strspn(w->rest + n, "/");

		memcpy(comp, w->rest, n);
		comp[n] = '\0';
		memmove(w->rest, w->rest + skip, strlen(w->rest + skip) + 1);
		if (n)
			r = walk_step(w, comp, err);
	}
	if (r < 0)
		w->fd = fd_close(w->fd);
	return r;
}

/* --- the face ----------------------------------------------------------------------------- */

/* Split into the directory's name (in dir) and the leaf. */
static const char *split(const char *path, char dir[TAR_PATH_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	memcpy(dir, path, n);
	dir[n] = '\0';
	return slash ? slash + 1 : path;
}

static bool place_known(struct extract *x, const char *path, struct place **ret,
	const char **ret_leaf, char dir[TAR_PATH_MAX + 1])
{
	const uint64_t plain = OPENAT_BENEATH | OPENAT_NO_SYMLINKS | OPENAT_NO_MAGICLINKS;
	int fd;

	*ret_leaf = split(path, dir);
	*ret = *dir ? place_cached(x, dir) : &x->root;
	if (*ret)
		return true;
	fd = openat_resolve(x->tree_fd, dir, OPEN_DIR, 0, plain);
	if (fd >= 0)
		*ret = place_remember(x, dir, dir, NULL, fd);
	return fd >= 0;
}

bool place_existing(struct extract *x, const char *path, struct place **ret, const char **ret_leaf)
{
	char dir[TAR_PATH_MAX + 1];

	return place_known(x, path, ret, ret_leaf, dir);
}

int place_parent(struct extract *x, const char *path, struct place **ret, const char **ret_leaf,
	struct err *err)
{
	struct walk w = { .x = x, .create = true };
	AUTO(strv) char **via = NULL;
	char dir[TAR_PATH_MAX + 1];
	int r;

	if (place_known(x, path, ret, ret_leaf, dir))
		return 0;
	r = walk(&w, dir, err);
	via = w.via;
	if (r < 0)
		return r;
	*ret = place_remember(x, dir, w.canon, TAKE_PTR(via), w.fd);
	return 0;
}

int place_target(struct extract *x, const char *path, struct target *ret, struct err *err)
{
	struct walk w = { .x = x };
	AUTO(strv) char **via = NULL; /* nothing is kept here: the target may be elsewhere */
	char dir[TAR_PATH_MAX + 1];
	const char *leaf = split(path, dir);
	size_t n;
	int r;

	r = walk(&w, dir, err);
	via = w.via;
	if (r < 0)
		return r;
	n = strlen(w.canon);
	if (!path_append(ret->canon, w.canon, leaf)) {
		(void)fd_close(w.fd);
		return walk_fail(&w, ENAMETOOLONG, err);
	}
	ret->leaf = ret->canon + (n ? n + 1 : 0);
	ret->dir_fd = w.fd;
	ret->hidden = w.hidden;
	return 0;
}

int place_clear(
	struct extract *x, struct place *p, const char *leaf, mode_t *ret_was, struct err *err)
{
	struct stat st;

	if (fstatat(p->fd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "replace %.200s", leaf);
	*ret_was = whiteout_is(&st) ? 0 : st.st_mode;
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		places_forget(x);
	if (S_ISDIR(st.st_mode))
		return file_remove_tree(p->fd, leaf, err);
	if (unlinkat(p->fd, leaf, 0) < 0)
		return err_sys(err, errno, "replace %.200s", leaf);
	return 0;
}
