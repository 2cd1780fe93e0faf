/*
 * Zstandard streams (RFC 8878), decompressing. The only includer of <zstd.h>.
 *
 * Any number of frames, skippable ones among them at any place (zstd:chunked puts its table
 * there). Frame checksums are verified. A window above 128 MiB is refused, since memory follows
 * the window. What is behind the last frame must be a frame.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/stream.h"

#define ZST_WINDOW_LOG_MAX 27

struct zst_reader;

/* Never NULL; the caller frees it. */
struct zst_reader *zst_reader_new(void) must_check;
void zst_reader_free(struct zst_reader *z);
DEFINE_AUTO_PTR(zst_reader, struct zst_reader, zst_reader_free)

/* As gz_reader_run. */
int zst_reader_run(struct zst_reader *z, struct stream *s, struct err *err) must_check;

/* The input has ended: -ERR_FORMAT inside a frame, or when there was none. */
int zst_reader_finish(struct zst_reader *z, struct err *err) must_check;
