#include "codec/gz.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"

#define GZ_WINDOW_BITS (15 + 16) /* the largest window, gzip framing only */

enum gz_state { GZ_START, GZ_MEMBER, GZ_BETWEEN, GZ_PADDING };

struct gz_reader {
	z_stream z;
	enum gz_state state;
	size_t padding;
};

struct gz_reader *gz_reader_new(void)
{
	struct gz_reader *gz = NEW(struct gz_reader);

	/* Fails for want of memory only, and allocation does not fail here. */
	assert_that(inflateInit2(&gz->z, GZ_WINDOW_BITS) == Z_OK);
	return gz;
}

void gz_reader_free(struct gz_reader *gz)
{
	if (!gz)
		return;
	(void)inflateEnd(&gz->z);
	free(gz);
}

static int gz_fail(const struct gz_reader *gz, struct err *err)
{
	return err_set(err, ERR_FORMAT, "gzip: %s", gz->z.msg ? gz->z.msg : "damaged data");
}

/* Inflate once. */
static int member_run(struct gz_reader *gz, struct stream *s, struct err *err)
{
	uInt give = s->in_len > UINT32_MAX ? UINT32_MAX : (uInt)s->in_len;
	uInt room = s->out_len > UINT32_MAX ? UINT32_MAX : (uInt)s->out_len;
	int z;

	gz->z.next_in = (z_const Bytef *)s->in;
	gz->z.avail_in = give;
	gz->z.next_out = s->out;
	gz->z.avail_out = room;
	z = inflate(&gz->z, Z_NO_FLUSH);
	s->in += give - gz->z.avail_in;
	s->in_len -= give - gz->z.avail_in;
	s->out += room - gz->z.avail_out;
	s->out_len -= room - gz->z.avail_out;
	switch (z) {
	case Z_OK:
	case Z_BUF_ERROR: /* no progress possible: more input or more room is wanted */
		return 0;
	case Z_STREAM_END:
		gz->state = GZ_BETWEEN;
		return 0;
	default:
		return gz_fail(gz, err);
	}
}

static int padding_run(struct gz_reader *gz, struct stream *s, struct err *err)
{
	for (; s->in_len; s->in++, s->in_len--) {
		if (*s->in)
			return err_set(err, ERR_FORMAT, "gzip: garbage behind the data");
		if (++gz->padding > GZ_PADDING_MAX)
			return err_set(err, ERR_FORMAT, "gzip: more than %d zero bytes of padding",
				GZ_PADDING_MAX);
	}
	return 0;
}

/* A member has ended and there is at least one more byte. */
static int between_run(struct gz_reader *gz, uint8_t next, struct err *err)
{
	if (next == 0) {
		gz->state = GZ_PADDING;
		return 0;
	}
	if (next != 0x1f)
		return err_set(err, ERR_FORMAT, "gzip: garbage behind the data");
	if (inflateReset(&gz->z) != Z_OK)
		return gz_fail(gz, err);
	gz->state = GZ_MEMBER;
	return 0;
}

/* One step of whatever the state asks for; *stop when it can do no more. */
static int step(struct gz_reader *gz, struct stream *s, bool *stop, struct err *err)
{
	size_t in_before = s->in_len, out_before = s->out_len;
	int r;

	switch (gz->state) {
	case GZ_START:
		gz->state = GZ_MEMBER;
		return 0;
	case GZ_MEMBER:
		if (s->out_len == 0) {
			*stop = true;
			return 0;
		}
		/* Without input too: the library may hold back what did not fit before. */
		r = member_run(gz, s, err);
		*stop = gz->state == GZ_MEMBER && s->out_len == out_before &&
			s->in_len == in_before;
		return r;
	case GZ_BETWEEN:
		*stop = s->in_len == 0;
		return *stop ? 0 : between_run(gz, *s->in, err);
	case GZ_PADDING:
		*stop = true;
		return padding_run(gz, s, err);
	}
	return 0;
}

int gz_reader_run(struct gz_reader *gz, struct stream *s, struct err *err)
{
	bool stop = false;

	while (!stop) {
		int r = step(gz, s, &stop, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int gz_reader_finish(struct gz_reader *gz, struct err *err)
{
	if (gz->state == GZ_START || gz->state == GZ_MEMBER)
		return err_set(err, ERR_FORMAT, "gzip: data is cut off");
	return 0;
}

/* --- writing --- */

struct gz_writer {
	z_stream z;
};

struct gz_writer *gz_writer_new(int level)
{
	struct gz_writer *gz = NEW(struct gz_writer);

	assert_that(level >= GZ_LEVEL_MIN && level <= GZ_LEVEL_MAX);
	/* The library's own header: no name, time 0. */
	assert_that(deflateInit2(&gz->z, level, Z_DEFLATED, GZ_WINDOW_BITS, 8,
			    Z_DEFAULT_STRATEGY) == Z_OK);
	return gz;
}

void gz_writer_free(struct gz_writer *gz)
{
	if (!gz)
		return;
	(void)deflateEnd(&gz->z);
	free(gz);
}

/* Deflate once; true at the end of the stream. */
static bool deflate_once(struct gz_writer *gz, struct stream *s, int flush)
{
	uInt give = s->in_len > UINT32_MAX ? UINT32_MAX : (uInt)s->in_len;
	uInt room = s->out_len > UINT32_MAX ? UINT32_MAX : (uInt)s->out_len;
	int z;

	gz->z.next_in = (z_const Bytef *)s->in;
	gz->z.avail_in = give;
	gz->z.next_out = s->out;
	gz->z.avail_out = room;
	z = deflate(&gz->z, flush);
	assert_that(z == Z_OK || z == Z_STREAM_END || z == Z_BUF_ERROR);
	s->in += give - gz->z.avail_in;
	s->in_len -= give - gz->z.avail_in;
	s->out += room - gz->z.avail_out;
	s->out_len -= room - gz->z.avail_out;
	return z == Z_STREAM_END;
}

void gz_writer_run(struct gz_writer *gz, struct stream *s)
{
	while (s->in_len && s->out_len)
		(void)deflate_once(gz, s, Z_NO_FLUSH);
}

bool gz_writer_finish(struct gz_writer *gz, struct stream *s)
{
	return s->out_len && deflate_once(gz, s, Z_FINISH);
}
