/* The rows of `images`. */
#include "image/list.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/prune_filter.h"
#include "codec/reference.h"
#include "image/facts_priv.h"
#include "image/image.h"
#include "store/blob.h"
#include "store/container_dir.h"
#include "store/imagedb.h"

static void entry_done(struct image_entry *e)
{
	free(e->repository);
	free(e->tag);
	strv_free(e->labels);
	*e = (struct image_entry){ 0 };
}

void image_entries_done(struct image_entries *e)
{
	for (size_t i = 0; i < e->n; i++)
		entry_done(&e->items[i]);
	free(TAKE_PTR(e->items));
	e->n = 0;
}

/* Filters, parsed; each kind may be given several times, and all must hold. */
struct filters {
	int dangling; /* -1: not asked */
	char **references;
	char **common;		   /* those that prune knows as well, as text, */
	struct prune_filter prune; /* and parsed */
	int64_t before_ns, since_ns;
};

static void filters_done(struct filters *f)
{
	strv_free(f->references);
	strv_free(f->common);
	prune_filter_done(&f->prune);
}
DEFINE_AUTO(filters, struct filters, filters_done)

static int64_t created_of(const struct image *img)
{
	int64_t ns = 0;

	if (!img->config.created || clock_parse_rfc3339(img->config.created, &ns, NULL) < 0)
		return 0;
	return ns;
}

static int created_by_name(struct store *s, const char *name, int64_t *ret, struct err *err)
{
	AUTO(image) struct image img = IMAGE_INIT;
	int r = image_resolve(s, name, &img, err);

	if (r < 0)
		return r;
	*ret = created_of(&img);
	return 0;
}

static int parse_filter(struct store *s, struct filters *f, const char *text, struct err *err)
{
	const char *value = strchr(text, '=');
	autofree char *key = xstrndup(text, value ? (size_t)(value - text) : strlen(text));
	bool dangling;
	int r;

	if (!value)
		return err_set(err, ERR_USAGE, "invalid filter '%s': KEY=VALUE is wanted", text);
	value++;
	if (str_eq(key, "dangling")) {
		r = parse_bool(value, &dangling, err);
		f->dangling = dangling;
		return r < 0 ? err_ctx(err, r, "invalid filter '%s'", text) : 0;
	}
	if (str_eq(key, "label") || str_eq(key, "label!") || str_eq(key, "until"))
		strv_push(&f->common, text);
	else if (str_eq(key, "reference"))
		strv_push(&f->references, value);
	else if (str_eq(key, "before"))
		return created_by_name(s, value, &f->before_ns, err);
	else if (str_eq(key, "since"))
		return created_by_name(s, value, &f->since_ns, err);
	else
		return err_set(err, ERR_USAGE,
			"invalid filter '%s': known are before, dangling, label, reference, since, "
			"until",
			key);
	return 0;
}

/*
 * docker matches the familiar name with and without its tag ("deb*", "deb*:1*"); '*' does not
 * cross a '/'.
 */
static bool matches_reference(const struct image_entry *e, const char *pattern)
{
	autofree char *tagged = NULL;

	if (!e->repository)
		return false;
	if (fnmatch(pattern, e->repository, FNM_PATHNAME) == 0)
		return true;
	if (!e->tag)
		return false;
	tagged = xasprintf("%s:%s", e->repository, e->tag);
	return fnmatch(pattern, tagged, FNM_PATHNAME) == 0;
}

static bool passes(const struct image_entry *e, const struct filters *f)
{
	bool any = !f->references;

	if (f->dangling >= 0 && e->dangling != (f->dangling == 1))
		return false;
	if (!prune_filter_matches(&f->prune, e->created_ns, e->labels))
		return false;
	STRV_FOREACH (pattern, f->references)
		any |= matches_reference(e, pattern);
	if (f->before_ns && e->created_ns >= f->before_ns)
		return false;
	return any && !(f->since_ns && e->created_ns <= f->since_ns);
}

/* The operand: an exact repository, or repository:tag, in any spelling. */
static int operand_pattern(const char *operand, char **ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r;

	if (strpbrk(operand, "*?[")) {
		*ret = xstrdup(operand);
		return 0;
	}
	r = reference_parse(operand, &ref, err);
	if (r < 0)
		return r;
	*ret = ref.tag_implied ? reference_familiar_name(&ref) : reference_familiar(&ref);
	return 0;
}

static bool is_tagged(const struct image_list *list, const struct digest *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (digest_equal(&list->items[i].image_id, id) && list->items[i].reference &&
			!strchr(list->items[i].reference, '@'))
			return true;
	return false;
}

static void set_names(const struct image_record *rec, struct image_entry *e)
{
	AUTO(reference) struct reference ref = { 0 };

	if (!rec->reference || reference_parse(rec->reference, &ref, NULL) < 0)
		return;
	e->repository = reference_familiar_name(&ref);
	e->tag = xstrdup(ref.tag);
	if (rec->from_registry || ref.has_digest)
		e->digest = digest_is_set(&rec->index) ? rec->index : rec->manifest;
}

/* What one listing works with. */
struct listing {
	struct store *store;
	const struct idmap *map;
	struct image_list list;
	struct container_uses uses;
	struct facts facts;
	bool want_labels;
};

static void listing_done(struct listing *l)
{
	image_list_done(&l->list);
	container_uses_done(&l->uses);
	facts_done(&l->facts);
}
DEFINE_AUTO(listing, struct listing, listing_done)

static bool is_unpacked(const struct listing *l, const struct image *img)
{
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];

	idmap_key(l->map, key);
	for (size_t i = 0; i < img->n_layers; i++) {
		layer_make_id(&img->layers[i].chain_id, key, id);
		if (layer_has(l->store, id, NULL) != 1)
			return false;
	}
	return true;
}

static void set_image(struct listing *l, const struct image_record *rec, struct image_entry *e)
{
	const struct fact *known = l->want_labels ? NULL : facts_find(&l->facts, &rec->image_id);
	AUTO(image) struct image img = IMAGE_INIT;
	struct err why = { 0 };

	if (image_record_is_list(rec)) {
		e->created_ns = rec->created_ns;
		(void)!blob_has(l->store, &rec->manifest, &e->size, NULL);
		return;
	}
	if (known) {
		e->created_ns = known->created_ns;
		e->size = known->size;
		return;
	}
	if (image_from_record(l->store, rec, &img, &why) < 0) {
		log_debug("images: %s", why.msg);
		return;
	}
	e->created_ns = created_of(&img);
	e->size = image_size(l->store, &img, l->map);
	e->labels = strv_dup(img.config.labels);
	if (!l->want_labels && is_unpacked(l, &img))
		facts_add(&l->facts, &rec->image_id, e->created_ns, e->size);
}

static void fill_entry(struct listing *l, size_t i, struct image_entry *e)
{
	const struct image_record *rec = &l->list.items[i];
	const struct container_uses *uses = &l->uses;

	*e = (struct image_entry){ .image_id = rec->image_id };
	set_names(rec, e);
	set_image(l, rec, e);
	e->dangling = !is_tagged(&l->list, &rec->image_id);
	for (size_t k = 0; k < uses->n; k++)
		if (uses->items[k].image_id && str_eq(uses->items[k].image_id, rec->image_id.text))
			e->containers++;
}

/* A name by digest is shown only while no tag leads to the image. */
static bool is_shown(const struct image_list *list, size_t i)
{
	const struct image_record *rec = &list->items[i];

	return !rec->reference || !strchr(rec->reference, '@') || !is_tagged(list, &rec->image_id);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* What decides between equals of every other order. */
static int by_name(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;
	int r = strcmp(or_empty(x->repository), or_empty(y->repository));

	return r ? r : strcmp(or_empty(x->tag), or_empty(y->tag));
}

static int newest_first(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;

	if (x->created_ns != y->created_ns)
		return x->created_ns < y->created_ns ? 1 : -1;
	return by_name(a, b);
}

static int by_id(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;
	int r = strcmp(x->image_id.text, y->image_id.text);

	return r ? r : by_name(a, b);
}

static int by_size(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return by_name(a, b);
}

static int by_tag(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;
	int r = strcmp(or_empty(x->tag), or_empty(y->tag));

	return r ? r : by_name(a, b);
}

static int (*const orders[])(const void *a, const void *b) = {
	[IMAGE_SORT_CREATED] = newest_first,
	[IMAGE_SORT_ID] = by_id,
	[IMAGE_SORT_REPOSITORY] = by_name,
	[IMAGE_SORT_SIZE] = by_size,
	[IMAGE_SORT_TAG] = by_tag,
};

static int parse_filters(
	struct store *s, const struct image_list_options *o, struct filters *f, struct err *err)
{
	autofree char *pattern = NULL;
	int r = 0;

	f->dangling = -1;
	STRV_FOREACH (text, o->filters)
		if (r >= 0)
			r = parse_filter(s, f, text, err);
	if (r >= 0)
		r = prune_filter_parse(f->common, clock_wall_ns(), &f->prune, err);
	if (r >= 0 && o->reference) {
		r = operand_pattern(o->reference, &pattern, err);
		if (r >= 0)
			strv_push(&f->references, pattern);
	}
	return r;
}

int image_list_entries(struct store *s, const struct image_list_options *o,
	struct image_entries *ret, struct err *err)
{
	AUTO(image_entries) struct image_entries entries = { 0 };
	AUTO(listing) struct listing l = { .store = s, .map = o->map };
	AUTO(filters) struct filters f = { 0 };
	size_t cap = 0;
	int r = parse_filters(s, o, &f, err);

	if (r >= 0)
		r = image_ref_list(s, &l.list, err);
	if (r >= 0)
		r = container_dir_uses(s, &l.uses, err);
	if (r < 0)
		return r;
	l.want_labels = f.prune.labels || f.prune.not_labels;
	facts_load(s, o->map, &l.facts);
	for (size_t i = 0; i < l.list.n; i++) {
		struct image_entry *e;

		if (!is_shown(&l.list, i))
			continue;
		GROW(entries.items, entries.n, cap);
		e = &entries.items[entries.n];
		fill_entry(&l, i, e);
		if (passes(e, &f))
			entries.n++;
		else
			entry_done(e);
	}
	facts_save(s, o->map, &l.facts);
	if (entries.n)
		qsort(entries.items, entries.n, sizeof(*entries.items), orders[o->sort]);
	*ret = entries;
	entries.items = NULL;
	entries.n = 0;
	return 0;
}
