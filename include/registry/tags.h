/*
 * What a registry holds: the tags of a repository, the repositories of a registry (OCI
 * distribution-spec, "Listing Tags"; docker's _catalog). Pages are followed by their Link header,
 * on the registry's own origin only.
 *
 * Servers put other things among the names (registry.md 9.20): null lists, nulls, digests. What
 * is no valid name is left out.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "registry/client.h"

#define TAGS_MAX 1000000 /* names of one list; more is made to be slow */

#define TAGS_SCOPE_CATALOG "registry:catalog:*"

/*
 * Tags of the client's repository as served, at most `limit` of them (0: all). The caller frees
 * *ret (strv). -ERR_NOT_FOUND: no such repository; -ERR_AUTH, -ERR_FORMAT, -ERR_LIMIT,
 * -ERR_NETWORK.
 */
int client_tags(struct client *c, size_t limit, char ***ret, struct err *err) must_check;

/*
 * Repositories of the client's registry whose path contains `part` ("": all), likewise. Hub has no
 * such list, and many registries keep it to their administrators.
 */
int client_catalog(
	struct client *c, const char *part, size_t limit, char ***ret, struct err *err) must_check;
