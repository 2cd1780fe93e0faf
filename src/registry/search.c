#include "registry/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "registry/client_priv.h"
#include "registry/tags.h"

#define MAX_ANSWER (4U << 20)

void search_entries_done(struct search_entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->items[i].name);
		free(e->items[i].description);
	}
	free(TAKE_PTR(e->items));
	e->n = 0;
}

static bool is_hub(const struct client *c)
{
	return str_eq(c->domain, "docker.io");
}

static int search_url(
	struct client *c, const char *term, size_t limit, struct url *ret, struct err *err)
{
	char n[16];
	int r;

	if (is_hub(c)) {
		r = url_parse("https://index.docker.io/v1/search", ret, err);
	} else {
		r = client_decide_endpoint(c, err);
		if (r >= 0)
			r = url_resolve(&c->base, "/v1/search", ret, err);
	}
	if (r < 0)
		return r;
	(void)snprintf(n, sizeof(n), "%zu", limit);
	url_add_query(ret, "q", term);
	url_add_query(ret, "n", n);
	return 0;
}

static void take_entry(const struct json *v, struct search_entry *ret)
{
	int64_t stars = 0;

	*ret = (struct search_entry){ .name = xstrdup(json_get_string(v, "name")) };
	ret->description = xstrdup(json_get_string(v, "description"));
	(void)json_int(json_get(v, "star_count"), &stars);
	ret->stars = stars > 0 ? (uint64_t)stars : 0;
	(void)json_bool(json_get(v, "is_official"), &ret->official);
}

static int take_answer(
	const struct client_wait *w, size_t limit, struct search_entries *ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	struct json *results = NULL;
	size_t cap = 0;
	int r = json_parse(w->bytes, w->len, &doc, err);

	if (r >= 0 && !json_is_object(doc))
		r = err_set(err, ERR_FORMAT, "not an object");
	if (r >= 0)
		r = json_want_array(doc, "results", &results, err);
	if (r < 0)
		return err_ctx(err, r, "result of the search");
	JSON_FOREACH(item, results)
	{
		if (ret->n >= limit)
			break;
		if (!json_get_string(item, "name"))
			continue;
		GROW(ret->items, ret->n, cap);
		take_entry(item, &ret->items[ret->n++]);
	}
	return 0;
}

/* 0: this registry has no /v1/search. */
static int by_index(struct client *c, const char *term, size_t limit, struct search_entries *ret,
	struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	AUTO(url) struct url url = { 0 };
	struct client_op *op;
	int r = search_url(c, term, limit, &url, err);

	if (r < 0)
		return r;
	op = client_op_for_url(c, &url);
	op->accept = "application/json";
	op->max_body = MAX_ANSWER;
	op->scope = TAGS_SCOPE_CATALOG;
	r = client_op_wait(op, &w, err);
	if (r >= 0)
		r = take_answer(&w, limit, ret, err);
	if (r >= 0)
		return 1;
	/* An answer of another kind: what registries without the interface say is not uniform. */
	return w.status && !is_hub(c) ? 0 : r;
}

static int by_catalog(struct client *c, const char *term, size_t limit, struct search_entries *ret,
	struct err *err)
{
	AUTO(strv) char **names = NULL;
	size_t cap = 0;
	int r = client_catalog(c, term, limit, &names, err);

	if (r < 0)
		return err_ctx(err, r, "neither /v1/search nor the catalog can be had");
	STRV_FOREACH (name, names) {
		GROW(ret->items, ret->n, cap);
		ret->items[ret->n++] = (struct search_entry){ .name = xstrdup(name) };
	}
	return 0;
}

int client_search(struct client *c, const char *term, size_t limit, struct search_entries *ret,
	struct err *err)
{
	AUTO(search_entries) struct search_entries found = { 0 };
	int r = 0;

	/* The index answers no empty question. */
	if (*term || is_hub(c))
		r = by_index(c, term, limit, &found, err);
	if (r == 0) {
		search_entries_done(&found);
		r = by_catalog(c, term, limit, &found, err);
	}
	if (r < 0)
		return r;
	*ret = found;
	found = (struct search_entries){ 0 };
	return 0;
}
