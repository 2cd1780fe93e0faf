/*
 * Removing images that nobody uses: those without a tag, or all that no container was made from;
 * and with them what nothing leads to any more. Images of containers, running or not, are never
 * touched.
 */
#pragma once

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"
#include "userns/idmap.h"

enum image_prune_flags {
	IMAGE_PRUNE_ALL = 1 << 0,	/* those with tags as well */
	IMAGE_PRUNE_DOWNLOADS = 1 << 1, /* unfinished downloads that nobody goes on with */
};

struct image_prune_options {
	unsigned flags;
	char *const *filters;	   /* "until=TIME", "label=K[=V]", "label!=K[=V]" */
	const struct digest *only; /* this image alone; NULL: all */
	const struct idmap *map;
};

struct image_prune_result {
	char **lines;	/* docker's: "untagged: debian:12", "deleted: sha256:..." */
	uint64_t bytes; /* of disk that are free now */
};

void image_prune_result_done(struct image_prune_result *r);
DEFINE_AUTO(image_prune_result, struct image_prune_result, image_prune_result_done)

/* -ERR_USAGE for a filter. On failure *ret tells what was removed before. */
int image_prune(struct store *s, const struct image_prune_options *options,
	struct image_prune_result *ret, struct err *err) must_check;
