/*
 * Downloads on their way to become a blob: ingest/HEX, a file that its filler holds flocked. What a
 * dead filler left is continued by the next one, after hashing the prefix again.
 *
 *	r = ingest_begin(s, &digest, size, INGEST_NOWAIT, &ing, err);
 *	if (r == 1) ...                            the blob is there, nothing to do
 *	hash the first ingest_offset(ing) bytes of ingest_fd(ing) by pread
 *	append with write(ingest_fd(ing)); readers may follow by pread on the same descriptor
 *	compare the hash; on a mismatch ingest_reset and once more from zero
 *	r = ingest_commit(ing, err);               the blob is visible; ing is gone
 *
 * Deadlock: who fills several at once must use INGEST_NOWAIT for all but the first, and come back
 * to the busy ones later (-EAGAIN): another process is fetching the very same bytes.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"

struct ingest;

enum ingest_flags {
	INGEST_WAIT = 0,
	INGEST_NOWAIT = 1 << 0,
};

/* 0: *ret is the caller's to fill. 1: the blob exists (already, or after waiting). -EAGAIN: busy. */
int ingest_begin(struct store *s, const struct digest *digest, uint64_t size, unsigned flags,
	struct ingest **ret, struct err *err) must_check;

/* Read-write, positioned at ingest_offset; owned by the ingest. */
int ingest_fd(const struct ingest *ing);

/* Bytes that were there when it began (or after ingest_reset: 0). Never more than the size. */
uint64_t ingest_offset(const struct ingest *ing);

/* Throw away the content and start at zero. */
int ingest_reset(struct ingest *ing, struct err *err) must_check;

/*
 * Publish. The caller has verified the digest; the size is checked here (-ERR_DIGEST, and the file
 * is dropped). Frees ing in every case.
 */
int ingest_commit(struct ingest *ing, struct err *err) must_check;

/* Keep the bytes for the next attempt. Frees ing. */
void ingest_abort(struct ingest *ing);

/* Drop the bytes too (they are known to be wrong). Frees ing. */
void ingest_discard(struct ingest *ing);
DEFINE_AUTO_PTR(ingest, struct ingest, ingest_abort)
