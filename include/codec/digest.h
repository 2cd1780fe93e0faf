/*
 * Content digests as a type: a struct digest always holds "sha256:" and 64 lower-case hex digits,
 * so that it may be part of a path or a URL without another look (CVE-2024-3727, CVE-2021-21285).
 * Grammar: OCI image-spec descriptor.md, "Digests".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define DIGEST_HEX_LEN	64
#define DIGEST_TEXT_LEN (7 + DIGEST_HEX_LEN)

struct digest {
	char text[DIGEST_TEXT_LEN + 1]; /* all zero means "none" */
};

/*
 * The whole string. -ERR_UNSUPPORTED for a well-formed digest of another registered algorithm
 * (sha512, sha384, blake3), -ERR_FORMAT for everything else.
 */
int digest_parse(const char *s, struct digest *ret, struct err *err) must_check;

/* From 64 lower-case hex digits; -ERR_FORMAT. */
int digest_from_hex(const char *hex, struct digest *ret) must_check;

/* The SHA-256 of these bytes. */
void digest_of(const void *data, size_t len, struct digest *ret);

/* The 64 digits, inside d. */
const char *digest_hex(const struct digest *d);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);

/*
 * Chain id of image-spec config.md: of a layer whose parent has the chain id `parent` (NULL for
 * the first layer, whose chain id is its diff id).
 */
void digest_chain(const struct digest *parent, const struct digest *diff_id, struct digest *ret);
