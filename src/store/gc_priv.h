/*
 * What garbage collection has to leave alone, as sets of strings. Marking reads references,
 * containers and leases; the caller holds the store lock exclusively.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "store/store.h"

/* Filled without order, then sorted once, then asked. */
struct gc_set {
	char **items;
	size_t n, cap;
	bool sorted;
};

/* gc_set_add copies s; gc_set_has sorts when needed; gc_set_done frees all. */
void gc_set_add(struct gc_set *set, const char *s);
bool gc_set_has(struct gc_set *set, const char *s);
void gc_set_done(struct gc_set *set);

struct gc_mark {
	struct gc_set blobs;  /* hex */
	struct gc_set chains; /* hex of chain ids: layers of every owner map */
	struct gc_set layers; /* whole layer ids */
};

/* gc_mark_all adds to the three sets, which gc_mark_done frees. */
int gc_mark_all(struct store *s, struct gc_mark *mark, struct err *err) must_check;
void gc_mark_done(struct gc_mark *mark);
