/*
 * An image: which one is meant, what its config says, and its layers ready for use.
 *
 *	AUTO(image) struct image img = IMAGE_INIT;
 *	r = image_resolve(s, "debian:12", &img, err);          -ERR_NOT_FOUND: pull it
 *	r = image_ensure_layers(s, &img, map, err);            img.layers[i].fd is open
 *
 * Hold store_lock(shared) from image_resolve until a container refers to the layers.
 * Knows nothing about running containers or registries.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/image_config.h"
#include "store/imagedb.h"
#include "store/layer.h"
#include "store/store.h"
#include "userns/idmap.h"

struct image_layer {
	struct digest chain_id;
	char id[LAYER_ID_SIZE]; /* "" before image_ensure_layers */
	int fd;			/* its fs/ directory, locked shared; -EBADF before */
};

struct image {
	struct image_record record; /* reference is NULL when it was named by id */
	struct image_config config;
	char *config_json; /* the bytes that image_id is the digest of */
	size_t config_len;
	struct image_layer *layers; /* bottom first */
	size_t n_layers;
};

#define IMAGE_INIT            \
	{                     \
		.n_layers = 0 \
	}

void image_done(struct image *img);
DEFINE_AUTO(image, struct image, image_done)

/*
 * A reference ("debian", "ghcr.io/a/b@sha256:..."), an image id ("sha256:<hex>", or a unique
 * beginning of the hex). A name wins over an id's beginning. Of a manifest list it is the image for
 * this host.
 * -ERR_NOT_FOUND "No such image: x:latest"; -ERR_USAGE for an ambiguous beginning.
 */
int image_resolve(struct store *s, const char *name, struct image *ret, struct err *err) must_check;

/* Only which record is meant, a list's too; works for an image whose blobs are damaged. */
int image_resolve_record(
	struct store *s, const char *name, struct image_record *ret, struct err *err) must_check;

/* The image of a record that is at hand. */
int image_from_record(struct store *s, const struct image_record *record, struct image *ret,
	struct err *err) must_check;

/*
 * Open every layer for this owner map, unpacking from the blobs what is not there. Layers of a
 * fresh image cost one open and one flock each.
 */
int image_ensure_layers(
	struct store *s, struct image *img, const struct idmap *map, struct err *err) must_check;

/*
 * What docker calls the size: bytes of the layers' files once unpacked. A layer that is not
 * unpacked for this map counts with its blob's size; what is lost counts nothing.
 */
uint64_t image_size(struct store *s, const struct image *img, const struct idmap *map);

/* The same of each layer: ret has room for img->n_layers. */
void image_layer_sizes(
	struct store *s, const struct image *img, const struct idmap *map, uint64_t *ret);
