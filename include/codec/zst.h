/*
 * Zstandard streams (RFC 8878), decompressing and compressing. The only includer of <zstd.h>.
 *
 * Any number of frames, skippable ones among them at any place (zstd:chunked puts its table
 * there). Frame checksums are verified. A window above 128 MiB is refused, since memory follows
 * the window. What is behind the last frame must be a frame.
 */
#pragma once

#include <stdbool.h>
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

/*
 * Writing one frame with a checksum, the same bytes for the same input, size, level and library.
 * Memory follows the level: 4 MiB for the default, up to about 90 MiB for the last.
 */
#define ZST_LEVEL_DEFAULT 3
#define ZST_LEVEL_MIN	  1
#define ZST_LEVEL_MAX	  19

struct zst_writer;

/* size: of all the input, to be exact, or UINT64_MAX. Never NULL; the caller frees it. */
struct zst_writer *zst_writer_new(int level, uint64_t size) must_check;
void zst_writer_free(struct zst_writer *z);
DEFINE_AUTO_PTR(zst_writer, struct zst_writer, zst_writer_free)

/* As gz_writer_run. -ERR_FORMAT: the input is longer or shorter than was said. */
int zst_writer_run(struct zst_writer *z, struct stream *s, struct err *err) must_check;

/* As gz_writer_finish: 1 when all is written, 0 when more room is wanted. */
int zst_writer_finish(struct zst_writer *z, struct stream *s, struct err *err) must_check;
