/*
 * One tar header block of 512 bytes -> struct. Pure: no memory, no state, no system call.
 *
 * Knows v7, ustar (POSIX.1-1988: magic "ustar\0", prefix field) and old GNU ("ustar  \0", no
 * prefix, base-256 numbers, sparse map). The checksum is accepted as a sum of unsigned or of
 * signed bytes, since both were written. What the fields of an extension header (x, g, L, K) mean
 * for the entry behind it is codec/tar_reader's business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TAR_BLOCK 512

enum tar_dialect { TAR_V7, TAR_USTAR, TAR_GNU };

struct tar_header {
	enum tar_dialect dialect;
	char typeflag;
	char name[256 + 2]; /* prefix and name joined, NUL-terminated */
	char linkname[100 + 1];
	uint32_t mode; /* permission bits only, up to 07777 */
	uint64_t uid, gid;
	uint64_t size; /* bytes that follow in the archive, as this block says */
	int64_t mtime;
	uint32_t major, minor;
};

/* Two such blocks end an archive. */
bool tar_block_is_zero(const uint8_t block[TAR_BLOCK]);

/*
 * -ERR_FORMAT: bad checksum, a number field with other characters in it, a number that is
 * negative where none can be, or too large for its type.
 */
int tar_header_parse(
	const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct err *err) must_check;

/*
 * A number field: octal with leading blanks and a terminator, or base-256 when the first byte has
 * its top bit set. `what` names the field in the message.
 */
int tar_number_parse(const uint8_t *field, size_t len, const char *what, int64_t *ret,
	struct err *err) must_check;
