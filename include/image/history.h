/*
 * How an image came about: the entries of its config's history, newest first, each with the size
 * of its layer, as `docker history` shows them. Reads the store, prints nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

struct image_step {
	int64_t created_ns; /* 0 when unknown */
	char *created_by;   /* never NULL, as the next */
	char *comment;
	uint64_t size; /* of the layer, as image_size counts; 0 where the step made none */
};

struct image_steps {
	struct digest image_id;
	struct image_step *items; /* newest first */
	size_t n;
};

void image_steps_done(struct image_steps *h);
DEFINE_AUTO(image_steps, struct image_steps, image_steps_done)

/*
 * An image whose config tells no history has a step for each layer. -ERR_NOT_FOUND "No such image:
 * x:latest".
 */
int image_history(struct store *s, const char *name, const struct idmap *map,
	struct image_steps *ret, struct err *err) must_check;
