/*
 * gzip streams (RFC 1952), inflating and deflating. The only includer of <zlib.h>.
 *
 * A stream is any number of members one behind the other, which eStargz needs; zero bytes up to
 * GZ_PADDING_MAX may follow the last one, anything else is an error. Checksums and lengths of
 * members are verified. Memory: about 40 KiB, fixed. File names and comments are skipped by the
 * library, never stored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/stream.h"

#define GZ_PADDING_MAX (64 * 1024)

struct gz_reader;

/* Never NULL; the caller frees it. */
struct gz_reader *gz_reader_new(void) must_check;
void gz_reader_free(struct gz_reader *gz);
DEFINE_AUTO_PTR(gz_reader, struct gz_reader, gz_reader_free)

/*
 * Inflate until the input is used up or the room is; with no room left there may be more to come
 * even without input. -ERR_FORMAT.
 */
int gz_reader_run(struct gz_reader *gz, struct stream *s, struct err *err) must_check;

/* The input has ended: -ERR_FORMAT inside a member, or when there was none. */
int gz_reader_finish(struct gz_reader *gz, struct err *err) must_check;

/*
 * Writing one member, the same bytes for the same input, level and library: no time, no name, no
 * operating system but "Unix". Memory: about 256 KiB.
 */
#define GZ_LEVEL_DEFAULT 6
#define GZ_LEVEL_MIN	 1
#define GZ_LEVEL_MAX	 9

struct gz_writer;

/* Never NULL; the caller frees it. */
struct gz_writer *gz_writer_new(int level) must_check;
void gz_writer_free(struct gz_writer *gz);
DEFINE_AUTO_PTR(gz_writer, struct gz_writer, gz_writer_free)

/* Deflate until the input is used up or the room is. */
void gz_writer_run(struct gz_writer *gz, struct stream *s);

/* The input has ended: true when all of the end is written, false when more room is wanted. */
bool gz_writer_finish(struct gz_writer *gz, struct stream *s);
