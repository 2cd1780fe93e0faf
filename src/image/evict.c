#include "image/evict.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "image/prune.h"
#include "image/usage.h"
#include "store/imagedb.h"

struct candidate {
	struct digest id;
	int64_t used_ns;
	bool replaceable; /* all its names are a registry's */
};

struct candidates {
	struct candidate *v;
	size_t n;
};

static struct candidate *find(struct candidates *c, const struct digest *id)
{
	for (size_t i = 0; i < c->n; i++)
		if (digest_equal(&c->v[i].id, id))
			return &c->v[i];
	return NULL;
}

static int least_recent_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->used_ns > y->used_ns) - (x->used_ns < y->used_ns);
}

/* Each image once, with the latest use under any of its names. */
static int list_candidates(struct store *s, struct candidates *ret, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(s, &list, err);

	if (r < 0)
		return r;
	ret->v = NEW_ARRAY(struct candidate, list.n + 1);
	for (size_t i = 0; i < list.n; i++) {
		const struct image_record *rec = &list.items[i];
		struct candidate *c = find(ret, &rec->image_id);
		int64_t used = image_ref_used_ns(s, rec);

		if (!c) {
			c = &ret->v[ret->n++];
			*c = (struct candidate){ .id = rec->image_id, .replaceable = true };
		}
		c->replaceable &= rec->from_registry;
		c->used_ns = used > c->used_ns ? used : c->used_ns;
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), least_recent_first);
	return 0;
}

/* prune's lines begin with what people know the image by. */
static void take_name(char *const *lines, char ***names)
{
	STRV_FOREACH (line, lines) {
		const char *name = str_after(line, "untagged: ");

		if (!name)
			name = str_after(line, "deleted: ");
		if (name) {
			strv_push(names, name);
			return;
		}
	}
}

static int evict_one(struct store *s, const struct evict_options *o, const struct digest *id,
	char ***names, uint64_t *ret_freed, struct err *err)
{
	AUTO(image_prune_result) struct image_prune_result gone = { 0 };
	const struct image_prune_options prune = {
		.flags = IMAGE_PRUNE_ALL,
		.only = id,
		.map = o->map,
	};
	int r = image_prune(s, &prune, &gone, err);

	take_name(gone.lines, names);
	*ret_freed = gone.bytes;
	return r;
}

int image_evict(struct store *s, const struct evict_options *o, char ***names, uint64_t *ret_left,
	struct err *err)
{
	AUTO(image_usage) struct image_usage usage = { 0 };
	struct candidates all = { 0 };
	autofree struct candidate *v = NULL;
	uint64_t left;
	int r = image_usage(s, o->map, &usage, err);

	if (r < 0)
		return r;
	left = usage.total;
	if (left > o->max_size)
		r = list_candidates(s, &all, err);
	v = all.v;
	for (size_t i = 0; r >= 0 && i < all.n && left > o->max_size; i++) {
		uint64_t freed = 0;

		if (!v[i].replaceable || (o->keep && digest_equal(&v[i].id, o->keep)))
			continue;
		r = evict_one(s, o, &v[i].id, names, &freed, err);
		left -= freed < left ? freed : left;
	}
	*ret_left = left;
	return r < 0 ? r : 0;
}
