/* Blobs by digest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/blob.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define BLOB_MODE 0400

static void blob_path(const struct digest *d, char ret[STORE_PATH_SIZE])
{
	(void)snprintf(ret, STORE_PATH_SIZE, "blobs/sha256/%s", digest_hex(d));
}

/* A descriptor, or -kind without text. */
static int open_covered(struct store *s, const struct digest *digest, struct err *err)
{
	char path[STORE_PATH_SIZE];
	int r = store_cover(s, "b", digest_hex(digest), err);

	if (r < 0)
		return r;
	blob_path(digest, path);
	r = store_open_published(s, path, "", O_RDONLY | O_NOCTTY);
	if (r >= 0 || r == -ERR_NOT_FOUND)
		return r;
	return err_sys(err, -r, "open blob %s", digest->text);
}

int blob_open(struct store *s, const struct digest *digest, int *ret_fd, struct err *err)
{
	int fd = open_covered(s, digest, err);

	if (fd == -ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "blob %s is not in the store", digest->text);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int blob_has(struct store *s, const struct digest *digest, uint64_t *ret_size, struct err *err)
{
	autofd int fd = open_covered(s, digest, err);
	struct stat st;

	if (fd == -ERR_NOT_FOUND)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat blob %s", digest->text);
	if (ret_size)
		*ret_size = (uint64_t)st.st_size;
	return 1;
}

int blob_read_all(struct store *s, const struct digest *digest, struct buf *ret, struct err *err)
{
	autofd int fd = -EBADF;
	int r = blob_open(s, digest, &fd, err);

	if (r < 0)
		return r;
	r = buf_read_fd(ret, fd, err);
	if (r < 0)
		return err_ctx(err, r, "blob %s", digest->text);
	return 0;
}

int blob_put(struct store *s, const void *data, size_t len, struct digest *ret, struct err *err)
{
	const struct file_content content = { .data = data, .len = len, .mode = BLOB_MODE };
	AUTO(lock) struct lock shared = LOCK_INIT;
	char path[STORE_PATH_SIZE], marked[STORE_PATH_SIZE];
	struct digest digest;
	int r;

	digest_of(data, len, &digest);
	r = blob_has(s, &digest, NULL, err);
	if (r == 0) {
		/* Keeps the sweeper off the temporary name. */
		r = store_lock(s, LOCK_SHARED, &shared, err);
		if (r < 0)
			return r;
		blob_path(&digest, path);
		store_pending_path(s, path, marked);
		r = file_write_atomic(s->fd, marked, &content, FILE_NO_SYNC, err);
		if (r >= 0)
			store_add_pending(s, path);
	}
	if (r < 0)
		return r;
	*ret = digest;
	return 0;
}

int blob_adopt(struct store *s, const char *relative, const struct digest *digest, struct err *err)
{
	char path[STORE_PATH_SIZE], marked[STORE_PATH_SIZE];
	int r = blob_has(s, digest, NULL, err);

	if (r < 0)
		return r;
	if (r == 1) {
		if (unlinkat(s->fd, relative, 0) < 0 && errno != ENOENT)
			return err_sys(err, errno, "remove %s", relative);
		return 0;
	}
	blob_path(digest, path);
	store_pending_path(s, path, marked);
	if (fchmodat(s->fd, relative, BLOB_MODE, 0) < 0)
		return err_sys(err, errno, "chmod %s", relative);
	if (renameat(s->fd, relative, s->fd, marked) < 0)
		return err_sys(err, errno, "publish blob %s", digest->text);
	store_add_pending(s, path);
	return 0;
}
