/*
 * Searching a registry: by docker's /v1/search, which Hub and a few others have, else by the names
 * in the registry's catalog (registry/tags.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "registry/client.h"

struct search_entry {
	char *name; /* as the registry has it: "debian", "team/app"; never NULL */
	char *description;
	uint64_t stars;
	bool official;
};

struct search_entries {
	struct search_entry *items;
	size_t n;
};

void search_entries_done(struct search_entries *e);
DEFINE_AUTO(search_entries, struct search_entries, search_entries_done)

#define SEARCH_LIMIT_MAX 100 /* Hub's */

/*
 * At most `limit` repositories of the client's registry that answer `term` ("": all, where there
 * is a catalog). Hub is asked at index.docker.io. -ERR_AUTH, -ERR_NOT_FOUND: it has neither;
 * -ERR_FORMAT, -ERR_NETWORK.
 */
int client_search(struct client *c, const char *term, size_t limit, struct search_entries *ret,
	struct err *err) must_check;
