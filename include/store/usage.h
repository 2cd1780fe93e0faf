/*
 * How many bytes of disk a part of the store takes: blocks, so that holes count nothing, and a file
 * with several hard links once. The same number is what a removal gives back.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

struct usage {
	uint64_t disk;	   /* blocks of everything, directories too */
	uint64_t apparent; /* length of the regular files */
};

/*
 * For each path (relative to the store; a NULL-terminated vector) one element of ret. What is
 * absent takes nothing; what cannot be read counts as far as it goes. `map` is whose files these
 * are.
 */
int usage_measure(struct store *s, char *const *paths, const struct idmap *map, struct usage *ret,
	struct err *err) must_check;
