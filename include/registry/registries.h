/*
 * Where a name is fetched from, by the files of the containers tools: registries.conf and its
 * drop-ins, and the aliases that podman has written down. Read anew by each call: they are small,
 * often absent, and only commands that go to the network (or miss an image) ask.
 *
 * Main file: $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf. On top: registries.conf.d/NAME.conf in the order of their names,
 * of /etc and then of the user; only of the user when the user's main file was read.
 *
 *	AUTO(registry_endpoints) struct registry_endpoints list = {};
 *	r = registries_resolve(&ref, &list, err);
 *	for each: client_new(...list.v[i].ref...)	the first that answers with the manifest
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/reference.h"

struct registry_endpoint {
	struct reference ref; /* what this endpoint is asked for */
	bool insecure;	      /* its certificate is not verified, plain http is allowed */
	bool is_mirror;
	bool takes_creds; /* --creds and --cert-dir were meant for this registry, too */
};

struct registry_endpoints {
	struct registry_endpoint *v; /* in the order to be tried */
	size_t n;		     /* at least 1 */
};

void registry_endpoints_done(struct registry_endpoints *e);
DEFINE_AUTO(registry_endpoints, struct registry_endpoints, registry_endpoints_done)

/*
 * For pulling: mirrors first, then the registry itself, rewritten as configured. -ERR_DENIED for a
 * blocked registry; -ERR_FORMAT for a broken file, or a rewriting that gives no full name.
 */
int registries_resolve(
	const struct reference *ref, struct registry_endpoints *ret, struct err *err) must_check;

/*
 * For everything else (push, tags, manifests, login): no mirrors, nothing is rewritten. *ret_insecure
 * as configured; -ERR_DENIED for a blocked registry.
 */
int registries_check(const struct reference *ref, bool *ret_insecure, struct err *err) must_check;

/* What a name as typed may stand for. */
struct short_name {
	char **candidates; /* in the order to be tried, at least one */
	bool ambiguous;	   /* there are several, and whoever is at a terminal should choose */
	bool enforcing;	   /* ... and without a terminal nothing may be taken */
};
void short_name_done(struct short_name *s);
DEFINE_AUTO(short_name, struct short_name, short_name_done)

/*
 * Names with a registry or a digest stand for themselves. A short one: for its alias; else for one
 * of unqualified-search-registries; else for itself on docker.io. -ERR_FORMAT: no name, or a file
 * that makes none of it.
 */
int registries_expand(const char *name, struct short_name *ret, struct err *err) must_check;
