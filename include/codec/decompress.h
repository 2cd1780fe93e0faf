/*
 * A layer blob's bytes -> the tar stream inside, whatever it is packed with. The codec is chosen
 * by the first bytes, never by a media type: publishers mix these up. gzip and zstd are unpacked;
 * bzip2 and xz are recognised and refused by name; anything else passes through unchanged (the
 * tar reader's checksums reject what is no tar).
 *
 *	AUTO(decompress) struct decompress *d = decompress_new();
 *	while (input)
 *		do {
 *			s.out = out, s.out_len = sizeof(out);
 *			r = decompress_run(d, &s, err);
 *			use the bytes from out to s.out
 *		} while (s.in_len || !s.out_len);
 *	decompress_finish(d, &s, err);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/stream.h"

enum decompress_kind {
	DECOMPRESS_UNKNOWN, /* not enough bytes seen yet */
	DECOMPRESS_NONE,
	DECOMPRESS_GZIP,
	DECOMPRESS_ZSTD,
	DECOMPRESS_BZIP2,
	DECOMPRESS_XZ,
};

/* Bytes that decompress_detect needs to be sure. */
#define DECOMPRESS_MAGIC_LEN 6

/* What the first bytes say; with fewer than DECOMPRESS_MAGIC_LEN possibly DECOMPRESS_NONE. */
enum decompress_kind decompress_detect(const uint8_t *data, size_t len);

/* "gzip", "zstd", "none" ... */
const char *decompress_name(enum decompress_kind kind);

struct decompress;

struct decompress *decompress_new(void) must_check;
void decompress_free(struct decompress *d);
DEFINE_AUTO_PTR(decompress, struct decompress, decompress_free)

/* One step, as gz_reader_run. -ERR_FORMAT, -ERR_UNSUPPORTED. */
int decompress_run(struct decompress *d, struct stream *s, struct err *err) must_check;

/*
 * The input has ended (s->in_len is 0). Up to DECOMPRESS_MAGIC_LEN bytes of a very short input are
 * still delivered; s->out_len is at least that. Then the stream must be complete: -ERR_FORMAT.
 */
int decompress_finish(struct decompress *d, struct stream *s, struct err *err) must_check;

/* What it is, once known. */
enum decompress_kind decompress_kind(const struct decompress *d);
