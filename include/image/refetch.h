/*
 * Bringing back what an image of a registry has lost: its manifest, config and layers are fetched
 * again by digest, from the repository that it came from. References stay as they are.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "registry/client.h"
#include "store/imagedb.h"
#include "store/store.h"
#include "userns/idmap.h"

/* Did it come from a registry, under a name that says which? */
bool refetch_is_possible(const struct image_record *record);

/* Kinds as image_pull. -ERR_NOT_FOUND when the registry has it no more. */
int image_refetch(struct store *s, const struct image_record *record,
	const struct client_options *client, const struct idmap *map, struct err *err) must_check;
