/*
 * What images take on disk: each blob and each unpacked layer counted once, however many images
 * share it, in blocks (store/usage.h). Reclaimable is what would go if every image without a
 * container were removed, so it counts what only such images use, and what nothing uses.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

struct image_usage_item {
	struct digest image_id;
	uint64_t size;	 /* of all its parts */
	uint64_t shared; /* of those that other images use as well */
	bool active;	 /* a container was made from it */
};

struct image_usage {
	struct image_usage_item *items; /* one for each image, whatever names it has */
	size_t n, active;
	uint64_t total, reclaimable;
};

void image_usage_done(struct image_usage *u);
DEFINE_AUTO(image_usage, struct image_usage, image_usage_done)

/* Looks at every file of the store. The caller frees ret with image_usage_done. */
int image_usage(struct store *s, const struct idmap *map, struct image_usage *ret,
	struct err *err) must_check;

/* The one with that id, or NULL. */
const struct image_usage_item *image_usage_find(
	const struct image_usage *u, const struct digest *image_id);
