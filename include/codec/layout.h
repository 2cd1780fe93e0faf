/*
 * Images in archives and directories: OCI image layout (oci-layout, index.json) and the
 * manifest.json of docker save (registry.md 5). Only the documents; the caller reads the archive.
 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/manifest.h"

#define LAYOUT_FILE_OCI		 "oci-layout"
#define LAYOUT_FILE_INDEX	 "index.json"
#define LAYOUT_FILE_DOCKER	 "manifest.json"
#define LAYOUT_FILE_REPOSITORIES "repositories"

/* The content of oci-layout: -ERR_UNSUPPORTED for a version that is not 1.x. */
int layout_check_version(const char *bytes, size_t len, struct err *err) must_check;

/*
 * The name that a descriptor of index.json carries, inside d: io.containerd.image.name (a full
 * reference) before org.opencontainers.image.ref.name (a full reference, or only a tag).
 * NULL when it has none. index.json itself is parsed by manifest_parse.
 */
const char *layout_ref_name(const struct descriptor *d);

/* "blobs/sha256/HEX" into ret. */
#define LAYOUT_BLOB_PATH_SIZE (13 + DIGEST_HEX_LEN + 1)
void layout_blob_path(const struct digest *d, char ret[LAYOUT_BLOB_PATH_SIZE]);

/* If path (cleaned of "./") names a blob, 0 and its digest; -ERR_FORMAT otherwise. */
int layout_parse_blob_path(const char *path, struct digest *ret) must_check;

struct docker_image {
	char *config;	  /* member name inside the archive */
	char **repo_tags; /* familiar or full references, may be empty */
	char **layers;	  /* member names, base first */
};

struct docker_archive {
	struct docker_image *images;
	size_t n_images;
};

/*
 * manifest.json. Names are clean and relative: absolute ones and ".." are -ERR_FORMAT.
 * *ret owns its parts on success.
 */
int docker_archive_parse(
	const char *bytes, size_t len, struct docker_archive *ret, struct err *err) must_check;
void docker_archive_done(struct docker_archive *a);
DEFINE_AUTO(docker_archive, struct docker_archive, docker_archive_done)
