#include "codec/zst.h"

#include <stdbool.h>
#include <zstd.h>

#include "base/alloc.h"

struct zst_reader {
	ZSTD_DStream *z;
	bool inside; /* a frame has begun and not ended */
	bool any;
};

struct zst_reader *zst_reader_new(void)
{
	struct zst_reader *z = NEW(struct zst_reader);

	z->z = ZSTD_createDStream();
	assert_that(z->z);
	assert_that(!ZSTD_isError(
		ZSTD_DCtx_setParameter(z->z, ZSTD_d_windowLogMax, ZST_WINDOW_LOG_MAX)));
	return z;
}

void zst_reader_free(struct zst_reader *z)
{
	if (!z)
		return;
	ZSTD_freeDStream(z->z);
	free(z);
}

int zst_reader_run(struct zst_reader *z, struct stream *s, struct err *err)
{
	ZSTD_inBuffer src = { s->in, s->in_len, 0 };
	ZSTD_outBuffer dst = { s->out, s->out_len, 0 };

	for (;;) {
		size_t in_before = src.pos, out_before = dst.pos;
		size_t r = ZSTD_decompressStream(z->z, &dst, &src);

		if (ZSTD_isError(r))
			return err_set(err, ERR_FORMAT, "zstd: %s", ZSTD_getErrorName(r));
		if (src.pos == in_before && dst.pos == out_before)
			break;
		z->any = true;
		z->inside = r != 0; /* 0: a frame is complete and flushed; the next may follow */
		if (dst.pos == dst.size || (src.pos == src.size && r == 0))
			break;
	}
	s->in += src.pos;
	s->in_len -= src.pos;
	s->out += dst.pos;
	s->out_len -= dst.pos;
	return 0;
}

int zst_reader_finish(struct zst_reader *z, struct err *err)
{
	if (!z->any || z->inside)
		return err_set(err, ERR_FORMAT, "zstd: data is cut off");
	return 0;
}
