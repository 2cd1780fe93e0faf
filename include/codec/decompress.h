/*
 * A layer blob's bytes -> the tar stream inside, whatever it is packed with. The codec is chosen
 * by the first bytes, never by a media type: publishers mix these up. gzip and zstd are unpacked;
 * bzip2 and xz are recognised and refused by name; anything else passes through unchanged (the
 * tar reader's checksums reject what is no tar).
 *
 *	AUTO(decompress) struct decompress *d = decompress_new();
 *	while (input)
 *		do {
 *			r = decompress_run(d, &in, &in_len, out, sizeof(out), &n, err);
 *			use n bytes of out
 *		} while (in_len || n == sizeof(out));
 *	decompress_finish(d, err);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

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

/* *in and *in_len advance; *ret_produced bytes are in out. -ERR_FORMAT, -ERR_UNSUPPORTED. */
int decompress_run(struct decompress *d, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, struct err *err) must_check;

/*
 * The input has ended. Up to DECOMPRESS_MAGIC_LEN bytes of a very short input may still be
 * delivered into out (out_len at least that). Then the stream must be complete: -ERR_FORMAT.
 */
int decompress_finish(struct decompress *d, uint8_t *out, size_t out_len, size_t *ret_produced,
	struct err *err) must_check;

enum decompress_kind decompress_kind(const struct decompress *d);
