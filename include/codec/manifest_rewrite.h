/*
 * An image manifest with other layers or in the other format (OCI's, docker's schema 2), made from
 * the JSON text of the old one, so that members that this program does not know survive. The result
 * is deterministic. A config blob is the same in both formats: the image's id does not change.
 *
 * docker's format has no annotations, subject or artifactType: they are dropped. Of a layer that
 * was packed anew, the annotations that describe its old packing are dropped (registry.md 2.4).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/media.h"

/* One for each layer, in the manifest's order. */
struct manifest_layer {
	enum media_compression compression; /* what it is packed with in the new manifest */
	bool repacked;			    /* digest and size are new */
	struct digest digest;
	uint64_t size;
};

/*
 * *ret is the new text, the caller's. -ERR_UNSUPPORTED for what the wanted format cannot say
 * (zstd layers in docker's, a config or layer that is not an image's); -ERR_FORMAT.
 */
int manifest_rewrite(const char *bytes, size_t len, bool docker,
	const struct manifest_layer *layers, char **ret, struct err *err) must_check;
