/*
 * What became of a layer when it was packed: cache/packed/SOURCE.FORMAT-LEVEL, one small file each.
 * Packing is deterministic, so that the digest is worth remembering even where the packed blob is
 * not kept: a registry that has it need not be sent anything, and nothing need be packed to know.
 *
 * The packed blob itself is a blob like any other. Garbage collection removes entries whose source
 * has gone. An entry is written without waiting for the disk: one that a power cut has torn counts
 * as absent.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"

struct packed_key {
	const struct digest *source;
	const char *format; /* "gzip", "zstd" */
	int level;
};

/* 1 with the packed blob's digest and size, 0 when it is not known. */
int packed_get(struct store *s, const struct packed_key *key, struct digest *ret,
	uint64_t *ret_size, struct err *err) must_check;

/* Remember; replaces what was known. */
int packed_put(struct store *s, const struct packed_key *key, const struct digest *packed,
	uint64_t size, struct err *err) must_check;
