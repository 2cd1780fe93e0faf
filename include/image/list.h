/*
 * Images as `proa images` shows them: one entry for each name, sorted, with docker's
 * filters. Reads the store, prints nothing.
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

struct image_entry {
	char *repository; /* familiar: "debian"; NULL: none */
	char *tag;	  /* NULL: none */
	struct digest image_id;
	struct digest digest; /* that the repository serves it under; text[0] is 0 when unknown */
	int64_t created_ns;   /* of the image; 0 when unknown */
	uint64_t size;	      /* see image_size */
	char **labels;	      /* filled only for a filter that asks for them */
	bool dangling;	      /* no tag leads to the image */
	unsigned containers;
};

struct image_entries {
	struct image_entry *items;
	size_t n;
};

void image_entries_done(struct image_entries *e);
DEFINE_AUTO(image_entries, struct image_entries, image_entries_done)

enum image_sort {
	IMAGE_SORT_CREATED, /* newest first */
	IMAGE_SORT_ID,
	IMAGE_SORT_REPOSITORY,
	IMAGE_SORT_SIZE, /* smallest first */
	IMAGE_SORT_TAG,
};

struct image_list_options {
	enum image_sort sort;
	const char *reference; /* operand: "debian", "debian:12"; NULL: all */
	char *const *filters; /* "dangling=true", "label=k[=v]", "reference=PATTERN", "before=NAME",
			     "since=NAME", "until=TIME or DURATION" */
	const struct idmap *map;
};

/* -ERR_USAGE for a bad filter, -ERR_NOT_FOUND when before= or since= names no image. */
int image_list_entries(struct store *s, const struct image_list_options *o,
	struct image_entries *ret, struct err *err) must_check;
