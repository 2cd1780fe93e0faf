/*
 * An image of one layer from the tar of a root file system (`docker import`).
 */
#pragma once

#include "base/err.h"
#include "codec/digest.h"
#include "codec/platform.h"
#include "codec/reference.h"
#include "store/store.h"
#include "userns/idmap.h"

struct import_options {
	const char *path; /* NULL: read `fd`; plain, gzip or zstd */
	int fd;
	const struct reference *reference; /* NULL: untagged */
	char *const *changes;		   /* Dockerfile lines: ENV CMD ENTRYPOINT WORKDIR ... */
	const char *message;		   /* NULL: "Imported from <path>" */
	const struct platform *platform;   /* NULL: this machine */
	const struct idmap *map;	   /* unpack for it; NULL: leave that to the first run */
};

/* The new image's id. -ERR_FORMAT for a bad archive or change. */
int image_import(struct store *s, const struct import_options *options, struct digest *ret_id,
	struct err *err) must_check;
