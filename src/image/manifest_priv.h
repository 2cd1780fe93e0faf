/*
 * Reading manifests from the store or from a registry, for manifest_source.c, which makes entries
 * of lists of them, and manifest_show.c, which shows them.
 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/manifest.h"
#include "image/manifest_list.h"
#include "registry/client.h"

/* A manifest or index, wherever it came from. */
struct manifest_document {
	struct digest digest;
	char *bytes;
	size_t len;
	struct manifest parsed;
};

void manifest_document_done(struct manifest_document *d);
DEFINE_AUTO(manifest_document, struct manifest_document, manifest_document_done)

/* Where documents and configs are read from; client NULL: the store. */
struct manifest_reader {
	struct store *store;
	struct client *client;
	bool keep; /* what comes from the registry becomes a blob */
};

/* A tag is for registries only. */
int manifest_read(const struct manifest_reader *reader, const char *tag_or_digest,
	struct manifest_document *ret, struct err *err) must_check;

/*
 * An entry for a single image: its descriptor with the platform that its config tells of, none
 * for an artifact. The caller frees *ret.
 */
int manifest_describe(const struct manifest_reader *reader, const struct manifest_document *d,
	struct json **ret, struct err *err) must_check;
