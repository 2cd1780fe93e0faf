/*
 * Sweeping: what dead makers left. Liveness is a held flock, so there are no ages and no process
 * ids here, and a jump of the clock or a reused pid changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/container_priv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"

#define INGEST_KEEP_SECONDS (7 * 24 * 3600)

/* Free: its maker is dead. The exclusive store lock is held, so nothing is just being born. */
static bool is_abandoned(struct store *s, const char *path)
{
	autofd int fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && lock_fd(fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) >= 0;
}

static void discard(struct store *s, const char *path)
{
	char name[TRASH_NAME_SIZE];
	struct err why = { 0 };

	if (trash_move(s, path, name, &why) < 0)
		log_debug("sweep: %s", why.msg);
	else
		log_debug("sweep: %s was left by a dead process", path);
}

/* An age decides only how long a dead download is worth keeping, never whether it is dead. */
static bool is_stale(struct store *s, const char *path)
{
	struct stat st;

	if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return (clock_wall_ns() / NSEC_PER_SEC) - st.st_mtime > INGEST_KEEP_SECONDS;
}

enum sweep_rule {
	SWEEP_ABANDONED = 1 << 0,  /* everything that nobody holds */
	SWEEP_HIDDEN = 1 << 1,	   /* of names with a leading dot, what nobody holds */
	SWEEP_TEMPORARY = 1 << 2,  /* leftovers of file_write_atomic */
	SWEEP_OTHER_BOOT = 1 << 3, /* published by a boot that ended before the sync */
	SWEEP_STALE = 1 << 4,	   /* what nobody holds and nobody has continued for a week */
};

static bool is_garbage(struct store *s, const char *path, const char *name, unsigned rules)
{
	size_t len;

	if ((rules & SWEEP_TEMPORARY) && file_is_temporary(name))
		return true;
	if ((rules & SWEEP_OTHER_BOOT) && store_split_mark(s, name, &len) == 2)
		return true;
	if (rules & SWEEP_STALE)
		return is_stale(s, path) && is_abandoned(s, path);
	if (rules & SWEEP_ABANDONED)
		return is_abandoned(s, path);
	return (rules & SWEEP_HIDDEN) && *name == '.' && is_abandoned(s, path);
}

static void sweep_dir(struct store *s, const char *dir, unsigned rules)
{
	AUTO(strv) char **names = NULL;

	if (file_list_dir(s->fd, dir, &names, NULL) < 0)
		return;
	STRV_FOREACH (name, names) {
		autofree char *path = xasprintf("%s/%s", dir, name);

		if (is_garbage(s, path, name, rules))
			discard(s, path);
	}
}

/* A boot is looked at once: locks/boot holds the mark of the last one that was. */
static bool is_new_boot(struct store *s)
{
	AUTO(buf) struct buf b = BUF_INIT(64);

	return file_load(s->fd, "locks/boot", &b, NULL) < 0 || !str_eq(buf_str(&b), store_boot(s));
}

/* Not synced, and made in a boot that has ended. */
static void sweep_ephemeral(struct store *s)
{
	AUTO(strv) char **ids = NULL;

	if (container_dir_list(s, &ids, NULL) < 0)
		return;
	STRV_FOREACH (id, ids) {
		AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
		char path[STORE_PATH_SIZE];

		container_path(id, true, path);
		if (container_dir_open(s, id, &dir, NULL) >= 0 &&
			container_dir_is_ephemeral(&dir) && is_abandoned(s, path))
			discard(s, path);
	}
}

static void sweep_boot(struct store *s)
{
	struct file_content mark = { .data = store_boot(s), .len = STORE_BOOT_LEN, .mode = 0600 };

	sweep_dir(s, "blobs/sha256", SWEEP_OTHER_BOOT | SWEEP_TEMPORARY);
	sweep_dir(s, "layers", SWEEP_OTHER_BOOT | SWEEP_TEMPORARY);
	sweep_ephemeral(s);
	if (file_write_atomic(s->fd, "locks/boot", &mark, FILE_NO_SYNC, NULL) < 0)
		log_debug("sweep: locks/boot cannot be written");
}

/* The exclusive store lock is held. */
static void sweep_all(struct store *s)
{
	sweep_dir(s, "tmp", SWEEP_ABANDONED);
	sweep_dir(s, "containers", SWEEP_HIDDEN);
	sweep_dir(s, "ingest", SWEEP_STALE);
	sweep_dir(s, "images", SWEEP_TEMPORARY);
	if (is_new_boot(s))
		sweep_boot(s);
}

void store_sweep(struct store *s)
{
	AUTO(lock) struct lock l = LOCK_INIT;

	if (store_lock(s, LOCK_EXCLUSIVE | LOCK_NOWAIT, &l, NULL) < 0)
		return;
	sweep_all(s);
	lock_done(&l);
	trash_empty(s, NULL);
}

/* Lock files of unpacking that was killed: nobody holds them, and nobody needs them. */
static void sweep_locks(struct store *s)
{
	AUTO(strv) char **names = NULL;

	if (file_list_dir(s->fd, "locks", &names, NULL) < 0)
		return;
	STRV_FOREACH (name, names) {
		autofree char *path = xasprintf("locks/%s", name);
		AUTO(lock) struct lock l = LOCK_INIT;

		if (str_after(name, "layer-") &&
			lock_file(s->fd, path, LOCK_EXCLUSIVE | LOCK_NOWAIT, &l, NULL) >= 0)
			lock_unlink(&l, s->fd, path);
	}
}

/* Temporary files in a container's directory, when nobody is at work in it. */
static void sweep_container(struct store *s, const char *id)
{
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	AUTO(strv) char **names = NULL;

	if (container_dir_open(s, id, &dir, NULL) < 0 ||
		lock_fd(dir.fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) < 0 ||
		file_list_dir(dir.fd, ".", &names, NULL) < 0)
		return;
	STRV_FOREACH (name, names)
		if (file_is_temporary(name))
			(void)unlinkat(dir.fd, name, 0);
}

static void sweep_containers(struct store *s)
{
	AUTO(strv) char **ids = NULL, **names = NULL;

	if (container_dir_list(s, &ids, NULL) < 0 ||
		file_list_dir(s->fd, "names", &names, NULL) < 0)
		return;
	STRV_FOREACH (id, ids)
		sweep_container(s, id);
	STRV_FOREACH (name, names)
		if (container_name_is_void(s, name))
			container_name_remove(s, name);
}

int store_sweep_wait(struct store *s, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(s, LOCK_EXCLUSIVE, &l, err);

	if (r < 0)
		return r;
	sweep_all(s);
	sweep_dir(s, "blobs/sha256", SWEEP_OTHER_BOOT | SWEEP_TEMPORARY);
	sweep_dir(s, "layers", SWEEP_OTHER_BOOT | SWEEP_TEMPORARY);
	sweep_containers(s);
	sweep_locks(s);
	lock_done(&l);
	trash_empty(s, NULL);
	return 0;
}
