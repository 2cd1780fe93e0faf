/*
 * The cap of config.toml's max-size: the images that were not used for longest go, until the rest
 * fits. Only what a registry can give again goes, never what a container was made from, and never
 * the one image that the caller has just got. Using an image is making a container from it, or
 * getting it.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

struct evict_options {
	uint64_t max_size;	   /* bytes of disk, as `system df` counts them */
	const struct digest *keep; /* NULL: none */
	const struct idmap *map;
};

/*
 * Names (or ids) of what went are appended to *names (strv, the caller's); *ret_left is what images
 * take afterwards, which may still be more than the cap.
 */
int image_evict(struct store *s, const struct evict_options *o, char ***names, uint64_t *ret_left,
	struct err *err) must_check;
