/* Making, finding, locking and removing container directories. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/container_priv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"

/* How often and how long a keeper waits for a glance at the lock to pass. */
#define LOCK_TRIES   20
#define LOCK_WAIT_NS 10000000L

void container_dir_done(struct container_dir *dir)
{
	dir->fd = fd_close(dir->fd);
}

void container_dir_new_id(char ret[CONTAINER_ID_LEN + 1])
{
	random_hex(ret, CONTAINER_ID_LEN / 2);
}

/* Before the name can be seen: a power cut must not leave it with an empty config. */
static int sync_content(int fd, struct err *err)
{
	autofd int config = openat(fd, "config.json", O_RDONLY | O_CLOEXEC);
	int r;

	if (config < 0)
		return err_sys(err, errno, "open config.json");
	r = file_sync(config, "config.json", err);
	return r < 0 ? r : file_sync(fd, "container directory", err);
}

static int sync_name(struct store *s, struct err *err)
{
	autofd int parent = -EBADF;
	int r = file_open_dir(s->fd, "containers", &parent, err);

	return r < 0 ? r : file_sync(parent, "containers", err);
}

static int fill(int fd, const struct container_new *args, struct err *err)
{
	autofd int config = -EBADF;
	int r;

	if (!(args->flags & CONTAINER_NO_OVERLAY)) {
		/* upper/ becomes the container's root directory: 0755 whatever the umask. */
		if (mkdirat(fd, "upper", 0755) < 0 || fchmodat(fd, "upper", 0755, 0) < 0)
			return err_sys(err, errno, "create upper");
		if (mkdirat(fd, "work", 0700) < 0)
			return err_sys(err, errno, "create work");
	}
	/* Plainly: nobody sees the directory before it is renamed. */
	config = openat(fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (config < 0)
		return err_sys(err, errno, "create config.json");
	r = file_write_all(config, args->config, args->config_len, err);
	return r < 0 ? err_ctx(err, r, "config.json") : 0;
}

/*
 * The sticky bit marks an ephemeral one: it comes with the directory itself, so that no power cut
 * leaves the directory without it. To a directory that only its owner can enter it means nothing.
 */
static int open_locked(
	struct store *s, const char *path, unsigned flags, int *ret_fd, struct err *err)
{
	autofd int fd = -EBADF;
	int r;

	if (mkdirat(s->fd, path, flags & CONTAINER_EPHEMERAL ? 0700 | S_ISVTX : 0700) < 0)
		return err_sys(err, errno, "create %s", path);
	r = file_open_dir(s->fd, path, &fd, err);
	if (r >= 0)
		r = lock_fd(fd, LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/*
 * Hidden first: from there on a sweep ends what a killed process has begun, and the name is free
 * only when no directory is left that claims it.
 */
static int remove_all_of(
	struct store *s, const char *id, const char *name, const struct idmap *map, struct err *err)
{
	char hidden[STORE_PATH_SIZE], path[STORE_PATH_SIZE];

	container_path(id, false, hidden);
	container_path(id, true, path);
	if (renameat(s->fd, path, s->fd, hidden) < 0 && errno != ENOENT)
		return store_explain(s, err_sys(err, errno, "hide %s", path), err);
	if (name)
		container_name_release(s, name, id);
	if (trash_remove(s, hidden, map, NULL) < 0)
		log_debug("store: %s stays for the sweep", hidden);
	return 0;
}

static void undo_create(struct store *s, const struct container_new *args)
{
	if (remove_all_of(s, args->id, args->name, NULL, NULL) < 0)
		log_debug("store: container %s stays for the sweep", args->id);
}

static int create_in(struct store *s, const struct container_new *args, int fd, struct err *err)
{
	bool durable = !(args->flags & CONTAINER_EPHEMERAL);
	char hidden[STORE_PATH_SIZE], path[STORE_PATH_SIZE];
	int r = fill(fd, args, err);

	if (r >= 0 && durable)
		r = sync_content(fd, err);
	if (r >= 0 && args->name)
		r = container_name_claim(s, args->name, args->id, err);
	if (r < 0)
		return r;
	container_path(args->id, false, hidden);
	container_path(args->id, true, path);
	if (renameat(s->fd, hidden, s->fd, path) < 0)
		return err_sys(err, errno, "publish %s", path);
	return durable ? sync_name(s, err) : 0;
}

int container_dir_create(struct store *s, const struct container_new *args,
	struct container_dir *ret, struct err *err)
{
	AUTO(lock) struct lock birth = LOCK_INIT;
	char hidden[STORE_PATH_SIZE];
	autofd int fd = -EBADF;
	int r;

	assert_that(strlen(args->id) == CONTAINER_ID_LEN);
	if (args->name) {
		r = container_dir_check_name(args->name, err);
		if (r < 0)
			return r;
	}
	container_path(args->id, false, hidden);
	/* The sweeper works under the exclusive lock: it never sees ".ID" without its flock. */
	r = store_lock(s, LOCK_SHARED, &birth, err);
	if (r < 0)
		return r;
	r = open_locked(s, hidden, args->flags, &fd, err);
	if (r >= 0)
		r = create_in(s, args, fd, err);
	if (r < 0) {
		undo_create(s, args);
		return store_explain(s, err_ctx(err, r, "container"), err);
	}
	memcpy(ret->id, args->id, sizeof(ret->id));
	ret->fd = TAKE_FD(fd);
	return 0;
}

int container_dir_open(struct store *s, const char *id, struct container_dir *ret, struct err *err)
{
	char path[STORE_PATH_SIZE];
	int fd, r;

	assert_that(strlen(id) == CONTAINER_ID_LEN);
	container_path(id, true, path);
	r = file_open_dir(s->fd, path, &fd, err);
	if (r == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, "No such container: %.12s", id);
	if (r < 0)
		return r;
	memcpy(ret->id, id, sizeof(ret->id));
	ret->fd = fd;
	return 0;
}

int container_dir_lock(struct store *s, struct container_dir *dir, struct err *err)
{
	const struct timespec pause = { .tv_nsec = LOCK_WAIT_NS };
	char path[STORE_PATH_SIZE];
	int r;

	for (int i = 0;; i++) {
		r = lock_fd(dir->fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, err);
		if (r != -EAGAIN)
			break;
		if (i == LOCK_TRIES)
			return err_set(err, ERR_WRONG_STATE,
				"container %.12s is in use by another process", dir->id);
		(void)nanosleep(&pause, NULL);
	}
	if (r < 0)
		return r;
	container_path(dir->id, true, path);
	r = lock_is_current(s->fd, path, dir->fd, err);
	if (r == 1)
		return 0;
	lock_release_fd(dir->fd);
	return r < 0 ? r : err_set(err, ERR_NOT_FOUND, "No such container: %.12s", dir->id);
}

void container_dir_unlock(struct container_dir *dir)
{
	lock_release_fd(dir->fd);
}

bool container_dir_is_ephemeral(const struct container_dir *dir)
{
	struct stat st;

	return fstat(dir->fd, &st) == 0 && st.st_mode & S_ISVTX;
}

int container_dir_keep(struct store *s, const struct container_dir *dir, struct err *err)
{
	int r = sync_content(dir->fd, err);

	if (r < 0)
		return r;
	if (fchmod(dir->fd, 0700) < 0)
		return err_sys(err, errno, "set mode of container %.12s", dir->id);
	r = file_sync(dir->fd, "container directory", err);
	return r < 0 ? r : sync_name(s, err);
}

int container_dir_is_alive(const struct container_dir *dir, struct err *err)
{
	/* A description of its own: locks of dir->fd stay as they are. */
	autofd int fd = -EBADF;
	int r = file_open_dir(dir->fd, ".", &fd, err);

	if (r < 0)
		return r;
	r = lock_fd(fd, LOCK_SHARED | LOCK_NOWAIT, err);
	if (r == -EAGAIN)
		return 1;
	return r < 0 ? r : 0;
}

int container_dir_read(
	const struct container_dir *dir, const char *name, struct buf *ret, struct err *err)
{
	return file_load(dir->fd, name, ret, err);
}

int container_dir_write(const struct container_dir *dir, const char *name, const char *data,
	size_t len, unsigned file_flags, struct err *err)
{
	const struct file_content content = { .data = data, .len = len, .mode = 0600 };

	return file_write_atomic(dir->fd, name, &content, file_flags, err);
}

int container_dir_remove(struct store *s, struct container_dir *dir, const char *name,
	const struct idmap *map, struct err *err)
{
	int r = remove_all_of(s, dir->id, name, map, err);

	container_dir_done(dir);
	return r < 0 ? err_ctx(err, r, "container %.12s", dir->id) : 0;
}
