/* rmi: which names go, what stands in the way, what is deleted with the last of them. */
#include "image/remove.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/reference.h"
#include "image/image.h"
#include "store/container_dir.h"
#include "store/gc.h"

struct removal {
	struct store *store;
	unsigned flags;
	char ***lines;
	struct image img;
	struct image_list names;	    /* records of this image only */
	const struct image_record *by_name; /* the one that was named, or NULL: by id */
};

static void removal_done(struct removal *rm)
{
	image_done(&rm->img);
	image_list_done(&rm->names);
}
DEFINE_AUTO(removal, struct removal, removal_done)

static int keep_own_records(struct removal *rm, struct err *err)
{
	struct image_list *l = &rm->names;
	size_t kept = 0;
	int r = image_ref_list(rm->store, l, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l->n; i++) {
		if (digest_equal(&l->items[i].image_id, &rm->img.record.image_id))
			l->items[kept++] = l->items[i];
		else
			image_record_done(&l->items[i]);
	}
	l->n = kept;
	for (size_t i = 0; rm->img.record.reference && i < kept; i++)
		if (l->items[i].reference &&
			str_eq(l->items[i].reference, rm->img.record.reference))
			rm->by_name = &l->items[i];
	return 0;
}

static bool is_by_digest(const struct image_record *rec)
{
	return rec->reference && strchr(rec->reference, '@');
}

static char *repository_of(const struct image_record *rec)
{
	AUTO(reference) struct reference ref = { 0 };

	if (!rec->reference || reference_parse(rec->reference, &ref, NULL) < 0)
		return xstrdup("");
	return reference_familiar_name(&ref);
}

/* Would the image be without a tag once `rec` is gone? Names by digest go with the last tag. */
static bool is_last_name(const struct removal *rm, const struct image_record *rec)
{
	for (size_t i = 0; i < rm->names.n; i++) {
		const struct image_record *other = &rm->names.items[i];

		if (other != rec && other->reference && !is_by_digest(other))
			return false;
	}
	return true;
}

static bool spans_repositories(const struct removal *rm)
{
	autofree char *first = NULL;

	for (size_t i = 0; i < rm->names.n; i++) {
		autofree char *repo = repository_of(&rm->names.items[i]);

		if (first && !str_eq(first, repo))
			return true;
		if (!first)
			first = TAKE_PTR(repo);
	}
	return false;
}

static const char *short_id(const char *id, char ret[13])
{
	const char *hex = str_after(id, "sha256:");

	(void)snprintf(ret, 13, "%.12s", hex ? hex : id);
	return ret;
}

static int in_repositories(const struct removal *rm, struct err *err)
{
	AUTO(strv) char **shown = NULL;
	autofree char *all = NULL;
	char image[13];

	for (size_t i = 0; i < rm->names.n; i++) {
		AUTO(reference) struct reference ref = { 0 };

		if (rm->names.items[i].reference &&
			reference_parse(rm->names.items[i].reference, &ref, NULL) >= 0)
			strv_push_take(&shown, reference_familiar(&ref));
	}
	all = strv_join(shown, ", ");
	return err_set(err, ERR_IN_USE,
		"conflict: unable to delete %s (must be forced) - image is referenced in "
		"multiple repositories: %s",
		short_id(rm->img.record.image_id.text, image), all);
}

static int in_use(const struct removal *rm, const struct container_use *use, struct err *err)
{
	char image[13], container[13];

	(void)short_id(rm->img.record.image_id.text, image);
	(void)short_id(use->id, container);
	if (rm->by_name) {
		AUTO(reference) struct reference ref = { 0 };
		autofree char *shown = NULL;
		int r = reference_parse(rm->by_name->reference, &ref, err);

		if (r < 0)
			return r;
		shown = reference_familiar(&ref);
		return err_set(err, ERR_IN_USE,
			"conflict: unable to remove repository reference \"%s\" (%s) - container "
			"%s "
			"is using its referenced image %s",
			shown, use->alive ? "cannot be forced" : "must force", container, image);
	}
	return err_set(err, ERR_IN_USE,
		"conflict: unable to delete %s (%s) - image is being used by %s container %s",
		image, use->alive ? "cannot be forced" : "must be forced",
		use->alive ? "running" : "stopped", container);
}

/* A container that runs is always in the way of the image, one that does not only without force. */
static int check_uses(const struct removal *rm, struct err *err)
{
	AUTO(container_uses) struct container_uses uses = { 0 };
	int r = container_dir_uses(rm->store, &uses, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < uses.n; i++) {
		const struct container_use *use = &uses.items[i];

		if (!use->image_id || !str_eq(use->image_id, rm->img.record.image_id.text))
			continue;
		if (use->alive || !(rm->flags & IMAGE_REMOVE_FORCE))
			return in_use(rm, use, err);
	}
	return 0;
}

/* "debian@sha256:...", the way the repository serves it. */
static void push_digest_line(struct removal *rm, const struct image_record *rec)
{
	autofree char *repo = repository_of(rec);
	autofree char *line = xasprintf("Untagged: %s@%s", repo,
		digest_is_set(&rec->index) ? rec->index.text : rec->manifest.text);

	if (!strv_contains(*rm->lines, line))
		strv_push(rm->lines, line);
}

static int untag(struct removal *rm, const struct image_record *rec, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *shown = NULL;
	int r = image_ref_delete(rm->store, rec, err);

	/* Another rmi was quicker: the name is gone, which is what was wanted. */
	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (!rec->reference)
		return 0;
	if (is_by_digest(rec)) {
		push_digest_line(rm, rec);
		return 0;
	}
	r = reference_parse(rec->reference, &ref, err);
	if (r < 0)
		return r;
	shown = reference_familiar(&ref);
	strv_pushf(rm->lines, "Untagged: %s", shown);
	return 0;
}

static int untag_all(struct removal *rm, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < rm->names.n; i++)
		r = untag(rm, &rm->names.items[i], err);
	for (size_t i = 0; r >= 0 && i < rm->names.n; i++)
		if (rm->names.items[i].from_registry)
			push_digest_line(rm, &rm->names.items[i]);
	return r;
}

/* Layers of this image first, from the top down, as docker names them; then whatever else went. */
static int collect(struct removal *rm, struct err *err)
{
	AUTO(gc_result) struct gc_result gone = { 0 };
	int r;

	strv_pushf(rm->lines, "Deleted: %s", rm->img.record.image_id.text);
	if (rm->flags & IMAGE_REMOVE_NO_PRUNE)
		return 0;
	r = gc_run(rm->store, &gone, err);
	if (r < 0)
		return r;
	for (size_t i = rm->img.n_layers; i-- > 0;)
		if (strv_contains(gone.chain_ids, rm->img.layers[i].chain_id.text))
			strv_pushf(rm->lines, "Deleted: %s", rm->img.layers[i].chain_id.text);
	return 0;
}

static int remove_by_name(struct removal *rm, struct err *err)
{
	int r;

	if (!is_last_name(rm, rm->by_name))
		return untag(rm, rm->by_name, err);
	r = check_uses(rm, err);
	if (r >= 0)
		r = untag_all(rm, err);
	return r < 0 ? r : collect(rm, err);
}

static int remove_by_id(struct removal *rm, struct err *err)
{
	int r;

	if (!(rm->flags & (IMAGE_REMOVE_FORCE | IMAGE_REMOVE_ALL_NAMES)) && spans_repositories(rm))
		return in_repositories(rm, err);
	r = check_uses(rm, err);
	if (r >= 0)
		r = untag_all(rm, err);
	return r < 0 ? r : collect(rm, err);
}

int image_remove(struct store *s, const char *name, unsigned flags, char ***lines, struct err *err)
{
	AUTO(removal) struct removal rm = { .store = s, .flags = flags, .lines = lines };
	AUTO(image_record) struct image_record rec = { 0 };
	int r = image_resolve_record(s, name, &rec, err);

	if (r < 0)
		return r;
	/* An image whose config is damaged can be removed as well; its layers are not named then. */
	if (image_from_record(s, &rec, &rm.img, NULL) < 0)
		image_record_copy(&rec, &rm.img.record);
	r = keep_own_records(&rm, err);
	if (r < 0)
		return r;
	return rm.by_name ? remove_by_name(&rm, err) : remove_by_id(&rm, err);
}

int image_remove_unused(struct store *s, struct err *err)
{
	AUTO(gc_result) struct gc_result gone = { 0 };

	return gc_run(s, &gone, err);
}
