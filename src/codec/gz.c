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

/* Inflate once; *in_len shrinks by what was taken. */
static int member_run(struct gz_reader *gz, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, struct err *err)
{
	uInt give = *in_len > UINT32_MAX ? UINT32_MAX : (uInt)*in_len;
	uInt room = out_len > UINT32_MAX ? UINT32_MAX : (uInt)out_len;
	int z;

	gz->z.next_in = (z_const Bytef *)*in;
	gz->z.avail_in = give;
	gz->z.next_out = out;
	gz->z.avail_out = room;
	z = inflate(&gz->z, Z_NO_FLUSH);
	*in += give - gz->z.avail_in;
	*in_len -= give - gz->z.avail_in;
	*ret_produced = room - gz->z.avail_out;
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

static int padding_run(struct gz_reader *gz, const uint8_t **in, size_t *in_len, struct err *err)
{
	for (; *in_len; (*in)++, (*in_len)--) {
		if (**in)
			return err_set(err, ERR_FORMAT, "gzip: garbage behind the data");
		if (++gz->padding > GZ_PADDING_MAX)
			return err_set(err, ERR_FORMAT, "gzip: more than %d zero bytes of padding",
				GZ_PADDING_MAX);
	}
	return 0;
}

/* A member has ended and there is at least one more byte. */
static int between_run(struct gz_reader *gz, const uint8_t *in, struct err *err)
{
	if (*in == 0) {
		gz->state = GZ_PADDING;
		return 0;
	}
	if (*in != 0x1f)
		return err_set(err, ERR_FORMAT, "gzip: garbage behind the data");
	if (inflateReset(&gz->z) != Z_OK)
		return gz_fail(gz, err);
	gz->state = GZ_MEMBER;
	return 0;
}

/* One step of whatever the state asks for; *stop when it can do no more. */
static int step(struct gz_reader *gz, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, bool *stop, struct err *err)
{
	size_t before = *in_len;
	int r;

	switch (gz->state) {
	case GZ_START:
		gz->state = GZ_MEMBER;
		*stop = *in_len == 0;
		return 0;
	case GZ_MEMBER:
		if (out_len == 0) {
			*stop = true;
			return 0;
		}
		/* Without input too: the library may hold back what did not fit before. */
		r = member_run(gz, in, in_len, out, out_len, ret_produced, err);
		*stop = gz->state == GZ_MEMBER && *ret_produced == 0 && *in_len == before;
		return r;
	case GZ_BETWEEN:
		*stop = *in_len == 0;
		return *stop ? 0 : between_run(gz, *in, err);
	case GZ_PADDING:
		*stop = true;
		return padding_run(gz, in, in_len, err);
	}
	return 0;
}

int gz_reader_run(struct gz_reader *gz, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, struct err *err)
{
	size_t done = 0;
	bool stop = false;

	while (!stop) {
		size_t n = 0;
		int r = step(gz, in, in_len, out + done, out_len - done, &n, &stop, err);

		if (r < 0)
			return r;
		done += n;
	}
	*ret_produced = done;
	return 0;
}

int gz_reader_finish(struct gz_reader *gz, struct err *err)
{
	if (gz->state == GZ_START || gz->state == GZ_MEMBER)
		return err_set(err, ERR_FORMAT, "gzip: data is cut off");
	return 0;
}
