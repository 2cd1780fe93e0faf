/*
 * Image indexes (manifest lists) as documents to be changed: entries added, described, removed.
 * Works on the JSON, so that members which this program does not know survive. What is read of an
 * index otherwise is codec/manifest.h.
 *
 *	AUTO(json) struct json *doc = index_new();
 *	index_put(doc, index_entry_new(...));
 *	text = index_format(doc);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/json.h"

/* An index without entries. */
struct json *index_new(void) must_check;

/* The entry of this digest, inside doc; NULL when there is none. */
struct json *index_find(const struct json *doc, const struct digest *digest);

/* Add an entry, or replace the one of the same digest, in its place. The entry is doc's then. */
void index_put(struct json *doc, struct json *entry);

/* -ERR_NOT_FOUND. */
int index_remove(struct json *doc, const struct digest *digest, struct err *err) must_check;

/* A descriptor of a manifest, without a platform. The caller's, for index_put. */
struct json *index_entry_new(
	const char *media_type, const struct digest *digest, uint64_t size) must_check;

/* The platform members of an image's config, as they are written there, into an entry. */
void index_entry_set_platform(struct json *entry, const struct json *config);

/* What is to be said of an entry; NULL: as it is. */
struct index_note {
	const char *os, *architecture, *variant, *os_version;
	char *const *os_features;
	char *const *features;
	char *const *annotations; /* "key=value" */
};

/* -ERR_USAGE for an annotation without '='. */
int index_entry_note(struct json *entry, const struct index_note *note, struct err *err) must_check;

/*
 * As text, the caller's. Its media type follows from its entries: docker's list when all of them
 * are docker's, and nothing is annotated, else OCI's index.
 */
char *index_format(const struct json *doc) must_check;
