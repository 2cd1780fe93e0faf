/*
 * Media types of images (registry.md 2.2) and the magic numbers of compressed streams.
 * A type says what was meant; what a layer really is, only its first bytes tell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MEDIA_OCI_INDEX	      "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_OCI_LAYER	      "application/vnd.oci.image.layer.v1.tar"
#define MEDIA_OCI_LAYER_GZIP  "application/vnd.oci.image.layer.v1.tar+gzip"
#define MEDIA_OCI_LAYER_ZSTD  "application/vnd.oci.image.layer.v1.tar+zstd"
#define MEDIA_OCI_EMPTY	      "application/vnd.oci.empty.v1+json"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define MEDIA_DOCKER_LAYER    "application/vnd.docker.image.rootfs.diff.tar.gzip"

/* The value of the one Accept header of a manifest request (registry.md 2.1). */
#define MEDIA_ACCEPT_MANIFEST                                                                     \
	MEDIA_OCI_INDEX ", " MEDIA_DOCKER_LIST ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST \
			", */*"

enum media_kind {
	MEDIA_KIND_UNKNOWN, /* a type this program does not know: an artifact's */
	MEDIA_KIND_GENERIC, /* empty, octet-stream, text/plain, application/json: says nothing */
	MEDIA_KIND_INDEX,
	MEDIA_KIND_MANIFEST,
	MEDIA_KIND_CONFIG,
	MEDIA_KIND_LAYER,
	MEDIA_KIND_SCHEMA1, /* docker's abandoned format */
	MEDIA_KIND_EMPTY,
};

enum media_compression {
	MEDIA_PLAIN,
	MEDIA_GZIP,
	MEDIA_ZSTD,
	MEDIA_XZ,
	MEDIA_BZIP2,
};

struct media {
	enum media_kind kind;
	enum media_compression compression; /* what the suffix of a layer's type claims */
	bool docker;			    /* docker's spelling, not OCI's */
	bool foreign;			    /* nondistributable: may have `urls` */
	bool encrypted;			    /* "+encrypted" */
};

/* Parameters ("; charset=") are cut and case is ignored; NULL is as "". */
void media_classify(const char *type, struct media *ret);

/*
 * The type of a layer with this compression, docker and foreign; the other members are ignored.
 * NULL where there is none: docker has no zstd, nobody has xz or bzip2.
 */
const char *media_layer_type(const struct media *m);

/*
 * By magic, from the first bytes of a stream; MEDIA_SNIFF_LEN are enough. zstd's skippable frames
 * count as zstd. What matches nothing is MEDIA_PLAIN.
 */
#define MEDIA_SNIFF_LEN 6
enum media_compression media_sniff(const void *bytes, size_t len);
const char *media_compression_name(enum media_compression c);
