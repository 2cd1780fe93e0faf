/*
 * Manifests as documents for people and scripts: a list of one's own, or what a registry has.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "image/manifest_list.h"

struct json; /* codec/json.h */

struct manifest_show {
	const char *name;
	const char *entry; /* of the list `name`: only this one of its manifests; or NULL */
	struct client_options client;
	/*
	 * docker's documents: Ref, Descriptor, Raw and the manifest, of an index in an array for
	 * each of its entries. Else the manifest or index alone.
	 */
	bool verbose;
};

/* A list that is here comes first. The caller frees *ret. -ERR_NOT_FOUND, -ERR_AUTH, -ERR_NETWORK. */
int manifest_show(struct store *s, const struct manifest_show *q, struct json **ret,
	struct err *err) must_check;
