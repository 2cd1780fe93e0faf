/*
 * A client for everything that is not a pull (tags, manifests, search): the registry itself,
 * without mirrors and rewriting, and with what registries.conf says of it: blocked, insecure.
 */
#pragma once

#include "base/err.h"
#include "registry/client.h"

/* As client_new; -ERR_DENIED for a registry that is blocked. */
int registry_reach(const struct client_options *o, const struct reference *ref, struct client **ret,
	struct err *err) must_check;
