/*
 * Maps of sparse files in tar archives: old GNU (type S), and GNU's pax forms 0.0, 0.1 and 1.0.
 * A map says which ranges of the file the archive holds; the rest are holes. Pure.
 *
 *	tar_sparse_begin(&map, real_size);
 *	tar_sparse_add(&map, offset, length, err);	(for each, in the archive's order)
 *	tar_sparse_end(&map, stored_size, err);
 *
 * Rules: ranges ascend, do not overlap and end within the file's size; all but the last are whole
 * blocks; their lengths sum up to what the archive stores; at most TAR_SPARSE_MAX ranges. Anything else is an error, since two
 * readings of one archive are how entries are smuggled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TAR_SPARSE_MAX 100000

struct tar_sparse_range {
	uint64_t offset, length;
};

struct tar_sparse {
	struct tar_sparse_range *ranges; /* owned */
	size_t n, cap;
	uint64_t real_size;
	uint64_t stored; /* sum of the lengths so far */
};

/* An empty map of a file of that size; memory of a former one is kept. */
void tar_sparse_begin(struct tar_sparse *map, uint64_t real_size);
/* Free the ranges. */
void tar_sparse_done(struct tar_sparse *map);

/* -ERR_FORMAT: overlaps, descends or passes real_size; -ERR_LIMIT: too many ranges. */
int tar_sparse_add(
	struct tar_sparse *map, uint64_t offset, uint64_t length, struct err *err) must_check;

/* -ERR_FORMAT when the lengths are not exactly stored_size. */
int tar_sparse_end(struct tar_sparse *map, uint64_t stored_size, struct err *err) must_check;
