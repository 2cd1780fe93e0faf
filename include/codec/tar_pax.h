/*
 * Pax extended header records ("27 path=usr/share/x\n" ...) -> overrides for one entry. Pure.
 *
 * Known keys: path linkpath size uid gid mtime hdrcharset (values stay raw bytes whatever it
 * says), SCHILY.xattr.NAME, LIBARCHIVE.xattr.NAME (name URL-encoded, value base64; SCHILY wins),
 * GNU.sparse.* of the formats 0.0, 0.1 and 1.0. uname, gname, atime, ctime, comment and unknown
 * keys are ignored. A malformed record is a hard error and never skipped (CVE-2025-62518 and
 * other desynchronisations start with a tolerant reader).
 *
 * Limits: one record 1 MiB, one header 4 MiB (the caller's), an attribute 64 KiB with a name of
 * 255 bytes, all attributes of a file 1 MiB, 1,024 of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/tar_sparse.h"

#define TAR_PAX_RECORD_MAX  (1024 * 1024)
#define TAR_PAX_HEADER_MAX  (4 * 1024 * 1024)
#define TAR_XATTR_NAME_MAX  255
#define TAR_XATTR_VALUE_MAX (64 * 1024)
#define TAR_XATTR_TOTAL_MAX (1024 * 1024)
#define TAR_XATTR_COUNT_MAX 1024

struct tar_xattr {
	char *name;
	uint8_t *value; /* owned; may hold NUL bytes */
	size_t len;
	bool schily; /* from SCHILY.xattr, so that a LIBARCHIVE record does not replace it */
};

enum tar_pax_has {
	TAR_PAX_SIZE = 1 << 0,
	TAR_PAX_UID = 1 << 1,
	TAR_PAX_GID = 1 << 2,
	TAR_PAX_MTIME = 1 << 3,
	TAR_PAX_REAL_SIZE = 1 << 4,	/* GNU.sparse.size or .realsize */
	TAR_PAX_SPARSE_RANGES = 1 << 5, /* formats 0.0 and 0.1: sparse_list is filled */
	TAR_PAX_SPARSE_1_0 = 1 << 6,	/* the map stands before the data */
};

struct tar_pax {
	unsigned has;	       /* enum tar_pax_has */
	char *path, *linkpath; /* owned, NULL when absent */
	char *sparse_name;     /* GNU.sparse.name, owned */
	uint64_t size, uid, gid, real_size;
	int64_t mtime;
	uint32_t mtime_nsec;
	struct tar_xattr *xattrs;
	size_t n_xattrs, cap_xattrs, xattr_bytes;
	struct tar_sparse_range *ranges; /* unchecked numbers of formats 0.0 and 0.1, in order */
	size_t n_ranges, cap_ranges;
	bool range_open; /* 0.0: an offset waits for its numbytes */
};

/* An x header may set everything; a g header only defaults that cannot move or rename entries. */
enum tar_pax_scope { TAR_PAX_ENTRY, TAR_PAX_GLOBAL };

/* *pax is zeroed or holds the result of an earlier g header (then new values win). */
int tar_pax_parse(struct tar_pax *pax, const uint8_t *data, size_t len, enum tar_pax_scope scope,
	struct err *err) must_check;

void tar_pax_done(struct tar_pax *pax);
DEFINE_AUTO(tar_pax, struct tar_pax, tar_pax_done)
