/*
 * From complete to durable: published names carry "~<boot>" until one syncfs has covered them.
 * Lookups accept the mark of this boot only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

const char *store_boot(struct store *s)
{
	autofd int fd = -EBADF;

	if (*s->boot)
		return s->boot;
	fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	/* Without /proc nothing can be told apart: never equal to a real boot's mark. */
	if (fd < 0 || file_read_exact(fd, s->boot, STORE_BOOT_LEN, NULL) < 0 ||
		!str_is_hex_lower(s->boot, STORE_BOOT_LEN))
		random_hex(s->boot, STORE_BOOT_LEN / 2);
	s->boot[STORE_BOOT_LEN] = '\0';
	return s->boot;
}

void store_pending_path(struct store *s, const char *path, char ret[STORE_PATH_SIZE])
{
	(void)snprintf(ret, STORE_PATH_SIZE, "%s~%s", path, store_boot(s));
}

int store_split_mark(struct store *s, const char *name, size_t *ret_len)
{
	const char *mark = strchr(name, '~');

	if (!mark)
		return 0;
	*ret_len = (size_t)(mark - name);
	return str_eq(mark + 1, store_boot(s)) ? 1 : 2;
}

void store_add_pending(struct store *s, const char *path)
{
	if (!strv_contains(s->pending, path))
		strv_push(&s->pending, path);
}

int store_open_published(struct store *s, const char *path, const char *suffix, int flags)
{
	char full[STORE_PATH_SIZE], marked[STORE_PATH_SIZE];
	int fd;

	(void)snprintf(full, sizeof(full), "%s%s", path, suffix);
	fd = openat(s->fd, full, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	store_pending_path(s, path, marked);
	(void)snprintf(full, sizeof(full), "%s%s", marked, suffix);
	fd = openat(s->fd, full, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		store_add_pending(s, path);
		return fd;
	}
	if (errno != ENOENT)
		return -errno;
	/* Another process may have promoted it between the two. */
	(void)snprintf(full, sizeof(full), "%s%s", path, suffix);
	fd = openat(s->fd, full, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ERR_NOT_FOUND : -errno;
	return fd;
}

/* After a failed syncfs nobody knows which of these lost data: none of them may be used. */
static void drop_pending(struct store *s)
{
	STRV_FOREACH (path, s->pending) {
		char marked[STORE_PATH_SIZE];

		store_pending_path(s, path, marked);
		if (trash_remove(s, marked, NULL, NULL) < 0)
			log_debug("store: %s stays", marked);
	}
}

static int promote(struct store *s, const char *path, struct err *err)
{
	char marked[STORE_PATH_SIZE];

	store_pending_path(s, path, marked);
	if (renameat(s->fd, marked, s->fd, path) == 0)
		return 0;
	/* ENOENT: another process did it. The rest: it was published twice, and the content is equal.
	 */
	if (errno == ENOENT)
		return 0;
	if (errno == EEXIST || errno == ENOTEMPTY)
		return trash_remove(s, marked, NULL, err);
	return err_sys(err, errno, "publish %s", path);
}

/* The directory of the promoted names, if any of them lies in it. */
static int sync_dir(struct store *s, const char *name, struct err *err)
{
	autofd int fd = -EBADF;
	bool touched = false;
	int r;

	STRV_FOREACH (path, s->pending)
		touched |= str_after(path, name) != NULL;
	if (!touched)
		return 0;
	r = file_open_dir(s->fd, name, &fd, err);
	return r < 0 ? r : file_sync(fd, name, err);
}

static int promote_all(struct store *s, struct err *err)
{
	int r = 0;

	STRV_FOREACH (path, s->pending)
		if (r >= 0)
			r = promote(s, path, err);
	return r;
}

/* One sync for everything, what was published without one before included. */
static int sync_full(struct store *s, struct err *err)
{
	AUTO(lock) struct lock list = LOCK_INIT;
	int r = store_unsynced_begin(s, &list, err);

	if (r < 0)
		return r;
	if (syncfs(s->fd) < 0) {
		r = err_sys(err, errno, "sync the store's file system");
		drop_pending(s);
		return r;
	}
	r = promote_all(s, err);
	if (r >= 0)
		r = sync_dir(s, "blobs/sha256", err);
	if (r >= 0)
		r = sync_dir(s, "layers", err);
	if (r >= 0)
		store_unsynced_end(s, &list);
	return r;
}

static int sync_later(struct store *s, struct err *err)
{
	int r = store_unsynced_add(s, err);

	return r < 0 ? r : promote_all(s, err);
}

int store_sync(struct store *s, struct err *err)
{
	int r;

	if (!s->pending)
		return 0;
	r = s->config.durability == STORE_FAST ? sync_later(s, err) : sync_full(s, err);
	strv_free(TAKE_PTR(s->pending));
	return r < 0 ? r : 0;
}
