/*
 * registries.conf of the containers tools (containers-registries.conf(5), registry.md 1.3): where a
 * name is really fetched from, what a name without a registry means. Bytes to rules, and rules
 * applied to names; where the files are is registry/registries.h's business.
 *
 *	AUTO(registries_conf) struct registries_conf c = {};
 *	r = registries_conf_add(&c, text, len, flags, err);	the main file, then each drop-in
 *	e = registries_conf_find(&c, "docker.io/library/debian:12", &matched);
 *	text = registries_conf_rewrite(e->location, name, matched);
 *
 * Later files replace lists, scalars and, table by table, the [[registry]] of the same prefix and
 * the alias of the same name. Keys that are unknown are passed over, as the other tools do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

#define REGISTRIES_MIRRORS_MAX 32 /* of one table */

enum registries_pull {
	REGISTRIES_PULL_ALL,
	REGISTRIES_PULL_DIGEST, /* only what is asked for by digest */
	REGISTRIES_PULL_TAG,	/* only what is asked for by tag */
};

struct registries_mirror {
	char *location;
	bool insecure;
	enum registries_pull pull;
};

struct registries_entry {
	char *prefix;	/* "host", "host/ns", "host/ns/repo:tag", "*.host" */
	char *location; /* what the prefix is replaced by; "" (a wildcard): by nothing */
	bool insecure, blocked;
	struct registries_mirror *mirrors;
	size_t n_mirrors;
};

enum short_name_mode {
	SHORT_NAME_PERMISSIVE,
	SHORT_NAME_ENFORCING,
	SHORT_NAME_DISABLED, /* aliases are not read, all registries are tried */
};

struct registries_conf {
	struct registries_entry *entries;
	size_t n, cap;
	char **search;	/* unqualified-search-registries */
	char **aliases; /* "name=host/path" */
	enum short_name_mode mode;
	char *stray; /* a top-level key that stands in a [[registry]] table, where nobody reads it */
};

void registries_conf_done(struct registries_conf *c);
DEFINE_AUTO(registries_conf, struct registries_conf, registries_conf_done)

enum registries_conf_flags {
	REGISTRIES_DROP_IN = 1 << 0,	  /* of registries.conf.d: version 1 is not allowed */
	REGISTRIES_ALIASES_ONLY = 1 << 1, /* short-name-aliases.conf */
};

/*
 * Read one file on top of what is there. Version 1 ([registries.search] and its kin) is
 * understood, unless mixed with version 2. -ERR_FORMAT names line or table.
 */
int registries_conf_add(struct registries_conf *c, const char *text, size_t len, unsigned flags,
	struct err *err) must_check;

/*
 * The table with the longest prefix of this full name ("docker.io/library/x:tag", "h/x@sha256:..").
 * *ret_matched: how many bytes of name the prefix stands for. NULL when none fits.
 */
const struct registries_entry *registries_conf_find(
	const struct registries_conf *c, const char *name, size_t *ret_matched);

/* The name with `matched` bytes replaced by location ("" changes nothing). The caller's. */
char *registries_conf_rewrite(const char *location, const char *name, size_t matched) must_check;

/* May this mirror be asked for a name of this kind? */
bool registries_mirror_serves(const struct registries_mirror *m, bool by_digest);

/* What a short name stands for, inside c; NULL when there is no alias. */
const char *registries_conf_alias(const struct registries_conf *c, const char *name);
