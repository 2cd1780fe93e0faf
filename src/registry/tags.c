#include "registry/tags.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/link_header.h"
#include "codec/reference.h"
#include "registry/client_priv.h"

#define PAGE_SIZE "1000" /* the most that ECR takes (registry.md 9.20) */
#define MAX_PAGE  (16U << 20)
#define MAX_PAGES 10000

/* A list that comes in pages. */
struct list {
	struct client *client;
	const char *path;   /* "/v2/x/tags/list" */
	const char *scope;  /* NULL: to pull */
	const char *member; /* of the answer: "tags" */
	const char *part;   /* only names that contain it */
	size_t limit;
	char **names;
	size_t n;
};

static bool is_wanted(const struct list *l, const char *name)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *full = NULL;

	if (str_eq(l->member, "tags"))
		full = xasprintf("x.invalid/x:%s", name);
	else
		full = xasprintf("x.invalid/%s", name);
	return strstr(name, l->part) && reference_parse(full, &ref, NULL) >= 0 && !ref.has_digest;
}

static int take_page(struct list *l, const struct client_wait *w, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	struct json *names = NULL;
	int r = json_parse(w->bytes, w->len, &doc, err);

	if (r >= 0 && !json_is_object(doc))
		r = err_set(err, ERR_FORMAT, "not an object");
	if (r >= 0)
		r = json_want_array(doc, l->member, &names, err);
	if (r < 0)
		return err_ctx(err, r, "%s: list of %s", l->client->domain, l->member);
	JSON_FOREACH(item, names)
	{
		const char *name = json_string(item);

		if (l->limit && l->n >= l->limit)
			return 0;
		if (l->n >= TAGS_MAX)
			return err_set(err, ERR_LIMIT, "%s: more than %d %s", l->client->domain,
				TAGS_MAX, l->member);
		if (!name || !is_wanted(l, name))
			continue;
		strv_push(&l->names, name);
		l->n++;
	}
	return 0;
}

/* From the page at *url to the next one. 1: *url is changed; 0: that was the last. */
static int next_page(
	const struct list *l, const struct client_wait *w, struct url *url, struct err *err)
{
	autofree char *target = link_header_next(w->link);
	AUTO(url) struct url next = { 0 };
	int r;

	if (!target || (l->limit && l->n >= l->limit))
		return 0;
	r = url_resolve(url, target, &next, err);
	if (r < 0)
		return err_ctx(err, r, "%s: next page of %s", l->client->domain, l->member);
	if (!url_same_origin(url, &next))
		return err_set(err, ERR_DENIED, "%s: the next page of %s is at another server, %s",
			l->client->domain, l->member, next.host);
	url_done(url);
	*url = next;
	next = (struct url){ 0 };
	return 1;
}

/*
 * Pages that lead back to one that was there before are found by comparing each with one that is
 * remembered, a later one after every doubling of their number (Brent's method).
 */
struct circle {
	char *remembered;
	int next; /* number of the page that is remembered next */
};

static void circle_done(struct circle *c)
{
	free(c->remembered);
}
DEFINE_AUTO(circle, struct circle, circle_done)

static bool circle_closes(struct circle *c, int page, const struct url *url)
{
	autofree char *text = url_format(url);

	if (c->remembered && str_eq(c->remembered, text))
		return true;
	if (page >= c->next) {
		free(c->remembered);
		c->remembered = TAKE_PTR(text);
		c->next = 2 * page + 1;
	}
	return false;
}

static int get_page(struct list *l, const struct url *url, struct client_wait *w, struct err *err)
{
	struct client_op *op = client_op_for_url(l->client, url);

	op->accept = "application/json";
	op->max_body = MAX_PAGE;
	if (l->scope)
		op->scope = l->scope;
	return client_op_wait(op, w, err);
}

static int get_all(struct list *l, struct err *err)
{
	AUTO(circle) struct circle circle = { 0 };
	AUTO(url) struct url url = { 0 };
	int r = client_decide_endpoint(l->client, err);

	if (r >= 0)
		r = url_resolve(&l->client->base, l->path, &url, err);
	if (r < 0)
		return r;
	url_add_query(&url, "n", PAGE_SIZE);
	for (int page = 0; page < MAX_PAGES; page++) {
		AUTO(client_wait) struct client_wait w = { 0 };

		if (circle_closes(&circle, page, &url))
			return err_set(err, ERR_FORMAT, "%s: the pages of %s go in a circle",
				l->client->domain, l->member);
		r = get_page(l, &url, &w, err);
		if (r >= 0)
			r = take_page(l, &w, err);
		if (r >= 0)
			r = next_page(l, &w, &url, err);
		if (r <= 0)
			return r;
	}
	return err_set(err, ERR_LIMIT, "%s: the list of %s has more than %d pages",
		l->client->domain, l->member, MAX_PAGES);
}

static int finish(struct list *l, int r, char ***ret)
{
	if (r < 0) {
		strv_free(l->names);
		return r;
	}
	*ret = l->names;
	return 0;
}

int client_tags(struct client *c, size_t limit, char ***ret, struct err *err)
{
	autofree char *path = xasprintf("/v2/%s/tags/list", c->path);
	struct list l = {
		.client = c,
		.path = path,
		.member = "tags",
		.part = "",
		.limit = limit,
	};

	return finish(&l, get_all(&l, err), ret);
}

int client_catalog(struct client *c, const char *part, size_t limit, char ***ret, struct err *err)
{
	struct list l = {
		.client = c,
		.path = "/v2/_catalog",
		.scope = TAGS_SCOPE_CATALOG,
		.member = "repositories",
		.part = part,
		.limit = limit,
	};

	return finish(&l, get_all(&l, err), ret);
}
