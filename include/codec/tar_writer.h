/*
 * Entries -> a tar stream. Pure: entries and bytes in, bytes out through a function; nothing is
 * kept but the header that is being made.
 *
 *	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(write, arg, 0);
 *	for each entry:
 *		tar_writer_entry(w, &entry, err);
 *		tar_writer_data(w, data, len, err);	until entry.size bytes are there
 *	tar_writer_finish(w, err);
 *
 * The same entries give the same bytes. POSIX.1-2001: a ustar header (owners as numbers only), and
 * a pax header before it where a value does not fit: names that no split between prefix and name
 * holds, sizes from 8 GiB, ids from 2^21, times before 1970, extended attributes
 * (SCHILY.xattr.NAME; LIBARCHIVE.xattr.NAME for a name with '=' in it, which SCHILY cannot say).
 * Records are in a fixed order, attributes sorted. Two zero blocks end it, without more padding.
 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/tar_reader.h"

enum tar_writer_flags {
	TAR_WRITER_NSEC =
		1 << 0, /* keep fractions of a second: a pax record for nearly each entry */
};

/* Takes all of it or fails. */
typedef int (*tar_write_fn)(void *arg, const void *data, size_t len, struct err *err);

struct tar_writer;

struct tar_writer *tar_writer_new(tar_write_fn write, void *arg, unsigned flags) must_check;
void tar_writer_free(struct tar_writer *w);
DEFINE_AUTO_PTR(tar_writer, struct tar_writer, tar_writer_free)

/*
 * The next entry; its predecessor has all its data. path is relative, a directory's gets its '/'
 * here. size counts for TAR_REG alone; sparse is ignored, holes are the caller's to fill.
 * -ERR_LIMIT: attributes past the limits of codec/tar_pax.h, or a device number past 2^21.
 */
int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct err *err) must_check;

/* Content of the entry; more than its size is a bug of the caller. */
int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct err *err) must_check;

/* The end of the archive. */
int tar_writer_finish(struct tar_writer *w, struct err *err) must_check;
