#include "codec/registries_conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/toml.h"

static void entry_done(struct registries_entry *e)
{
	for (size_t i = 0; i < e->n_mirrors; i++)
		free(e->mirrors[i].location);
	free(e->mirrors);
	free(e->prefix);
	free(e->location);
	*e = (struct registries_entry){ 0 };
}
DEFINE_AUTO(entry, struct registries_entry, entry_done)

void registries_conf_done(struct registries_conf *c)
{
	for (size_t i = 0; i < c->n; i++)
		entry_done(&c->entries[i]);
	free(c->entries);
	strv_free(c->search);
	strv_free(c->aliases);
	free(c->stray);
	*c = (struct registries_conf){ 0 };
}

/* --- [[registry]] --- */

static bool is_wildcard(const char *prefix)
{
	return str_after(prefix, "*.") != NULL;
}

/* "host[:port][/path]" as it is written in a file: no scheme, no slash at its end. */
static int clean_location(const char *text, char **ret, struct err *err)
{
	size_t len = strlen(text);

	if (strstr(text, "://"))
		return err_set(
			err, ERR_FORMAT, "location \"%s\": a URL scheme is not allowed", text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	if (len > 0 && *text == '/')
		return err_set(err, ERR_FORMAT, "location \"%s\" begins with a slash", text);
	*ret = xstrndup(text, len);
	return 0;
}

static int want_location(const struct json *table, const char *key, char **ret, struct err *err)
{
	const char *text = NULL;
	int r = json_want_string(table, key, &text, err);

	if (r < 0)
		return r;
	return clean_location(text ? text : "", ret, err);
}

/* mirror-by-digest-only of the table is the short form of pull-from-mirror in each mirror. */
static int read_pull(
	const struct json *table, bool by_digest_only, enum registries_pull *ret, struct err *err)
{
	static const char *const names[] = { "all", "digest-only", "tag-only" };
	const char *text = NULL;
	int r = json_want_string(table, "pull-from-mirror", &text, err);

	if (r < 0)
		return r;
	*ret = by_digest_only ? REGISTRIES_PULL_DIGEST : REGISTRIES_PULL_ALL;
	if (str_empty(text))
		return 0;
	if (by_digest_only)
		return err_set(err, ERR_FORMAT,
			"pull-from-mirror and mirror-by-digest-only exclude each other");
	for (int i = 0; i < 3; i++) {
		if (str_eq(text, names[i])) {
			*ret = (enum registries_pull)i;
			return 0;
		}
	}
	return err_set(err, ERR_FORMAT,
		"pull-from-mirror is \"%s\", not all, digest-only or tag-only", text);
}

static int add_mirror(
	struct registries_entry *e, const struct json *table, bool by_digest_only, struct err *err)
{
	struct registries_mirror *m = &e->mirrors[e->n_mirrors];
	int r = want_location(table, "location", &m->location, err);

	if (r < 0)
		return r;
	e->n_mirrors++;
	if (!*m->location)
		return err_set(err, ERR_FORMAT, "a mirror has no location");
	r = json_want_bool(table, "insecure", &m->insecure, err);
	if (r >= 0)
		r = read_pull(table, by_digest_only, &m->pull, err);
	return r < 0 ? r : 0;
}

static int read_mirrors(struct registries_entry *e, const struct json *table, struct err *err)
{
	bool by_digest_only = false;
	struct json *list = NULL;
	int r = json_want_array(table, "mirror", &list, err);

	if (r >= 0)
		r = json_want_bool(table, "mirror-by-digest-only", &by_digest_only, err);
	if (r < 0)
		return r;
	if (json_len(list) > REGISTRIES_MIRRORS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d mirrors", REGISTRIES_MIRRORS_MAX);
	e->mirrors = NEW_ARRAY(struct registries_mirror, json_len(list) + 1);
	JSON_FOREACH(mirror, list)
	{
		if (!json_is_object(mirror))
			return err_set(err, ERR_FORMAT, "\"mirror\" is not an array of tables");
		r = add_mirror(e, mirror, by_digest_only, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_prefix(const struct registries_entry *e, struct err *err)
{
	if (!*e->prefix)
		return err_set(err, ERR_FORMAT, "a [[registry]] has neither prefix nor location");
	if (strchr(e->prefix, '*') &&
		(!is_wildcard(e->prefix) || strpbrk(e->prefix + 2, "*/:@") || !e->prefix[2]))
		return err_set(err, ERR_FORMAT,
			"prefix \"%s\": a wildcard is \"*.\" and a host behind it", e->prefix);
	if (!*e->location && !is_wildcard(e->prefix))
		return err_set(err, ERR_FORMAT, "prefix \"%s\" has no location", e->prefix);
	return 0;
}

static int read_entry(const struct json *table, struct registries_entry *ret, struct err *err)
{
	AUTO(entry) struct registries_entry e = { 0 };
	int r = want_location(table, "prefix", &e.prefix, err);

	if (r >= 0)
		r = want_location(table, "location", &e.location, err);
	if (r < 0)
		return r;
	if (!*e.prefix) {
		free(e.prefix);
		e.prefix = xstrdup(e.location);
	}
	r = check_prefix(&e, err);
	if (r >= 0)
		r = json_want_bool(table, "insecure", &e.insecure, err);
	if (r >= 0)
		r = json_want_bool(table, "blocked", &e.blocked, err);
	if (r >= 0)
		r = read_mirrors(&e, table, err);
	if (r < 0)
		return *e.prefix ? err_ctx(err, r, "registry \"%s\"", e.prefix) : r;
	*ret = e;
	e = (struct registries_entry){ 0 };
	return 0;
}

/* In place of one with the same prefix, or as one more. Takes what e owns. */
static void put_entry(struct registries_conf *c, const struct registries_entry *e)
{
	for (size_t i = 0; i < c->n; i++) {
		if (str_eq(c->entries[i].prefix, e->prefix)) {
			entry_done(&c->entries[i]);
			c->entries[i] = *e;
			return;
		}
	}
	GROW(c->entries, c->n, c->cap);
	c->entries[c->n++] = *e;
}

/* TOML's trap: a key behind a table's header belongs to that table. */
static void note_strays(struct registries_conf *c, const struct json *table)
{
	static const char *const keys[] = { "unqualified-search-registries", "short-name-mode",
		"credential-helpers" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !c->stray; i++)
		if (json_get(table, keys[i]))
			c->stray = xstrdup(keys[i]);
	JSON_FOREACH(mirror, json_get(table, "mirror"))
	note_strays(c, mirror);
}

static int read_entries(struct registries_conf *c, const struct json *doc, struct err *err)
{
	struct json *list = NULL;
	int r = json_want_array(doc, "registry", &list, err);

	if (r < 0)
		return r;
	JSON_FOREACH(table, list)
	{
		struct registries_entry e;

		if (!json_is_object(table))
			return err_set(err, ERR_FORMAT, "\"registry\" is not an array of tables");
		r = read_entry(table, &e, err);
		if (r < 0)
			return r;
		put_entry(c, &e);
		note_strays(c, table);
	}
	return 0;
}

/* --- short names --- */

static int read_aliases(struct registries_conf *c, const struct json *doc, struct err *err)
{
	AUTO(strv) char **list = NULL;
	int r = json_want_string_map(doc, "aliases", &list, err);

	if (r < 0)
		return r;
	STRV_FOREACH (alias, list)
		strv_env_set(&c->aliases, alias);
	return 0;
}

static int set_search(struct registries_conf *c, char **list, struct err *err)
{
	STRV_FOREACH (registry, list)
		if (!*registry || strstr(registry, "://") || strpbrk(registry, "*@ "))
			return err_set(err, ERR_FORMAT,
				"unqualified-search-registries: \"%s\" is no registry", registry);
	strv_free(c->search);
	c->search = strv_dup(list);
	return 0;
}

static int read_search(struct registries_conf *c, const struct json *doc, struct err *err)
{
	AUTO(strv) char **list = NULL;
	int r = json_want_strv(doc, "unqualified-search-registries", &list, err);

	return r > 0 ? set_search(c, list, err) : r;
}

static int read_mode(struct registries_conf *c, const struct json *doc, struct err *err)
{
	static const char *const names[] = { "permissive", "enforcing", "disabled" };
	const char *text = NULL;
	int r = json_want_string(doc, "short-name-mode", &text, err);

	if (r <= 0 || str_empty(text))
		return r;
	for (int i = 0; i < 3; i++) {
		if (str_eq(text, names[i])) {
			c->mode = (enum short_name_mode)i;
			return 0;
		}
	}
	return err_set(err, ERR_FORMAT,
		"short-name-mode is \"%s\", not enforcing, permissive or disabled", text);
}

const char *registries_conf_alias(const struct registries_conf *c, const char *name)
{
	const char *value = strv_env_get(c->aliases, name);

	return str_empty(value) ? NULL : value;
}

/* --- version 1 --- */

static int read_v1_list(const struct json *tables, const char *name, char ***ret, struct err *err)
{
	struct json *table = NULL;
	int r = json_want_object(tables, name, &table, err);

	if (r >= 0)
		r = json_want_strv(table, "registries", ret, err);
	return r < 0 ? err_ctx(err, r, "[registries.%s]", name) : 0;
}

static struct registries_entry *v1_entry(struct registries_conf *c, const char *location)
{
	struct registries_entry e;

	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->entries[i].prefix, location))
			return &c->entries[i];
	e = (struct registries_entry){ .prefix = xstrdup(location), .location = xstrdup(location) };
	put_entry(c, &e);
	return &c->entries[c->n - 1];
}

static int read_v1(struct registries_conf *c, const struct json *tables, struct err *err)
{
	AUTO(strv) char **search = NULL, **insecure = NULL, **block = NULL;
	int r = read_v1_list(tables, "search", &search, err);

	if (r >= 0)
		r = read_v1_list(tables, "insecure", &insecure, err);
	if (r >= 0)
		r = read_v1_list(tables, "block", &block, err);
	if (r >= 0)
		r = set_search(c, search, err);
	if (r < 0)
		return r;
	STRV_FOREACH (location, insecure)
		v1_entry(c, location)->insecure = true;
	STRV_FOREACH (location, block)
		v1_entry(c, location)->blocked = true;
	return 0;
}

static bool has_v2(const struct json *doc)
{
	return json_get(doc, "registry") || json_get(doc, "unqualified-search-registries") ||
	       json_get(doc, "short-name-mode") || json_get(doc, "aliases") ||
	       json_get(doc, "credential-helpers");
}

static int read_main(
	struct registries_conf *c, const struct json *doc, unsigned flags, struct err *err)
{
	struct json *v1 = NULL;
	int r = json_want_object(doc, "registries", &v1, err);

	if (r < 0)
		return r;
	if (v1 && (has_v2(doc) || (flags & REGISTRIES_DROP_IN)))
		return err_set(err, ERR_FORMAT,
			"[registries.*] tables of version 1 cannot be mixed with version 2");
	if (v1)
		return read_v1(c, v1, err);
	r = read_search(c, doc, err);
	if (r >= 0)
		r = read_mode(c, doc, err);
	if (r >= 0)
		r = read_entries(c, doc, err);
	return r < 0 ? r : read_aliases(c, doc, err);
}

int registries_conf_add(
	struct registries_conf *c, const char *text, size_t len, unsigned flags, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r = toml_parse(text, len, &doc, err);

	if (r < 0)
		return r;
	return flags & REGISTRIES_ALIASES_ONLY ? read_aliases(c, doc, err)
					       : read_main(c, doc, flags, err);
}

/* --- names --- */

/* What may follow a prefix; the colon makes "h" match "h:5000", as it does elsewhere. */
static bool at_boundary(char ch)
{
	return ch == '\0' || ch == '/' || ch == ':' || ch == '@';
}

/* Bytes of name that the prefix stands for, 0 when it does not match. */
static size_t match(const char *prefix, const char *name)
{
	size_t len = strlen(prefix), host = strcspn(name, "/:@");

	if (!is_wildcard(prefix))
		return strncmp(name, prefix, len) == 0 && at_boundary(name[len]) ? len : 0;
	len--;
	return host > len && strncmp(name + host - len, prefix + 1, len) == 0 ? host : 0;
}

const struct registries_entry *registries_conf_find(
	const struct registries_conf *c, const char *name, size_t *ret_matched)
{
	const struct registries_entry *best = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct registries_entry *e = &c->entries[i];
		size_t matched = match(e->prefix, name);

		if (matched == 0 || (best && strlen(best->prefix) >= strlen(e->prefix)))
			continue;
		best = e;
		*ret_matched = matched;
	}
	return best;
}

char *registries_conf_rewrite(const char *location, const char *name, size_t matched)
{
	return *location ? xasprintf("%s%s", location, name + matched) : xstrdup(name);
}

bool registries_mirror_serves(const struct registries_mirror *m, bool by_digest)
{
	switch (m->pull) {
	case REGISTRIES_PULL_DIGEST:
		return by_digest;
	case REGISTRIES_PULL_TAG:
		return !by_digest;
	case REGISTRIES_PULL_ALL:
		break;
	}
	return true;
}
