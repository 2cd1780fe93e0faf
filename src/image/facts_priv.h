/*
 * What `images` shows of an image and never changes: when it was made, and how long its files are.
 * To find that out takes reading its config and each layer's meta.json, which over hundreds of
 * images takes longer than all the rest; so it is remembered in cache/images.KEY, a line for each
 * image. Only images whose layers were all unpacked are. The file may be deleted at any time.
 *
 *	facts_load(s, map, &f);
 *	facts_find(&f, id), else look and facts_add(&f, id, created, size);
 *	facts_save(s, map, &f);		when something was added
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

struct fact {
	struct digest id;
	int64_t created_ns;
	uint64_t size;
	bool used; /* asked for or added this time: the rest is not kept */
};

struct facts {
	struct fact *v;
	size_t n, cap;
	size_t n_known; /* of the file, sorted; what was added follows */
};

void facts_done(struct facts *f);
DEFINE_AUTO(facts, struct facts, facts_done)

/* A file that is missing or damaged says nothing. */
void facts_load(struct store *s, const struct idmap *map, struct facts *ret);

/* NULL: not known. */
const struct fact *facts_find(struct facts *f, const struct digest *id);

void facts_add(struct facts *f, const struct digest *id, int64_t created_ns, uint64_t size);

/* Nothing to do when nothing was added; failures do not matter. */
void facts_save(struct store *s, const struct idmap *map, const struct facts *f);
