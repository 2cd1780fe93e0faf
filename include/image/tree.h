/*
 * The layers of an image, and what is built upon them, as `podman image tree` shows it. Reads the
 * store, prints nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

struct image_tree_layer {
	struct digest chain_id;
	uint64_t size;
	char **names;			/* of images whose last layer this is; familiar */
	struct image_tree_layer *above; /* layers that other images have upon it */
	size_t n_above;
};

struct image_tree {
	struct digest image_id;
	char **names;
	uint64_t size;
	struct image_tree_layer *layers;
	size_t n_layers;
};

void image_tree_done(struct image_tree *t);
DEFINE_AUTO(image_tree, struct image_tree, image_tree_done)

/*
 * The layers of the image, bottom first and side by side; with `above` its last layer only, and
 * upon it the layers of every image that has it. -ERR_NOT_FOUND "No such image: x:latest".
 */
int image_tree(struct store *s, const char *name, const struct idmap *map, bool above,
	struct image_tree *ret, struct err *err) must_check;
