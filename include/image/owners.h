/*
 * What a layer's archive says and its tree does not.
 *
 * Without subordinate ids every file on disk is the caller's and set-id bits of others' files are
 * dropped; without a privilege that root has, device nodes cannot be made. So that nothing is lost,
 * the extractor writes a text file beside the tree (layers/ID/owners), one line for each entry that
 * differs from what is on disk, in archive order:
 *
 *	UID GID MODE TYPE PATH			1000 100 4755 f usr/bin/x
 *	UID GID MODE TYPE MAJOR:MINOR PATH	0 5 620 c 5:1 dev/console
 *
 * Numbers are decimal, MODE is octal; TYPE is one of f d l p c b. In PATH (relative, "." is the
 * root) a backslash, a blank and every byte below 0x21 or above 0x7e is written as \ooo. An entry
 * without a line is on disk as it was in the archive (with a single map: and belongs to 0:0). With
 * any other map the file is only there when a device was left out. A later line replaces
 * an earlier one of the same path and, unless its TYPE is d, also all lines below that path; this
 * is how a file that was replaced within the archive reads. Hard links have no line of their own:
 * the owner is the file's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

struct owner {
	char *path; /* owned; "." for the root */
	uint32_t uid, gid;
	uint32_t mode; /* up to 07777 */
	char type;     /* f d l p c b */
	uint32_t major, minor;
};

struct owners {
	struct owner *v; /* one per path, a directory before what is below it */
	size_t n;
};

/* Append one line to b. */
void owners_format(struct buf *b, const struct owner *o);

/* Read a whole file from its beginning. -ERR_FORMAT names the line; at most 256 MiB. */
int owners_read(int fd, struct owners *ret, struct err *err) must_check;

/* NULL when path has no line: then 0:0, mode as on disk. */
const struct owner *owners_find(const struct owners *o, const char *path);

void owners_done(struct owners *o);
DEFINE_AUTO(owners, struct owners, owners_done)
