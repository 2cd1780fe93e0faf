/*
 * Downloads: ingest/HEX, flocked by its filler. Publishing is a rename of that same file, so a
 * waiter that gets the lock finds that the name no longer leads to what it locked, looks for the
 * blob, and is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "store/blob.h"
#include "store/ingest.h"
#include "store/store_priv.h"
#include "sys/file.h"

/* Smaller ones are not worth asking the file system for room in advance. */
#define RESERVE_FROM (1U << 20)

struct ingest {
	struct store *store;
	struct lock lock; /* its fd is the data file */
	struct digest digest;
	uint64_t size;
	uint64_t offset;
	char path[STORE_PATH_SIZE];
};

static void ingest_free(struct ingest *ing)
{
	lock_done(&ing->lock);
	free(ing);
}

/* A full disk is better known now than after the download. */
static int reserve(const struct ingest *ing, struct err *err)
{
	if (ing->size < RESERVE_FROM)
		return 0;
	if (fallocate(ing->lock.fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)ing->size) < 0 &&
		(errno == ENOSPC || errno == EDQUOT))
		return err_sys(err, errno, "reserve %llu bytes", (unsigned long long)ing->size);
	return 0;
}

static int take_over(struct ingest *ing, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(ing->lock.fd, &st) < 0)
		return err_sys(err, errno, "stat");
	ing->offset = (uint64_t)st.st_size;
	if (ing->offset > ing->size) {
		r = ingest_reset(ing, err);
		if (r < 0)
			return r;
	}
	r = reserve(ing, err);
	if (r < 0)
		return r;
	if (lseek(ing->lock.fd, (off_t)ing->offset, SEEK_SET) < 0)
		return err_sys(err, errno, "seek");
	return 0;
}

int ingest_begin(struct store *s, const struct digest *digest, uint64_t size, unsigned flags,
	struct ingest **ret, struct err *err)
{
	AUTO(ingest) struct ingest *ing = NULL;
	int r = blob_has(s, digest, NULL, err);

	if (r != 0)
		return r;
	ing = NEW(struct ingest);
	ing->store = s;
	ing->digest = *digest;
	ing->size = size;
	ing->lock.fd = -EBADF;
	(void)snprintf(ing->path, sizeof(ing->path), "ingest/%s", digest_hex(digest));
	r = lock_file(s->fd, ing->path, LOCK_EXCLUSIVE | (flags & INGEST_NOWAIT ? LOCK_NOWAIT : 0),
		&ing->lock, err);
	if (r < 0)
		return r;
	/* Published while we waited: lock_file then made the file anew. */
	r = blob_has(s, digest, NULL, err);
	if (r != 0) {
		ingest_discard(TAKE_PTR(ing));
		return r;
	}
	r = take_over(ing, err);
	if (r < 0)
		return err_ctx(err, r, "%s", ing->path);
	*ret = TAKE_PTR(ing);
	return 0;
}

int ingest_fd(const struct ingest *ing)
{
	return ing->lock.fd;
}

uint64_t ingest_offset(const struct ingest *ing)
{
	return ing->offset;
}

int ingest_reset(struct ingest *ing, struct err *err)
{
	if (ftruncate(ing->lock.fd, 0) < 0)
		return err_sys(err, errno, "truncate %s", ing->path);
	if (lseek(ing->lock.fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "seek %s", ing->path);
	ing->offset = 0;
	return 0;
}

int ingest_commit(struct ingest *ing, struct err *err)
{
	struct stat st;
	int r;

	if (fstat(ing->lock.fd, &st) < 0) {
		r = err_sys(err, errno, "stat %s", ing->path);
		ingest_abort(ing);
		return r;
	}
	if ((uint64_t)st.st_size != ing->size) {
		r = err_set(err, ERR_DIGEST, "%s: %lld bytes came, %llu were announced",
			ing->digest.text, (long long)st.st_size, (unsigned long long)ing->size);
		ingest_discard(ing);
		return r;
	}
	r = blob_adopt(ing->store, ing->path, &ing->digest, err);
	ingest_free(ing);
	return r;
}

void ingest_abort(struct ingest *ing)
{
	if (ing)
		ingest_free(ing);
}

void ingest_discard(struct ingest *ing)
{
	if (!ing)
		return;
	lock_unlink(&ing->lock, ing->store->fd, ing->path);
	ingest_free(ing);
}
