/*
 * Images of the store as an archive or a directory (`docker save`, `podman save`).
 *
 * docker-archive is what docker writes since version 25: an OCI layout with manifest.json and
 * repositories beside it, so that every reader finds its own. Blobs are those of the store: what
 * was pulled or loaded leaves under the digests it came with. The other formats keep the config
 * and the layers, and take a manifest of their own kind: OCI's, or docker's for a docker
 * directory. Each blob is hashed on its way out.
 *
 * The same images in the same order give the same bytes: members sorted, times and owners 0.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/platform.h"
#include "store/store.h"

enum save_format {
	SAVE_DOCKER_ARCHIVE,
	SAVE_OCI_ARCHIVE,
	SAVE_OCI_DIR,
	SAVE_DOCKER_DIR, /* skopeo's dir: transport; one image */
};

struct save_options {
	const char *path; /* NULL: standard output, which an archive alone can go to */
	enum save_format format;
	bool compress;			 /* pack plain layers with gzip */
	const struct platform *platform; /* the images have to be for it; NULL: any */
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* may be NULL */
	void *progress_arg;
};

/*
 * names: references, ids, or a repository without a tag, which stands for all its tags.
 * -ERR_NOT_FOUND, -ERR_USAGE, -ERR_DIGEST (a blob is damaged), -ERR_UNSUPPORTED (the format cannot
 * hold this image), -EINTR. On failure nothing is left at path.
 */
int image_save(struct store *s, char *const *names, const struct save_options *options,
	struct err *err) must_check;
