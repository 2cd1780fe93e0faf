/*
 * Saving in three steps: which images (save.c), which files the archive has (save_docs.c), writing
 * them (save_write.c).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/manifest.h"
#include "image/save.h"
#include "store/store.h"

struct save_image {
	struct digest record; /* manifest in the store: what tells images apart */
	char *text;	      /* the manifest that is written */
	size_t len;
	struct manifest manifest; /* the same, parsed */
	char **names;		  /* full references with a tag */
};

/* A member: text, or the blob of that digest. */
struct save_file {
	char *name;
	struct digest digest;
	uint64_t size;
	char *text;
};

struct save {
	struct store *store;
	const struct save_options *options;
	struct save_image *images;
	size_t n_images, cap_images;
	struct save_file *files; /* sorted by name when they are written, no name twice */
	size_t n_files, cap_files;
};

/* Fill sv->files from sv->images. -ERR_NOT_FOUND: a blob is not in the store. */
int save_collect(struct save *sv, struct err *err) must_check;

/* Write sv->files to where the options say. */
int save_write(struct save *sv, struct err *err) must_check;
