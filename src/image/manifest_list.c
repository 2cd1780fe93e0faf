/* Lists of images: which one, and its change as a whole. */
#include "image/manifest_list.h"

#include <string.h>

#include "base/alloc.h"
#include "codec/index_edit.h"
#include "codec/manifest.h"
#include "store/blob.h"

void manifest_list_done(struct manifest_list *l)
{
	json_free(TAKE_PTR(l->doc));
	reference_done(&l->ref);
	if (l->store)
		lock_done(&l->lock);
	l->store = NULL;
}

static int no_such_list(const struct reference *ref, struct err *err)
{
	autofree char *shown = reference_familiar(ref);

	return err_set(err, ERR_NOT_FOUND, "No such manifest list: %s", shown);
}

static int parse_name(const char *name, struct reference *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(name, &ref, err);

	if (r >= 0 && ref.has_digest)
		r = err_set(err, ERR_USAGE, "%s: a manifest list is named without a digest", name);
	if (r < 0)
		return r;
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

int manifest_list_find(struct store *s, const char *name, struct image_record *ret, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	int r = parse_name(name, &ref, err);

	if (r < 0)
		return r;
	r = image_ref_get(s, &ref, &rec, err);
	if (r == -ERR_NOT_FOUND || (r >= 0 && !image_record_is_list(&rec)))
		return no_such_list(&ref, err);
	if (r < 0)
		return r;
	*ret = rec;
	rec.reference = NULL;
	return 0;
}

static int load(struct manifest_list *l, const struct digest *digest, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r = blob_read_all(l->store, digest, &b, err);

	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, &l->doc, err);
	return r < 0 ? err_ctx(err, r, "manifest list %s", digest->text) : 0;
}

/* What the name leads to now, or a new list. */
static int open_list(struct manifest_list *l, unsigned flags, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	autofree char *shown = reference_familiar(&l->ref);
	int r = image_ref_get(l->store, &l->ref, &rec, err);

	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	if (r < 0 && (flags & MANIFEST_LIST_CREATE)) {
		l->doc = index_new();
		return 0;
	}
	if (r < 0 || !(image_record_is_list(&rec) || (flags & MANIFEST_LIST_CREATE)))
		return no_such_list(&l->ref, err);
	if (!image_record_is_list(&rec))
		return err_set(err, ERR_EXISTS, "%s is the name of an image here", shown);
	if ((flags & MANIFEST_LIST_CREATE) && !(flags & MANIFEST_LIST_AMEND))
		return err_set(err, ERR_EXISTS,
			"refusing to amend the existing manifest list %s without --amend", shown);
	return load(l, &rec.index, err);
}

int manifest_list_begin(
	struct store *s, const char *name, unsigned flags, struct manifest_list *l, struct err *err)
{
	AUTO(manifest_list) struct manifest_list list = { .lock = LOCK_INIT };
	int r = parse_name(name, &list.ref, err);

	if (r < 0)
		return r;
	list.store = s;
	r = lock_file(store_dirfd(s), "locks/lists", LOCK_EXCLUSIVE, &list.lock, err);
	if (r >= 0)
		r = open_list(&list, flags, err);
	if (r < 0)
		return r;
	*l = list;
	list = (struct manifest_list){ .lock = LOCK_INIT };
	return 0;
}

int manifest_list_commit(struct manifest_list *l, struct digest *ret_digest, struct err *err)
{
	autofree char *text = index_format(l->doc);
	struct image_record rec = { 0 };
	struct digest digest;
	int r;

	if (strlen(text) > MANIFEST_BYTES_MAX)
		return err_set(
			err, ERR_LIMIT, "the list has more than %u bytes", MANIFEST_BYTES_MAX);
	r = blob_put(l->store, text, strlen(text), &digest, err);
	if (r < 0)
		return r;
	rec.image_id = rec.manifest = rec.index = digest;
	r = image_ref_set(l->store, &l->ref, &rec, err);
	if (r < 0)
		return r;
	if (ret_digest)
		*ret_digest = digest;
	return 0;
}
