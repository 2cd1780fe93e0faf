#include "registry/registries.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/registries_conf.h"
#include "codec/toml.h"
#include "sys/file.h"

#define SYSTEM_FILE "/etc/containers/registries.conf"

void registry_endpoints_done(struct registry_endpoints *e)
{
	for (size_t i = 0; i < e->n; i++)
		reference_done(&e->v[i].ref);
	free(e->v);
	*e = (struct registry_endpoints){ 0 };
}

void short_name_done(struct short_name *s)
{
	strv_free(s->candidates);
	*s = (struct short_name){ 0 };
}

/* --- files --- */

/* 1 when the file was there. */
static int read_file(struct registries_conf *c, const char *path, unsigned flags, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(TOML_BYTES_MAX);
	int r = file_load(AT_FDCWD, path, &text, err);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	r = registries_conf_add(c, buf_str(&text), text.len, flags, err);
	return r < 0 ? err_ctx(err, r, "%s", path) : 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_drop_ins(struct registries_conf *c, const char *main_file, struct err *err)
{
	autofree char *dir = xasprintf("%s.d", main_file);
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(AT_FDCWD, dir, &names, err);

	if (r == -ENOENT || r == -ENOTDIR || r == -EACCES)
		return 0;
	if (r < 0)
		return r;
	if (names)
		qsort(names, strv_len(names), sizeof(*names), compare_names);
	STRV_FOREACH (name, names) {
		autofree char *path = path_join(dir, name);

		if (!str_has_suffix(name, ".conf"))
			continue;
		r = read_file(c, path, REGISTRIES_DROP_IN, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* $variable/rest, or $HOME/fallback/rest; NULL without a home. */
static char *user_path(const char *variable, const char *fallback, const char *rest)
{
	autofree char *dir = path_env(variable), *home = path_env("HOME");

	if (dir)
		return path_join(dir, rest);
	return home ? xasprintf("%s/%s/%s", home, fallback, rest) : NULL;
}

static int read_main_and_drop_ins(struct registries_conf *c, struct err *err)
{
	const char *named = getenv("CONTAINERS_REGISTRIES_CONF");
	autofree char *user = user_path("XDG_CONFIG_HOME", ".config", "containers/registries.conf");
	int r;

	if (!str_empty(named)) {
		r = read_file(c, named, 0, err);
		if (r == 0)
			return err_sys(err, ENOENT, "$CONTAINERS_REGISTRIES_CONF: %s", named);
	} else {
		r = user ? read_file(c, user, 0, err) : 0;
		if (r > 0)
			return read_drop_ins(c, user, err);
		if (r == 0)
			r = read_file(c, SYSTEM_FILE, 0, err);
	}
	if (r >= 0)
		r = read_drop_ins(c, SYSTEM_FILE, err);
	if (r >= 0 && user)
		r = read_drop_ins(c, user, err);
	return r;
}

/* What podman's users have chosen wins over what their distribution names. */
static int read_chosen_aliases(struct registries_conf *c, struct err *err)
{
	static const char rest[] = "containers/short-name-aliases.conf";
	autofree char *path = geteuid() == 0 ? path_join("/var/cache", rest)
					     : user_path("XDG_CACHE_HOME", ".cache", rest);

	return path ? read_file(c, path, REGISTRIES_ALIASES_ONLY, err) : 0;
}

/* Once, however often the files are read. */
static void warn_of_stray(const struct registries_conf *c)
{
	static bool warned;

	if (c->stray && !warned)
		log_warn("registries.conf: %s stands behind a [[registry]] header, where it has no "
			 "effect: move it to the top",
			c->stray);
	warned = c->stray != NULL;
}

static int load(struct registries_conf *c, struct err *err)
{
	int r = read_main_and_drop_ins(c, err);

	if (r >= 0)
		r = read_chosen_aliases(c, err);
	if (r < 0)
		return r;
	warn_of_stray(c);
	return 0;
}

/* --- endpoints --- */

static int refuse_blocked(const struct registries_entry *e, struct err *err)
{
	return err_set(err, ERR_DENIED, "registry %s is blocked by registries.conf", e->prefix);
}

/* One more endpoint: `name` with what the prefix stood for replaced. */
static int add_endpoint(struct registry_endpoints *list, const char *location, const char *name,
	size_t matched, struct err *err)
{
	struct registry_endpoint *e = &list->v[list->n];
	autofree char *text = registries_conf_rewrite(location, name, matched), *full = NULL;
	int r = reference_parse(text, &e->ref, err);

	if (r < 0)
		return err_ctx(err, r, "registries.conf turns %s into \"%s\"", name, text);
	list->n++;
	full = reference_format(&e->ref);
	if (!str_eq(full, text))
		return err_set(err, ERR_FORMAT,
			"registries.conf turns %s into \"%s\", which is no full name (%s is)", name,
			text, full);
	return 0;
}

static int add_mirrors(struct registry_endpoints *list, const struct registries_entry *e,
	const char *name, size_t matched, struct err *err)
{
	bool by_digest = strchr(name, '@') != NULL;

	for (size_t i = 0; i < e->n_mirrors; i++) {
		const struct registries_mirror *m = &e->mirrors[i];
		int r;

		if (!registries_mirror_serves(m, by_digest))
			continue;
		r = add_endpoint(list, m->location, name, matched, err);
		if (r < 0)
			return r;
		list->v[list->n - 1].is_mirror = true;
		list->v[list->n - 1].insecure = m->insecure;
	}
	return 0;
}

/* What was typed for this image may be shown to its registry, and to mirrors on the same one. */
static void mark_trusted(struct registry_endpoints *list, const struct reference *typed)
{
	const char *primary = list->v[list->n - 1].ref.domain;

	for (size_t i = 0; i < list->n; i++) {
		struct registry_endpoint *e = &list->v[i];

		e->takes_creds = !e->is_mirror || str_eq(e->ref.domain, typed->domain) ||
				 str_eq(e->ref.domain, primary);
	}
}

static int resolve(const struct registries_conf *c, const struct reference *ref,
	struct registry_endpoints *list, struct err *err)
{
	autofree char *name = reference_format(ref);
	size_t matched = 0;
	const struct registries_entry *e = registries_conf_find(c, name, &matched);
	int r = 0;

	if (e && e->blocked)
		return refuse_blocked(e, err);
	list->v = NEW_ARRAY(struct registry_endpoint, (e ? e->n_mirrors : 0) + 1);
	if (e)
		r = add_mirrors(list, e, name, matched, err);
	if (r >= 0)
		r = add_endpoint(list, e ? e->location : "", name, matched, err);
	if (r < 0)
		return r;
	list->v[list->n - 1].insecure = e && e->insecure;
	mark_trusted(list, ref);
	return 0;
}

int registries_resolve(const struct reference *ref, struct registry_endpoints *ret, struct err *err)
{
	AUTO(registries_conf) struct registries_conf conf = { 0 };
	AUTO(registry_endpoints) struct registry_endpoints list = { 0 };
	int r = load(&conf, err);

	if (r >= 0)
		r = resolve(&conf, ref, &list, err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct registry_endpoints){ 0 };
	return 0;
}

int registries_check(const struct reference *ref, bool *ret_insecure, struct err *err)
{
	AUTO(registries_conf) struct registries_conf conf = { 0 };
	autofree char *name = reference_format(ref);
	const struct registries_entry *e;
	size_t matched;
	int r = load(&conf, err);

	if (r < 0)
		return r;
	e = registries_conf_find(&conf, name, &matched);
	if (e && e->blocked)
		return refuse_blocked(e, err);
	*ret_insecure = e && e->insecure;
	return 0;
}

/* --- short names --- */

static bool names_a_registry(const char *name)
{
	size_t n = strcspn(name, "/");

	if (!name[n])
		return false;
	if (n == strlen("localhost") && strncmp(name, "localhost", n) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (name[i] == '.' || name[i] == ':' || (name[i] >= 'A' && name[i] <= 'Z'))
			return true;
	return false;
}

/* "host/path" with the tag of `name` behind it, in full. */
static int add_candidate(
	struct short_name *s, const char *repository, const char *tag, struct err *err)
{
	autofree char *text = xasprintf("%s%s", repository, tag);
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return err_ctx(err, r, "registries.conf makes it \"%s\"", text);
	/* As it is: "Using default tag" is said of what was typed without one. */
	strv_push_take(&s->candidates, TAKE_PTR(text));
	return 0;
}

static int expand(
	const struct registries_conf *c, const char *name, struct short_name *s, struct err *err)
{
	/* A short name has no port: its colon is the tag's. */
	size_t len = strcspn(name, ":");
	autofree char *repository = xstrndup(name, len);
	const char *tag = name + len, *alias = registries_conf_alias(c, repository);

	if (alias && c->mode != SHORT_NAME_DISABLED)
		return add_candidate(s, alias, tag, err);
	if (!c->search || !*c->search)
		return add_candidate(s, repository, tag, err);
	STRV_FOREACH (registry, c->search) {
		autofree char *full = xasprintf("%s/%s", registry, repository);
		int r = add_candidate(s, full, tag, err);

		if (r < 0)
			return r;
	}
	s->ambiguous = c->search[1] && c->mode != SHORT_NAME_DISABLED;
	s->enforcing = c->mode == SHORT_NAME_ENFORCING;
	return 0;
}

int registries_expand(const char *name, struct short_name *ret, struct err *err)
{
	AUTO(registries_conf) struct registries_conf conf = { 0 };
	AUTO(short_name) struct short_name s = { 0 };
	AUTO(reference) struct reference plain = { 0 };
	int r = reference_parse(name, &plain, err);

	if (r < 0)
		return r;
	if (names_a_registry(name) || strchr(name, '@')) {
		r = add_candidate(&s, name, "", err);
	} else {
		r = load(&conf, err);
		if (r >= 0)
			r = expand(&conf, name, &s, err);
	}
	if (r < 0)
		return r;
	*ret = s;
	s = (struct short_name){ 0 };
	return 0;
}
