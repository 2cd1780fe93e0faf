/*
 * Packing a stream with gzip or zstd, the other way round of codec/decompress.h: the same bytes
 * for the same input, format and level, so that what was packed twice is one blob.
 *
 *	AUTO(compress) struct compress *c = compress_new(&options);
 *	while (input)
 *		do {
 *			s.out = out, s.out_len = sizeof(out);
 *			r = compress_run(c, &s, err);
 *			use the bytes from out to s.out
 *		} while (s.in_len);
 *	do {
 *		s.out = out, s.out_len = sizeof(out);
 *		r = compress_finish(c, &s, err);
 *		use them
 *	} while (r == 0);
 */
#pragma once

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/media.h"
#include "codec/stream.h"

struct compress_options {
	enum media_compression format; /* MEDIA_PLAIN, MEDIA_GZIP or MEDIA_ZSTD */
	int level;		       /* 0: the format's default */
	uint64_t size;		       /* of the input, exactly; UINT64_MAX: unknown */
};

struct compress;

/* The level that is meant (0: the default of the format); -ERR_USAGE names the range. */
int compress_check_level(
	enum media_compression format, int level, int *ret, struct err *err) must_check;

/* Options as compress_check_level would have them. Never NULL; the caller frees it. */
struct compress *compress_new(const struct compress_options *o) must_check;
void compress_free(struct compress *c);
DEFINE_AUTO_PTR(compress, struct compress, compress_free)

/* One step: until the input is used up or the room is. */
int compress_run(struct compress *c, struct stream *s, struct err *err) must_check;

/* The input has ended: 1 when all is written, 0 when more room is wanted. */
int compress_finish(struct compress *c, struct stream *s, struct err *err) must_check;
