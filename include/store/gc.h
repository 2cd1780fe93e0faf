/*
 * Garbage collection: what no reference, container or lease leads to is renamed into trash/ while
 * the store lock is held exclusively, then deleted after its release. References are found by
 * scanning; nothing is counted. Layers that somebody has open (layer_open_fs) are left alone.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

struct gc_result {
	char **chain_ids; /* "sha256:<hex>" of layers that went, deepest parent last */
	char **blobs;	  /* "sha256:<hex>" */
	uint64_t blob_bytes;
	uint64_t disk_bytes; /* that all of it took; only if measured */
};

void gc_result_done(struct gc_result *r);
DEFINE_AUTO(gc_result, struct gc_result, gc_result_done)

/* Blobs and layers. The caller must hold neither the store lock nor a lease. */
int gc_run(struct store *s, struct gc_result *ret, struct err *err) must_check;

enum gc_flags {
	GC_DOWNLOADS = 1 << 0, /* unfinished downloads as well, unless somebody is at them */
};

/* The same, measuring what goes: each file of it is looked at. map as for usage_measure. */
int gc_run_measured(struct store *s, unsigned flags, const struct idmap *map, struct gc_result *ret,
	struct err *err) must_check;
