/* The order of a check, its findings, and the parts of the store that hold nothing but names. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/digest.h"
#include "store/check_priv.h"
#include "store/imagedb_priv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"

#define PROBLEM_MAX  2048
#define TMP_LOOKS    4
#define TMP_PAUSE_MS 25

void check_done(struct check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->items[i].thing);
		free(c->items[i].problem);
		free(c->items[i].cure);
	}
	free(TAKE_PTR(c->items));
	strv_free(TAKE_PTR(c->bad_blobs));
	strv_free(TAKE_PTR(c->trashed));
	c->n = 0;
}

static char *printable(const char *s)
{
	char *copy = xstrdup(s);

	if (copy)
		str_make_printable(copy);
	return copy;
}

void check_found(struct check *c, const char *thing, const char *cure, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(PROBLEM_MAX);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	GROW(c->items, c->n, c->cap);
	c->items[c->n++] = (struct check_finding){
		.thing = printable(thing),
		.problem = printable(buf_str(&text)),
		.cure = printable(cure),
	};
}

void check_repaired(struct check *c)
{
	struct check_finding *f = &c->items[c->n - 1];

	f->repaired = true;
	free(TAKE_PTR(f->cure));
}

int check_discard(struct check *c, const char *path, struct err *err)
{
	char name[TRASH_NAME_SIZE];
	int r = trash_move(c->store, path, name, err);

	if (r == -ENOENT)
		return 0;
	if (r >= 0)
		strv_push(&c->trashed, name);
	return r;
}

void check_empty_trash(struct check *c)
{
	struct err why = { 0 };

	STRV_FOREACH (name, c->trashed)
		if (trash_delete(c->store, name, NULL, &why) < 0)
			log_debug("check: %s", why.msg);
	strv_free(TAKE_PTR(c->trashed));
}

void check_stray(struct check *c, const char *path, const char *problem)
{
	struct err why = { 0 };

	check_found(c, path, CHECK_CURE_REPAIR, "%s", problem);
	if (!(c->flags & CHECK_REPAIR))
		return;
	if (check_discard(c, path, &why) >= 0)
		check_repaired(c);
	else
		log_debug("check: %s", why.msg);
}

int check_each(struct check *c, const char *dir,
	int (*look)(struct check *, const char *, struct err *), struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(c->store->fd, dir, &names, err);

	if (r == -ENOENT)
		return 0; /* told by check_skeleton */
	STRV_FOREACH (name, names)
		if (r >= 0)
			r = look(c, name, err);
	return r;
}

static void check_skeleton(struct check *c)
{
	for (size_t i = 0; store_skeleton[i]; i++) {
		struct stat st;

		if (fstatat(c->store->fd, store_skeleton[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			continue;
		check_found(
			c, store_skeleton[i], CHECK_CURE_REPAIR, "the store has no such directory");
		if ((c->flags & CHECK_REPAIR) &&
			file_mkdir(c->store->fd, store_skeleton[i], 0700, NULL) > 0)
			check_repaired(c);
	}
}

/* What somebody put at the top of the store may be theirs: it is only told. */
static int check_top(struct check *c, const char *name, struct err *err)
{
	(void)err;
	if (!store_knows_name(name))
		check_found(c, name, "move it elsewhere", "it is no part of a store");
	return 0;
}

/* Who is alive holds a lock. 1: nobody does. */
static int is_unlocked(const struct check *c, const char *path)
{
	autofd int fd = openat(c->store->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno != ENOENT;
	if (lock_fd(fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) < 0)
		return 0;
	return fstat(fd, &st) < 0 || st.st_nlink > 0;
}

/* After the sweep. Its maker needs a moment from making it to locking it. */
static int check_tmp(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("tmp/%s", name);

	(void)err;
	for (int i = 0; i < TMP_LOOKS; i++) {
		if (i > 0)
			(void)poll(NULL, 0, TMP_PAUSE_MS);
		if (!is_unlocked(c, path))
			return 0;
	}
	check_stray(c, path, "it was left by a process that is gone");
	return 0;
}

static int check_trash(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("trash/%s", name);
	struct err why = { 0 };

	(void)err;
	if (trash_delete(c->store, name, NULL, &why) < 0)
		check_found(
			c, path, "delete it as root: rm -rf", "it cannot be deleted: %s", why.msg);
	return 0;
}

static int check_ingest(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("ingest/%s", name);
	struct stat st;

	(void)err;
	if (fstatat(c->store->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (strlen(name) != DIGEST_HEX_LEN || !str_is_hex_lower(name, DIGEST_HEX_LEN) ||
		!S_ISREG(st.st_mode))
		check_stray(c, path, "it is no download");
	return 0;
}

/* The files of references: can be read, and lie under the name that they are looked for by. */
static int check_record(struct check *c, const char *name, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	autofree char *path = xasprintf("images/%s", name);
	char expected[STORE_PATH_SIZE];
	struct err why = { 0 };
	int r;

	(void)err;
	if (file_is_temporary(name))
		return 0;
	r = imagedb_read(c->store, path, &rec, &why);
	if (r == -ENOENT)
		return 0;
	if (r == -ERR_FORMAT || r == -ERR_LIMIT || r == -EISDIR || r == -ELOOP) {
		check_stray(c, path, why.msg);
		return 0;
	}
	if (r < 0) {
		check_found(c, path, "look at its owner, its mode and the disk", "%s", why.msg);
		return 0;
	}
	imagedb_path(&rec, expected);
	if (!str_eq(path, expected))
		check_stray(c, path, "no name leads to this file");
	return 0;
}

/*
 * In one piece under the store lock: nobody collects garbage meanwhile. Whoever repairs has to be
 * alone with what he moves.
 */
static int check_structure(struct check *c, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(
		c->store, c->flags & CHECK_REPAIR ? LOCK_EXCLUSIVE : LOCK_SHARED, &l, err);

	if (r < 0)
		return r;
	check_skeleton(c);
	r = check_each(c, ".", check_top, err);
	if (r >= 0)
		r = check_each(c, "tmp", check_tmp, err);
	if (r >= 0)
		r = check_each(c, "ingest", check_ingest, err);
	if (r >= 0)
		r = check_each(c, "images", check_record, err);
	if (r >= 0)
		r = check_blobs(c, err);
	if (r >= 0)
		r = check_layers(c, err);
	return r < 0 ? r : check_containers(c, err);
}

int check_store(struct check *c, struct err *err)
{
	int r = store_sweep_wait(c->store, err);

	if (r >= 0)
		r = check_structure(c, err);
	if (r >= 0)
		r = check_each(c, "trash", check_trash, err);
	if (r >= 0 && (c->flags & CHECK_DEEP))
		r = check_blob_contents(c, err);
	check_empty_trash(c);
	return r;
}
