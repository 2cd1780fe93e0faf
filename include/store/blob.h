/*
 * Blobs: immutable byte strings under the digest of their content, blobs/sha256/HEX, mode 0400.
 * They are verified when they come in; reading does not hash again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"

/* Open for reading. -ERR_NOT_FOUND. The caller closes *ret_fd. */
int blob_open(
	struct store *s, const struct digest *digest, int *ret_fd, struct err *err) must_check;

/* 1 and its size (NULL: not wanted), or 0. */
int blob_has(struct store *s, const struct digest *digest, uint64_t *ret_size,
	struct err *err) must_check;

/* The whole blob into ret (bounded by ret->max). -ERR_NOT_FOUND, -ERR_LIMIT. */
int blob_read_all(
	struct store *s, const struct digest *digest, struct buf *ret, struct err *err) must_check;

/* Store these bytes, whose digest is computed here; present already is success. */
int blob_put(struct store *s, const void *data, size_t len, struct digest *ret_digest,
	struct err *err) must_check;

/*
 * Publish an existing file of the store ("tmp/X/0") as a blob by renaming it. The caller has hashed
 * it to `digest` and lets go of the name; when the blob exists already the file is removed.
 */
int blob_adopt(struct store *s, const char *store_relative_path, const struct digest *digest,
	struct err *err) must_check;
