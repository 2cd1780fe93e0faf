/*
 * durability = "fast": what is published is listed in locks/unsynced instead of being synced.
 *
 * The first line is the boot, each other one a path. While that boot lasts the list means nothing:
 * everything is in the kernel's memory. After it, the next opening of the store looks at what is
 * listed before anybody uses it: blobs are hashed; of layers the bytes of all files are summed, as
 * journals keep the order of names and sizes, and what a crash cuts off is the end of files. What
 * fails goes, and is fetched or unpacked again. A list that is torn itself stands for everything.
 *
 * The file is its own lock: shared for who adds, exclusive for who has synced it all or takes it
 * apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "store/check_priv.h"
#include "store/imagedb_priv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "store/usage.h"
#include "sys/file.h"

#define LIST_MAX (64U << 20)
#define META_MAX (64U << 10)

int store_unsynced_add(struct store *s, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	AUTO(buf) struct buf text = BUF_INIT(LIST_MAX);
	struct stat st;
	int r = lock_file(s->fd, STORE_UNSYNCED, LOCK_SHARED, &l, err);

	if (r < 0)
		return r;
	if (fstat(l.fd, &st) < 0)
		return err_sys(err, errno, "stat " STORE_UNSYNCED);
	/* Two that begin it at once write the same line twice, which is no path. */
	if (st.st_size == 0)
		buf_printf(&text, "%s\n", store_boot(s));
	STRV_FOREACH (path, s->pending)
		buf_printf(&text, "%s\n", path);
	if (lseek(l.fd, 0, SEEK_END) < 0 || fcntl(l.fd, F_SETFL, O_APPEND) < 0)
		return err_sys(err, errno, STORE_UNSYNCED);
	r = file_write_all(l.fd, buf_str(&text), text.len, err);
	return r < 0 ? err_ctx(err, r, STORE_UNSYNCED) : 0;
}

int store_unsynced_begin(struct store *s, struct lock *ret, struct err *err)
{
	if (faccessat(s->fd, STORE_UNSYNCED, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return lock_file(s->fd, STORE_UNSYNCED, LOCK_EXCLUSIVE, ret, err);
}

void store_unsynced_end(struct store *s, struct lock *l)
{
	if (l->fd >= 0)
		lock_unlink(l, s->fd, STORE_UNSYNCED);
}

/* --- after the boot ----------------------------------------------------------------------- */

static void discard(struct store *s, const char *path)
{
	struct err why = { 0 };

	log_debug("store: %s was not written before the machine went down", path);
	if (trash_remove(s, path, NULL, &why) < 0 && why.kind != ENOENT)
		log_debug("store: %s", why.msg);
}

static bool layer_is_whole(struct store *s, const char *path, const struct idmap *map)
{
	autofree char *file = xasprintf("%s/meta.json", path), *fs = xasprintf("%s/fs", path);
	AUTO(buf) struct buf b = BUF_INIT(META_MAX);
	AUTO(json) struct json *meta = NULL;
	char *paths[] = { fs, NULL };
	struct usage sum = { 0 };
	int64_t bytes = -1;

	if (file_load(s->fd, file, &b, NULL) < 0 ||
		json_parse(buf_str(&b), b.len, &meta, NULL) < 0 ||
		!json_int(json_get(meta, "fileBytes"), &bytes) ||
		usage_measure(s, paths, map, &sum, NULL) < 0)
		return false;
	return sum.apparent == (uint64_t)bytes;
}

static void look_at(struct store *s, const char *path, const struct idmap *map)
{
	const char *hex = str_after(path, "blobs/sha256/");
	bool good = true;

	if (hex)
		good = check_blob_is_good(s, hex);
	else if (str_after(path, "layers/"))
		good = layer_is_whole(s, path, map);
	if (!good)
		discard(s, path);
}

/* A reference that was cut off leads nowhere. */
static void look_at_records(struct store *s)
{
	AUTO(strv) char **names = NULL;

	if (file_list_dir(s->fd, "images", &names, NULL) < 0)
		return;
	STRV_FOREACH (name, names) {
		autofree char *path = xasprintf("images/%s", name);
		AUTO(image_record) struct image_record rec = { 0 };

		if (!file_is_temporary(name) && imagedb_read(s, path, &rec, NULL) == -ERR_FORMAT)
			discard(s, path);
	}
}

static int list_all(struct store *s, char ***ret, struct err *err)
{
	static const char *const dirs[] = { "blobs/sha256", "layers" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < 2; i++) {
		AUTO(strv) char **names = NULL;

		r = file_list_dir(s->fd, dirs[i], &names, err);
		STRV_FOREACH (name, names)
			strv_pushf(ret, "%s/%s", dirs[i], name);
	}
	return r;
}

/* The paths, or all there are when the list does not end as it was written. */
static int read_list(struct store *s, int fd, char ***ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(LIST_MAX);
	const char *text;
	int r = buf_read_fd(&b, fd, err);

	if (r < 0)
		return r;
	text = buf_str(&b);
	if (strlen(text) != b.len || b.len <= STORE_BOOT_LEN || text[b.len - 1] != '\n')
		return list_all(s, ret, err);
	*ret = strv_split(text, '\n');
	return 0;
}

static bool is_of_this_boot(struct store *s, int fd)
{
	char boot[STORE_BOOT_LEN + 1] = "";

	return pread(fd, boot, STORE_BOOT_LEN, 0) == STORE_BOOT_LEN && str_eq(boot, store_boot(s));
}

static int take_apart(struct store *s, struct lock *list, struct err *err)
{
	AUTO(strv) char **paths = NULL;
	struct idmap map;
	int r = idmap_detect(&map, err);

	if (r >= 0)
		r = read_list(s, list->fd, &paths, err);
	if (r < 0)
		return r;
	STRV_FOREACH (path, paths)
		look_at(s, path, &map);
	look_at_records(s);
	/* What is left was read from the disk. */
	lock_unlink(list, s->fd, STORE_UNSYNCED);
	return 0;
}

int store_unsynced_recover(struct store *s, struct err *err)
{
	AUTO(lock) struct lock all = LOCK_INIT, list = LOCK_INIT;
	autofd int fd = openat(s->fd, STORE_UNSYNCED, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0 || is_of_this_boot(s, fd))
		return 0;
	r = store_lock(s, LOCK_EXCLUSIVE, &all, err);
	if (r >= 0)
		r = store_unsynced_begin(s, &list, err);
	if (r < 0 || list.fd < 0 || is_of_this_boot(s, list.fd))
		return r;
	r = take_apart(s, &list, err);
	return r < 0 ? err_ctx(err, r, "verify what was not synced") : 0;
}
