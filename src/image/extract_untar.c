/*
 * The half that writes: what comes from the pipe is read as tar. Only one buffer is between the pipe
 * and the files; file content is written from where it was read to.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "image/unpack_priv.h"

#define CHUNK (256 * 1024)

/* Headers of all kinds for one entry: x, g, L and K, each with a share of them for nothing. */
#define HEADERS_PER_ENTRY 4

static int event_run(struct extract *x, const struct tar_event *ev, struct err *err)
{
	switch (ev->kind) {
	case TAR_ENTRY:
		return extract_entry_begin(x, ev->entry, err);
	case TAR_DATA:
		return extract_entry_data(x, ev->data, ev->len, ev->offset, err);
	case TAR_ENTRY_END:
		return extract_entry_end(x, err);
	case TAR_NEED:
		break;
	}
	return 0;
}

static int chunk_run(
	struct extract *x, struct tar_reader *tar, const uint8_t *data, size_t len, struct err *err)
{
	struct tar_event ev;
	int r;

	do {
		r = tar_reader_next(tar, &data, &len, &ev, err);
		if (r >= 0)
			r = event_run(x, &ev, err);
		if (r < 0)
			return r;
	} while (ev.kind != TAR_NEED);
	if (tar_reader_headers(tar) / HEADERS_PER_ENTRY > x->config->limits.entries)
		return err_set(err, ERR_LIMIT, "the layer has too many tar headers");
	return 0;
}

static int stream_run(struct extract *x, struct tar_reader *tar, int in_fd, struct err *err)
{
	autofree uint8_t *data = xmalloc(CHUNK);

	for (;;) {
		ssize_t n = read(in_fd, data, CHUNK);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read the uncompressed layer");
		if (n == 0)
			return 0;
		x->result.tar_bytes += (uint64_t)n;
		if (x->result.tar_bytes > x->config->limits.bytes)
			return err_set(err, ERR_LIMIT, "the layer is longer than %llu bytes",
				(unsigned long long)x->config->limits.bytes);
		r = chunk_run(x, tar, data, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

/* The input has ended: because all of it came through? */
static int sources_check(struct extract *x, struct extract_shared *shared, struct err *err)
{
	int done = atomic_load(&shared->done);

	if (!atomic_load(&shared->hashed))
		return err_set(err, EPROTO, "the hasher was killed");
	if (done == 0)
		return err_set(err, EPROTO, "the decompressor was killed");
	if (done < 0) {
		if (err) {
			*err = shared->err;
			err_scrub(err, done);
		}
		return done;
	}
	x->result.codec = shared->codec;
	if (shared->ratio_warning)
		x->result.warnings |= UNPACK_WARN_RATIO;
	return 0;
}

/* Attributes of the root until an entry for it says otherwise. */
static int root_begin(struct extract *x, struct err *err)
{
	struct attrs a = { .mode = 0755 };
	autofd int src = -EBADF, dst = -EBADF;
	struct stat st;
	int r;

	x->result.root_implied = true;
	if (!x->config->n_lower)
		return attrs_dir_later(x, "", &a, err);
	src = openat(x->lower[0], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dst = openat(x->tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (src < 0 || dst < 0 || fstat(src, &st) < 0)
		return err_sys(err, errno, "open the root of a parent layer");
	attrs_stat(&st, &a);
	r = lower_copy_xattrs(x, src, dst, err);
	return r < 0 ? r : attrs_dir_later(x, "", &a, err);
}

static int untar(struct extract *x, struct tar_reader *tar, int in_fd,
	struct extract_shared *shared, struct err *err)
{
	int r = root_begin(x, err);

	if (r >= 0)
		r = stream_run(x, tar, in_fd, err);
	if (r < 0)
		return r;
	r = sources_check(x, shared, err);
	if (r >= 0)
		r = tar_reader_finish(tar, err);
	if (r >= 0)
		r = attrs_dirs_apply(x, err);
	if (r >= 0 && x->doubt)
		r = err_sys(err, x->doubt, "look at the tree");
	if (r >= 0)
		r = attrs_owners_flush(x, err);
	if (r < 0)
		return r;
	if (tar_reader_has_trailing(tar))
		x->result.warnings |= UNPACK_WARN_TRAILING;
	return 0;
}

int extract_untar(struct extract *x, int in_fd, struct extract_shared *shared, struct err *err)
{
	AUTO(tar_reader) struct tar_reader *tar = tar_reader_new();
	int r;

	x->file_fd = -EBADF;
	x->root = (struct place){ .canon = xstrdup(""), .fd = x->tree_fd };
	r = untar(x, tar, in_fd, shared, err);
	x->file_fd = fd_close(x->file_fd);
	places_done(x);
	free(x->root.canon);
	free(x->dirs_last);
	return r;
}
