/* Names of images that are here. */
#include "image/tag.h"

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/reference.h"
#include "image/image.h"

/* Does the registry that serves `from` serve `to` under the same digest? */
static bool same_repository(const char *from, const struct reference *to)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *a = NULL, *b = NULL;

	if (!from || reference_parse(from, &ref, NULL) < 0)
		return false;
	a = reference_repository(&ref);
	b = reference_repository(to);
	return str_eq(a, b);
}

static int parse_target(const char *text, struct reference *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (ref.has_digest)
		return err_set(err, ERR_USAGE,
			"refusing to create a tag with a digest reference: %s", text);
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

static int set_name(
	struct store *s, const struct image_record *source, const char *target, struct err *err)
{
	AUTO(image_record) struct image_record now = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	struct image_record rec = *source;
	int r = parse_target(target, &ref, err);

	if (r < 0)
		return r;
	/* It is its name already, and may know more than an id does: where it was pulled from. */
	if (image_ref_get(s, &ref, &now, NULL) >= 0 && digest_equal(&now.manifest, &rec.manifest) &&
		digest_equal(&now.image_id, &rec.image_id))
		return 0;
	rec.from_registry = rec.from_registry && same_repository(rec.reference, &ref);
	return image_ref_set(s, &ref, &rec, err);
}

int image_tag(struct store *s, const char *source, char *const *targets, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = 0;

	STRV_FOREACH (target, targets) {
		AUTO(reference) struct reference ref = { 0 };

		if (r >= 0)
			r = parse_target(target, &ref, err);
	}
	if (r >= 0)
		r = store_lock(s, LOCK_SHARED, &l, err);
	if (r >= 0)
		r = image_resolve_record(s, source, &rec, err);
	STRV_FOREACH (target, targets)
		if (r >= 0)
			r = set_name(s, &rec, target, err);
	return r;
}

static int untag_all(struct store *s, const struct digest *id, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(s, &list, err);

	for (size_t i = 0; r >= 0 && i < list.n; i++)
		if (list.items[i].reference && digest_equal(&list.items[i].image_id, id))
			r = image_ref_untag(s, &list.items[i], err);
	return r;
}

/* The record of this name, which has to lead to the image. */
static int own_name(struct store *s, const char *name, const struct digest *id,
	struct image_record *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *shown = NULL;
	int r = reference_parse(name, &ref, err);

	if (r >= 0)
		r = image_ref_get(s, &ref, ret, err);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (r >= 0 && digest_equal(&ret->image_id, id))
		return 0;
	shown = reference_familiar(&ref);
	return err_set(err, ERR_NOT_FOUND, "%s is no name of image %.12s", shown, digest_hex(id));
}

static int untag_names(
	struct store *s, const struct digest *id, char *const *names, bool really, struct err *err)
{
	STRV_FOREACH (name, names) {
		AUTO(image_record) struct image_record rec = { 0 };
		int r = own_name(s, name, id, &rec, err);

		if (r >= 0 && really)
			r = image_ref_untag(s, &rec, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int image_untag(struct store *s, const char *name, char *const *names, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(s, LOCK_SHARED, &l, err);

	if (r >= 0)
		r = image_resolve_record(s, name, &rec, err);
	if (r < 0)
		return r;
	if (!names || !*names)
		return untag_all(s, &rec.image_id, err);
	r = untag_names(s, &rec.image_id, names, false, err);
	return r < 0 ? r : untag_names(s, &rec.image_id, names, true, err);
}
