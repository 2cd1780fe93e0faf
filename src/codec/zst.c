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

/* --- writing --- */

struct zst_writer {
	ZSTD_CCtx *z;
};

struct zst_writer *zst_writer_new(int level, uint64_t size)
{
	struct zst_writer *z = NEW(struct zst_writer);

	assert_that(level >= ZST_LEVEL_MIN && level <= ZST_LEVEL_MAX);
	z->z = ZSTD_createCCtx();
	assert_that(z->z);
	assert_that(!ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_compressionLevel, level)));
	assert_that(!ZSTD_isError(ZSTD_CCtx_setParameter(z->z, ZSTD_c_checksumFlag, 1)));
	if (size != UINT64_MAX)
		assert_that(!ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(z->z, size)));
	return z;
}

void zst_writer_free(struct zst_writer *z)
{
	if (!z)
		return;
	ZSTD_freeCCtx(z->z);
	free(z);
}

static int compress(struct zst_writer *z, struct stream *s, ZSTD_EndDirective end, bool *ret_done,
	struct err *err)
{
	ZSTD_inBuffer src = { s->in, s->in_len, 0 };
	ZSTD_outBuffer dst = { s->out, s->out_len, 0 };
	size_t left = ZSTD_compressStream2(z->z, &dst, &src, end);

	if (ZSTD_isError(left))
		return err_set(err, ERR_FORMAT, "zstd: %s", ZSTD_getErrorName(left));
	*ret_done = left == 0;
	s->in += src.pos;
	s->in_len -= src.pos;
	s->out += dst.pos;
	s->out_len -= dst.pos;
	return 0;
}

int zst_writer_run(struct zst_writer *z, struct stream *s, struct err *err)
{
	bool done;
	int r = 0;

	while (r >= 0 && s->in_len && s->out_len)
		r = compress(z, s, ZSTD_e_continue, &done, err);
	return r;
}

int zst_writer_finish(struct zst_writer *z, struct stream *s, struct err *err)
{
	bool done = false;
	int r = s->out_len ? compress(z, s, ZSTD_e_end, &done, err) : 0;

	return r < 0 ? r : done;
}
