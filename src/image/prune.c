#include "image/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/prune_filter.h"
#include "codec/reference.h"
#include "image/image.h"
#include "store/container_dir.h"
#include "store/gc.h"

void image_prune_result_done(struct image_prune_result *r)
{
	strv_free(TAKE_PTR(r->lines));
}

struct prune {
	struct store *store;
	unsigned flags;
	const struct digest *only;
	struct prune_filter filter;
	struct image_list list;
	struct container_uses uses;
	struct image_prune_result *result;
};

static void prune_done(struct prune *p)
{
	prune_filter_done(&p->filter);
	image_list_done(&p->list);
	container_uses_done(&p->uses);
}
DEFINE_AUTO(prune, struct prune, prune_done)

static bool is_used(const struct prune *p, const struct digest *id)
{
	for (size_t i = 0; i < p->uses.n; i++)
		if (p->uses.items[i].image_id && str_eq(p->uses.items[i].image_id, id->text))
			return true;
	return false;
}

static bool has_tag(const struct prune *p, const struct digest *id)
{
	for (size_t i = 0; i < p->list.n; i++) {
		const struct image_record *rec = &p->list.items[i];

		if (digest_equal(&rec->image_id, id) && rec->reference &&
			!strchr(rec->reference, '@'))
			return true;
	}
	return false;
}

/* What a damaged image was made of is not known: no filter fits it. */
static bool passes(const struct prune *p, const struct image_record *rec)
{
	AUTO(image) struct image img = IMAGE_INIT;
	int64_t created = 0;

	if (!p->filter.until_ns && !p->filter.labels && !p->filter.not_labels)
		return true;
	if (image_from_record(p->store, rec, &img, NULL) < 0)
		return false;
	if (img.config.created)
		(void)!clock_parse_rfc3339(img.config.created, &created, NULL);
	return prune_filter_matches(&p->filter, created, img.config.labels);
}

static bool is_victim(const struct prune *p, const struct image_record *rec)
{
	if (is_used(p, &rec->image_id) || (p->only && !digest_equal(p->only, &rec->image_id)))
		return false;
	if (!(p->flags & IMAGE_PRUNE_ALL) && has_tag(p, &rec->image_id))
		return false;
	return passes(p, rec);
}

static int untag(struct prune *p, const struct image_record *rec, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *shown = NULL;
	int r = image_ref_delete(p->store, rec, err);

	/* Another command was quicker. */
	if (r < 0)
		return r == -ERR_NOT_FOUND ? 0 : r;
	if (!rec->reference || reference_parse(rec->reference, &ref, NULL) < 0)
		return 0;
	shown = reference_familiar(&ref);
	strv_pushf(&p->result->lines, "untagged: %s", shown);
	return 0;
}

/* All records of one image, of which list.items[first] is the first. */
static int remove_image(struct prune *p, size_t first, struct err *err)
{
	const struct digest *id = &p->list.items[first].image_id;
	int r = 0;

	for (size_t i = first; r >= 0 && i < p->list.n; i++)
		if (digest_equal(&p->list.items[i].image_id, id))
			r = untag(p, &p->list.items[i], err);
	if (r >= 0)
		strv_pushf(&p->result->lines, "deleted: %s", id->text);
	return r;
}

static bool is_first(const struct prune *p, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (digest_equal(&p->list.items[i].image_id, &p->list.items[at].image_id))
			return false;
	return true;
}

/*
 * Under the exclusive lock, so that no container is made from an image between the look at the
 * containers and the removal.
 */
static int remove_images(struct prune *p, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(p->store, LOCK_EXCLUSIVE, &l, err);

	if (r >= 0)
		r = image_ref_list(p->store, &p->list, err);
	if (r >= 0)
		r = container_dir_uses(p->store, &p->uses, err);
	for (size_t i = 0; r >= 0 && i < p->list.n; i++)
		if (is_first(p, i) && is_victim(p, &p->list.items[i]))
			r = remove_image(p, i, err);
	return r;
}

int image_prune(struct store *s, const struct image_prune_options *o,
	struct image_prune_result *ret, struct err *err)
{
	AUTO(prune)
	struct prune p = { .store = s, .flags = o->flags, .only = o->only, .result = ret };
	AUTO(gc_result) struct gc_result gone = { 0 };
	unsigned gc = o->flags & IMAGE_PRUNE_DOWNLOADS ? GC_DOWNLOADS : 0;
	int r = prune_filter_parse(o->filters, clock_wall_ns(), &p.filter, err);

	if (r >= 0)
		r = remove_images(&p, err);
	if (r >= 0)
		r = gc_run_measured(s, gc, o->map, &gone, err);
	if (r < 0)
		return r;
	STRV_FOREACH (chain, gone.chain_ids)
		strv_pushf(&ret->lines, "deleted: %s", chain);
	ret->bytes += gone.disk_bytes;
	return 0;
}
