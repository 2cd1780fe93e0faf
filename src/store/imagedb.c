/* References on disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/imagedb_priv.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define RECORD_MAX	8192
#define READABLE_MAX	180 /* longer names end in a hash: a file name has 255 bytes */
#define UNTAGGED_PREFIX "@"

/*
 * "images/<name>.json". What is not [A-Za-z0-9._-] is %XX, so that the name can be read and never
 * begins with the '@' of untagged images. The record itself holds the exact reference.
 */
static void tagged_path(const char *reference, char ret[STORE_PATH_SIZE])
{
	AUTO(buf) struct buf b = BUF_INIT(4096);
	struct digest hash;

	for (const char *p = reference; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || strchr("._-", *p);

		buf_printf(&b, plain ? "%c" : "%%%02X", (unsigned char)*p);
	}
	if (b.len > READABLE_MAX) {
		digest_of(reference, strlen(reference), &hash);
		buf_truncate(&b, READABLE_MAX - 33);
		buf_printf(&b, "%%%.32s", digest_hex(&hash));
	}
	(void)snprintf(ret, STORE_PATH_SIZE, "images/%s.json", buf_str(&b));
}

void imagedb_path(const struct image_record *rec, char ret[STORE_PATH_SIZE])
{
	if (rec->reference)
		tagged_path(rec->reference, ret);
	else
		(void)snprintf(ret, STORE_PATH_SIZE, "images/" UNTAGGED_PREFIX "%s.json",
			digest_hex(&rec->image_id));
}

/* With a digest the tag says nothing (docker ignores it as well). The caller frees the text. */
static char *key_of(const struct reference *ref)
{
	if (ref->has_digest && ref->tag) {
		autofree char *repository = reference_repository(ref);

		return xasprintf("%s@%s", repository, ref->digest.text);
	}
	return reference_format(ref);
}

int imagedb_read(struct store *s, const char *path, struct image_record *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(RECORD_MAX);
	int r = file_load(s->fd, path, &b, err);

	if (r < 0)
		return r;
	r = imagedb_parse(buf_str(&b), b.len, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", path) : 0;
}

static int write_record(struct store *s, const struct image_record *rec, struct err *err)
{
	autofree char *text = imagedb_format(rec);
	struct file_content content = { .data = text, .len = strlen(text), .mode = 0600 };
	char path[STORE_PATH_SIZE];
	autofd int dir = -EBADF;
	int r = file_open_dir(s->fd, "images", &dir, err);

	if (r < 0)
		return r;
	imagedb_path(rec, path);
	return file_write_atomic(dir, path_base(path), &content,
		s->config.durability == STORE_FAST ? FILE_NO_SYNC : 0, err);
}

static int delete_record(struct store *s, const struct image_record *rec, struct err *err)
{
	char path[STORE_PATH_SIZE];

	imagedb_path(rec, path);
	if (unlinkat(s->fd, path, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "%s is not in the store", path);
	return err_sys(err, errno, "remove %s", path);
}

static int get_by_key(struct store *s, const char *key, struct image_record *ret, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	char path[STORE_PATH_SIZE];
	int r;

	tagged_path(key, path);
	r = imagedb_read(s, path, &rec, err);
	if (r == -ENOENT || (r >= 0 && (!rec.reference || !str_eq(rec.reference, key))))
		return err_set(err, ERR_NOT_FOUND, "no image is called %s", key);
	if (r < 0)
		return r;
	*ret = rec;
	rec.reference = NULL;
	return 0;
}

int image_ref_get(
	struct store *s, const struct reference *ref, struct image_record *ret, struct err *err)
{
	autofree char *key = key_of(ref);

	return get_by_key(s, key, ret, err);
}

/* Does any record but the one called `except` (NULL: none) lead to this image? */
static int has_name(
	struct store *s, const struct digest *image_id, const char *except, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(s, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		const char *name = list.items[i].reference;

		if (digest_equal(&list.items[i].image_id, image_id) &&
			!(except && name && str_eq(name, except)))
			return 1;
	}
	return 0;
}

/*
 * `old` is about to lose its name. If it was the last one the image stays reachable: by its digest
 * in the repository that it came from, as docker shows it, else by its id alone.
 */
static int keep_displaced(struct store *s, const struct image_record *old, struct err *err)
{
	AUTO(image_record) struct image_record kept = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	int r = has_name(s, &old->image_id, old->reference, err);

	/* Of a manifest list every change is a new one: the old ones are of no use. */
	if (r != 0 || image_record_is_list(old))
		return r;
	kept = *old;
	kept.reference = NULL;
	if (old->from_registry && reference_parse(old->reference, &ref, NULL) >= 0) {
		autofree char *repository = reference_repository(&ref);

		kept.reference = xasprintf("%s@%s", repository,
			digest_is_set(&old->index) ? old->index.text : old->manifest.text);
		if (str_eq(kept.reference, old->reference))
			return 0;
	}
	return write_record(s, &kept, err);
}

/* A failure that was looked at first. */
static int keep_error(struct err *err, const struct err *why, int r)
{
	if (err)
		*err = *why;
	return r;
}

/* The images lock is held. */
static int set_tagged(struct store *s, const struct image_record *rec, struct err *err)
{
	AUTO(image_record) struct image_record old = { 0 };
	struct image_record untagged = *rec;
	struct err why = { 0 };
	int r = get_by_key(s, rec->reference, &old, &why);

	/* Whoever loses the name has to be known; what is damaged has lost it already. */
	if (r < 0 && r != -ERR_NOT_FOUND && r != -ERR_FORMAT)
		return keep_error(err, &why, r);
	if (r >= 0 && !digest_equal(&old.image_id, &rec->image_id)) {
		r = keep_displaced(s, &old, err);
		if (r < 0)
			return r;
	}
	r = write_record(s, rec, err);
	if (r < 0)
		return r;
	/* It has a name now. If this is left behind by a crash, the image is only listed twice. */
	untagged.reference = NULL;
	(void)delete_record(s, &untagged, NULL);
	return 0;
}

static int lock_images(struct store *s, struct lock *ret, struct err *err)
{
	int r = lock_file(s->fd, "locks/images", LOCK_EXCLUSIVE, ret, err);

	return store_explain(s, r, err);
}

int image_ref_set(struct store *s, const struct reference *ref, const struct image_record *record,
	struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(lock) struct lock shared = LOCK_INIT, l = LOCK_INIT;
	int r = store_sync(s, err);

	/* Keeps the sweeper off temporary names; before the images lock, as store.h says. */
	if (r >= 0)
		r = store_lock(s, LOCK_SHARED, &shared, err);
	if (r >= 0)
		r = lock_images(s, &l, err);
	if (r < 0)
		return r;
	rec = *record;
	rec.reference = ref ? key_of(ref) : NULL;
	rec.created_ns = clock_wall_ns();
	if (ref)
		return set_tagged(s, &rec, err);
	r = has_name(s, &rec.image_id, NULL, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return write_record(s, &rec, err);
}

int image_ref_delete(struct store *s, const struct image_record *record, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = lock_images(s, &l, err);

	return r < 0 ? r : delete_record(s, record, err);
}

int image_ref_untag(struct store *s, const struct image_record *record, struct err *err)
{
	struct image_record kept = *record;
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = lock_images(s, &l, err);

	if (r >= 0)
		r = has_name(s, &record->image_id, record->reference, err);
	kept.reference = NULL;
	kept.from_registry = false;
	if (r == 0)
		r = write_record(s, &kept, err);
	return r < 0 ? r : delete_record(s, record, err);
}

static int compare_records(const void *a, const void *b)
{
	const struct image_record *x = a, *y = b;

	if (!x->reference || !y->reference) {
		if (x->reference || y->reference)
			return x->reference ? -1 : 1;
		return strcmp(x->image_id.text, y->image_id.text);
	}
	return strcmp(x->reference, y->reference);
}

int image_ref_list(struct store *s, struct image_list *ret, struct err *err)
{
	AUTO(strv) char **names = NULL;
	AUTO(image_list) struct image_list list = { 0 };
	size_t cap = 0;
	int r = file_list_dir(s->fd, "images", &names, err);

	if (r < 0)
		return r;
	STRV_FOREACH (name, names) {
		autofree char *path = xasprintf("images/%s", name);
		struct err why = { 0 };

		if (file_is_temporary(name))
			continue;
		GROW(list.items, list.n, cap);
		r = imagedb_read(s, path, &list.items[list.n], &why);
		if (r >= 0)
			list.n++;
		else if (r == -ENOENT || r == -ERR_NOT_FOUND || r == -ERR_FORMAT)
			log_debug("store: %s", why.msg);
		else
			return keep_error(err, &why, r);
	}
	if (list.n)
		qsort(list.items, list.n, sizeof(*list.items), compare_records);
	*ret = list;
	list.items = NULL;
	list.n = 0;
	return 0;
}

void image_list_done(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		image_record_done(&l->items[i]);
	free(TAKE_PTR(l->items));
	l->n = 0;
}

static bool touch(struct store *s, const struct image_record *rec)
{
	char path[STORE_PATH_SIZE];

	imagedb_path(rec, path);
	return utimensat(s->fd, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

void image_ref_touch(struct store *s, const struct image_record *record)
{
	AUTO(image_list) struct image_list list = { 0 };

	/* Named by its id it may have other names. */
	if (touch(s, record) || errno != ENOENT || image_ref_list(s, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		if (digest_equal(&list.items[i].image_id, &record->image_id))
			(void)touch(s, &list.items[i]);
}

int64_t image_ref_used_ns(struct store *s, const struct image_record *record)
{
	char path[STORE_PATH_SIZE];
	struct stat st;

	imagedb_path(record, path);
	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec;
}
