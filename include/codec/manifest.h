/*
 * Image manifests and indexes, OCI's and docker's, as they came over the wire (registry.md 2.1,
 * 2.3; OCI image-spec manifest.md, image-index.md).
 *
 * One byte string has one meaning (CVE-2021-41190): its own mediaType, the Content-Type it came
 * with and its members must agree, and a document with both layers and manifests is refused.
 * Whoever pulls compares the digest of the raw bytes, never of anything printed again.
 *
 *	AUTO(manifest) struct manifest m = {};
 *	r = manifest_parse(bytes, len, content_type, &m, err);
 *	if (m.kind == MANIFEST_INDEX)
 *		r = manifest_pick(&m, &want, &child, err);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/media.h"
#include "codec/platform.h"

#define MANIFEST_BYTES_MAX  (4U << 20)
#define MANIFEST_LAYERS_MAX 4096

struct descriptor {
	struct digest digest;
	uint64_t size;
	char *media_type; /* never NULL */
	char *artifact_type;
	char **urls;
	char *data;	    /* the content itself, verified, NUL behind; NULL when not embedded */
	char **annotations; /* "key=value" */
	struct platform platform;
	bool has_platform;
};

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

struct manifest {
	enum manifest_kind kind;
	char *media_type; /* from the document, else the header, else by its shape; never NULL */
	char *artifact_type;
	char **annotations;
	struct descriptor config; /* image only */
	struct descriptor *layers;
	size_t n_layers;
	struct descriptor *children; /* index only */
	size_t n_children;
	size_t n_skipped; /* children with a digest that is not sha256: left out */
};

/*
 * content_type may be NULL or say nothing. -ERR_FORMAT; -ERR_UNSUPPORTED for docker's schema 1
 * and for digests that are not sha256. *ret owns its parts on success (manifest_done).
 */
int manifest_parse(const void *bytes, size_t len, const char *content_type, struct manifest *ret,
	struct err *err) must_check;
void manifest_done(struct manifest *m);
DEFINE_AUTO(manifest, struct manifest, manifest_done)

void descriptor_done(struct descriptor *d);
DEFINE_AUTO(descriptor, struct descriptor, descriptor_done)
/* A deep copy into ret, which owned nothing before. */
void descriptor_copy(const struct descriptor *d, struct descriptor *ret);
/* The value, inside d, or NULL. */
const char *descriptor_annotation(const struct descriptor *d, const char *key);

/*
 * The best child of an index: by platform_rank, then zstd before others where the index says so,
 * then the first. Attestations and unknown/unknown are never taken. A child without a platform is
 * taken when nothing else matches: compare its config's platform then. *ret points into m.
 * -ERR_NOT_FOUND lists the platforms that exist.
 */
int manifest_pick(const struct manifest *m, const struct platform *want,
	const struct descriptor **ret, struct err *err) must_check;

/*
 * Whether an image manifest can be run at all: its config is an image's and no layer is
 * encrypted. -ERR_UNSUPPORTED names what it is instead (a Helm chart, a signature ...).
 */
int manifest_check_runnable(const struct manifest *m, struct err *err) must_check;

/*
 * An image manifest as JSON text, deterministic: media_type, config and layers are written, of
 * each descriptor media_type, digest, size and annotations. The caller frees it.
 */
char *manifest_format(const struct manifest *m) must_check;
