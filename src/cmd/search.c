#include "registry/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "codec/json.h"
#include "codec/reference.h"
#include "registry/reach.h"

#define DEFAULT_LIMIT	  25
#define DESCRIPTION_WIDTH 45 /* docker's */

struct search_opts {
	struct registry_options registry;
	char **filters;
	const char *format;
	bool no_trunc;
	int limit;
};

static const struct search_opts defaults = {
	.registry = REGISTRY_OPTIONS_INIT,
	.limit = DEFAULT_LIMIT,
};

static const struct option_spec search_options[] = {
	OPT_LIST(struct search_opts, filters, 'f', "filter", "KEY=VALUE",
		"Show only results that match: stars, is-official"),
	OPT_FORMAT(struct search_opts, format),
	OPT_INT(struct search_opts, limit, 0, "limit", "N", "Show at most N results", .min = 1,
		.max = SEARCH_LIMIT_MAX, .default_text = "25"),
	OPT_FLAG(struct search_opts, no_trunc, 0, "no-trunc", "Do not shorten descriptions"),
	OPT_REGISTRY(struct search_opts, registry),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "NAME", "Name" },
	{ "DESCRIPTION", "Description" },
	{ "STARS", "StarCount" },
	{ "OFFICIAL", "IsOfficial" },
	{ "AUTOMATED", "IsAutomated", .extra = true },
	{ NULL },
};

struct filter {
	uint64_t stars;
	int official; /* -1: not asked */
};

static int parse_filter(const char *text, struct filter *ret, struct err *err)
{
	const char *stars = str_after(text, "stars="), *value = str_after(text, "is-official=");
	bool official = false;
	int r = 0;

	if (stars) {
		r = parse_u64(stars, UINT64_MAX, &ret->stars, err);
	} else if (value) {
		r = parse_bool(value, &official, err);
		ret->official = official;
	} else {
		return err_set(
			err, ERR_USAGE, "invalid filter '%s': known are is-official, stars", text);
	}
	return r < 0 ? err_ctx(err, r, "invalid filter '%s'", text) : 0;
}

/* "registry.lan:5000/app" to the registry and what is looked for there; else Hub is asked. */
static void split_term(const char *text, struct reference *ref, const char **ret_term)
{
	size_t len = strcspn(text, "/");
	autofree char *first = xstrndup(text, len);

	/* Credentials are looked for under this name. */
	ref->path = xstrdup("_catalog");
	if (text[len] && (strpbrk(first, ".:") || str_eq(first, "localhost"))) {
		ref->domain = TAKE_PTR(first);
		*ret_term = text + len + 1;
		return;
	}
	ref->domain = xstrdup("docker.io");
	*ret_term = text;
}

static int search(const struct search_opts *o, const struct reference *ref, const char *term,
	struct search_entries *ret, struct err *err)
{
	struct client_options options = CLIENT_OPTIONS_INIT;
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(client) struct client *client = NULL;
	int r = registry_options_apply(&o->registry, &options, &creds, err);

	if (r >= 0)
		r = registry_reach(&options, ref, &client, err);
	if (r >= 0)
		r = client_search(client, term, (size_t)o->limit, ret, err);
	return r < 0 ? err_ctx(err, r, "registry %s", ref->domain) : 0;
}

static char *describe(const struct search_entry *e, bool full)
{
	char *text = xstrdup(e->description ? e->description : "");

	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	if (!full) {
		char *cut = table_ellipsis(text, DESCRIPTION_WIDTH);

		free(text);
		text = cut;
	}
	return text;
}

static struct json *row_of(
	const struct search_entry *e, const struct reference *ref, const struct search_opts *o)
{
	autofree char *description = describe(e, o->no_trunc);
	autofree char *name = str_eq(ref->domain, "docker.io")
				      ? xstrdup(e->name)
				      : xasprintf("%s/%s", ref->domain, e->name);
	struct json *row = json_object_new();
	char stars[24];

	(void)snprintf(stars, sizeof(stars), "%" PRIu64, e->stars);
	json_set_string(row, "Description", description);
	json_set_string(row, "IsAutomated", "");
	json_set_string(row, "IsOfficial", e->official ? "[OK]" : "");
	json_set_string(row, "Name", name);
	json_set_string(row, "StarCount", stars);
	return row;
}

static int search_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(search_entries) struct search_entries found = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	struct filter filter = { .official = -1 };
	const struct search_opts *o = opts;
	autofree struct json **rows = NULL;
	const char *term;
	size_t n = 0;
	int r = 0;

	(void)ctx;
	(void)argc;
	STRV_FOREACH (text, o->filters)
		if (r >= 0)
			r = parse_filter(text, &filter, err);
	if (r < 0)
		return r;
	split_term(argv[0], &ref, &term);
	r = search(o, &ref, term, &found, err);
	if (r < 0)
		return r;
	rows = NEW_ARRAY(struct json *, found.n + 1);
	for (size_t i = 0; i < found.n; i++) {
		const struct search_entry *e = &found.items[i];

		if (e->stars < filter.stars ||
			(filter.official >= 0 && e->official != (filter.official == 1)))
			continue;
		rows[n++] = row_of(e, &ref, o);
	}
	r = output_rows(o->format, columns, rows, n, err);
	for (size_t i = 0; i < n; i++)
		json_free(rows[i]);
	return r;
}

const struct command cmd_search = {
	.name = "search",
	.group = COMMAND_IMAGES,
	.summary = "Search Docker Hub or another registry for images",
	.usage = "[OPTIONS] TERM",
	.description =
		"REGISTRY/TERM asks that registry, anything else Docker Hub. A registry without a "
		"search of its own is asked for its catalog, which many keep to their "
		"administrators; REGISTRY/ alone lists all of it.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = search_options,
	.options_size = sizeof(struct search_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "On Hub:", "proa search --filter is-official=true postgres" },
			{ "On a registry of your own:", "proa search registry.lan:5000/team" },
			{ NULL },
		},
	.run = search_run,
};
