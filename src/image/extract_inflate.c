/*
 * The half that sees the blob: read as far as the caller says, decompress, write into the pipe.
 * How it ended goes into shared memory before the pipe is closed, so that the other half, which
 * sees the end of its input, knows whether that was all.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "codec/decompress.h"
#include "image/unpack_priv.h"

#define IN_SIZE	   (128 * 1024)
#define OUT_SIZE   (256 * 1024)
#define RATIO_WARN 200
#define RATIO_MAX  1000

struct inflate {
	const struct extract_config *config;
	struct decompress *d;
	int out_fd;
	uint8_t *in, *out;
	uint64_t offset;    /* of the next byte to read */
	uint64_t available; /* bytes of the blob that may be read */
	bool end;	    /* there will be no more than that */
	uint64_t produced;
};

/* Wait for the caller's next word. Words that have piled up are all read: the last one counts. */
static int feed_wait(struct inflate *in, struct err *err)
{
	struct extract_feed feed;
	ssize_t n;

	do {
		n = read(EXTRACT_FD_FEED, &feed, sizeof(feed));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "wait for the download");
	if (n == 0)
		return err_set(err, ECANCELED, "the download was given up");
	if (n != sizeof(feed) || feed.total < in->available)
		return err_set(err, EPROTO, "bad message from the caller");
	in->available = feed.total;
	in->end = feed.end;
	return 0;
}

/* Everything that was put into the buffer up to `end`. */
static int out_write(struct inflate *in, const uint8_t *end, struct err *err)
{
	const uint8_t *p = in->out;

	in->produced += (uint64_t)(end - p);
	if (in->produced > in->config->limits.ratio_floor && in->produced / RATIO_MAX > in->offset)
		return err_set(err, ERR_LIMIT, "the layer expands more than %d : 1", RATIO_MAX);
	while (p < end) {
		ssize_t n = write(in->out_fd, p, (size_t)(end - p));

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "hand on the uncompressed layer");
		if (n > 0)
			p += n;
	}
	return 0;
}

static int chunk_run(struct inflate *in, size_t len, struct err *err)
{
	struct stream s = { .in = in->in, .in_len = len };
	int r;

	do {
		s.out = in->out;
		s.out_len = OUT_SIZE;
		r = decompress_run(in->d, &s, err);
		if (r >= 0)
			r = out_write(in, s.out, err);
		if (r < 0)
			return r;
	} while (s.in_len || !s.out_len);
	return 0;
}

static int blob_run(struct inflate *in, struct err *err)
{
	for (;;) {
		uint64_t left = in->available - in->offset;
		size_t want = left < IN_SIZE ? (size_t)left : IN_SIZE;
		ssize_t n;
		int r;

		if (!want && in->end)
			return 0;
		if (!want) {
			r = feed_wait(in, err);
			if (r < 0)
				return r;
			continue;
		}
		n = pread(EXTRACT_FD_BLOB, in->in, want, (off_t)in->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read the blob");
		if (n == 0)
			return err_set(err, ERR_FORMAT, "the blob is shorter than announced");
		in->offset += (uint64_t)n;
		r = chunk_run(in, (size_t)n, err);
		if (r < 0)
			return r;
	}
}

static int inflate_all(struct inflate *in, struct err *err)
{
	struct stream s = { .out = in->out, .out_len = OUT_SIZE };
	int r = blob_run(in, err);

	if (r >= 0)
		r = decompress_finish(in->d, &s, err);
	return r < 0 ? r : out_write(in, s.out, err);
}

int extract_inflate(const struct extract_config *config, int out_fd, struct extract_shared *shared)
{
	struct inflate in = { .config = config, .out_fd = out_fd };
	int r;

	in.d = decompress_new();
	in.in = xmalloc(IN_SIZE);
	in.out = xmalloc(OUT_SIZE);
	r = inflate_all(&in, &shared->err);
	shared->codec = decompress_kind(in.d);
	shared->ratio_warning = in.offset && in.produced / RATIO_WARN > in.offset;
	atomic_store(&shared->done, r < 0 ? r : 1);
	return r;
}
