/*
 * A tar stream -> entries. Pure: bytes in, events out; memory is bounded by constants, never by a
 * length that the archive declares.
 *
 *	AUTO(tar_reader) struct tar_reader *t = tar_reader_new();
 *	for each chunk of input:
 *		do {
 *			r = tar_reader_next(t, &p, &len, &ev, err);
 *			switch (ev.kind) ...
 *		} while (ev.kind != TAR_NEED);
 *	tar_reader_finish(t, err);		at the end of input
 *
 * Events of one entry: TAR_ENTRY, any number of TAR_DATA, TAR_ENTRY_END. Data points into the
 * caller's chunk (nothing is copied). After the two zero blocks the rest is swallowed as
 * trailing bytes, because a digest covers them too; whether they were all zero can be asked.
 *
 * One source of truth for the length of an entry: the pax record `size`, else the header. An x
 * header applies to the next file entry and to nothing else; L and K bodies have the length of
 * their own header (CVE-2025-62518). Two x headers for one entry, an extension header with no
 * entry behind it, types M, N, D and unknown ones are errors. A volume label (V) is skipped.
 * Links, directories, devices and pipes have no content whatever their size field says, as in
 * GNU tar and Go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/tar_pax.h"

#define TAR_LONGNAME_MAX (64 * 1024) /* body of an L or K header */

enum tar_type {
	TAR_REG,
	TAR_DIR,
	TAR_SYMLINK,
	TAR_HARDLINK,
	TAR_CHAR,
	TAR_BLOCKDEV,
	TAR_FIFO,
};

struct tar_entry {
	enum tar_type type;
	const char *path;     /* as in the archive, not cleaned: see codec/tar_path.h */
	const char *linkpath; /* for links, else "" */
	uint32_t mode;	      /* up to 07777 */
	uint32_t uid, gid;    /* 0 .. 2^32 - 2 */
	uint32_t major, minor;
	uint64_t size; /* of the file once written (holes included); 0 for what has no content */
	int64_t mtime; /* seconds since 1970, may be negative */
	uint32_t mtime_nsec;
	bool sparse; /* data events may leave holes */
	const struct tar_xattr *xattrs;
	size_t n_xattrs;
};

enum tar_event_kind {
	TAR_NEED, /* the chunk is used up: bring the next one, or finish */
	TAR_ENTRY,
	TAR_DATA,
	TAR_ENTRY_END,
};

struct tar_event {
	enum tar_event_kind kind;
	const struct tar_entry *entry; /* TAR_ENTRY: the reader's, valid until TAR_ENTRY_END */
	const uint8_t *data;	       /* TAR_DATA: inside the caller's chunk */
	size_t len;
	uint64_t offset; /* where the data belongs in the file */
};

struct tar_reader;

struct tar_reader *tar_reader_new(void) must_check;
void tar_reader_free(struct tar_reader *t);
DEFINE_AUTO_PTR(tar_reader, struct tar_reader, tar_reader_free)

/*
 * Advance over *p, *len until something is to be told. -ERR_FORMAT, -ERR_LIMIT; the reader must
 * not be used after a failure.
 */
int tar_reader_next(struct tar_reader *t, const uint8_t **p, size_t *len, struct tar_event *ret,
	struct err *err) must_check;

/*
 * The input has ended. -ERR_FORMAT inside an entry, in a header, behind an extension header that
 * waits for its entry, and for an input of 0 bytes. No end blocks, or one, are accepted exactly at
 * an entry's end.
 */
int tar_reader_finish(struct tar_reader *t, struct err *err) must_check;

/* Something other than zeros stood behind the end blocks. */
bool tar_reader_has_trailing(const struct tar_reader *t);

/* How many headers, extensions included, were read: a budget for callers. */
uint64_t tar_reader_headers(const struct tar_reader *t);
