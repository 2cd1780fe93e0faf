/* References and what they need; then layers against their blobs; then what can be put right. */
#include "image/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/manifest.h"
#include "codec/reference.h"
#include "image/check_priv.h"
#include "image/image.h"
#include "image/refetch.h"
#include "store/blob.h"

#define CURE_REPAIR "proa system check --repair"

/* One reference under examination. */
struct subject {
	struct check *check;
	const struct image_check_options *options;
	const struct image_record *rec;
	char *name;  /* as the user calls it */
	char *thing; /* "image debian:12" */
	char *cure;
	struct manifest manifest; /* once read */
	struct image img;
	size_t first; /* finding of this image */
};

static void subject_done(struct subject *x)
{
	free(x->name);
	free(x->thing);
	free(x->cure);
	manifest_done(&x->manifest);
	image_done(&x->img);
}
DEFINE_AUTO(subject, struct subject, subject_done)

static char *name_of(const struct image_record *rec)
{
	AUTO(reference) struct reference ref = { 0 };

	if (rec->reference && reference_parse(rec->reference, &ref, NULL) >= 0)
		return reference_familiar(&ref);
	return xasprintf("%.12s", digest_hex(&rec->image_id));
}

static void subject_init(struct subject *x)
{
	x->name = name_of(x->rec);
	x->thing = xasprintf("image %s", x->name);
	x->cure = refetch_is_possible(x->rec)
			  ? xstrdup(CURE_REPAIR)
			  : xasprintf("proa rmi -f %s, and load or build it again", x->name);
	x->first = x->check->n;
}

/* A small blob, and that its bytes are those of its digest: 0 when a finding says why not. */
static int read_part(struct subject *x, const struct digest *d, const char *what, struct buf *ret,
	struct err *err)
{
	struct digest found;
	struct err why = { 0 };
	int r = blob_read_all(x->check->store, d, ret, &why);

	if (r == -ERR_NOT_FOUND || r == -ERR_LIMIT || r == -EIO) {
		check_found(x->check, x->thing, x->cure, "its %s: %s", what, why.msg);
		return 0;
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	digest_of(buf_str(ret), ret->len, &found);
	if (digest_equal(d, &found))
		return 1;
	check_found(x->check, x->thing, x->cure, "its %s %s has the digest %s", what, d->text,
		found.text);
	if (!strv_contains(x->check->bad_blobs, d->text))
		strv_push(&x->check->bad_blobs, d->text);
	return 0;
}

static int check_index(struct subject *x, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r;

	if (!digest_is_set(&x->rec->index))
		return 0;
	r = read_part(x, &x->rec->index, "index", &b, err);
	return r < 0 ? r : 0;
}

static int check_manifest(struct subject *x, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	struct err why = { 0 };
	int r = read_part(x, &x->rec->manifest, "manifest", &b, err);

	if (r <= 0)
		return r;
	r = manifest_parse(buf_str(&b), b.len, NULL, &x->manifest, &why);
	if (r >= 0 && x->manifest.kind != MANIFEST_IMAGE)
		r = err_set(&why, ERR_FORMAT, "it is an index");
	if (r >= 0 && !digest_equal(&x->manifest.config.digest, &x->rec->image_id))
		r = err_set(&why, ERR_FORMAT, "its config is not the image's");
	if (r < 0)
		check_found(x->check, x->thing, x->cure, "its manifest: %s", why.msg);
	return r >= 0;
}

static int check_config(struct subject *x, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	struct err why = { 0 };
	int r = read_part(x, &x->rec->image_id, "config", &b, err);

	if (r <= 0)
		return r;
	r = image_from_record(x->check->store, x->rec, &x->img, &why);
	if (r >= 0)
		r = image_config_check_layers(&x->img.config, x->manifest.n_layers, &why);
	if (r < 0)
		check_found(x->check, x->thing, x->cure, "its config: %s", why.msg);
	return r >= 0;
}

static int check_layer(struct subject *x, size_t i, struct err *err)
{
	const struct descriptor *d = &x->manifest.layers[i];
	uint64_t size = 0;
	int r;

	if (strv_contains(x->check->bad_blobs, d->digest.text)) {
		check_found(x->check, x->thing, x->cure, "the blob of its layer %zu is damaged: %s",
			i + 1, d->digest.text);
		return 0;
	}
	r = blob_has(x->check->store, &d->digest, &size, err);
	if (r == 0)
		check_found(x->check, x->thing, x->cure, "the blob of its layer %zu is missing: %s",
			i + 1, d->digest.text);
	else if (r > 0 && size != d->size) {
		check_found(x->check, x->thing, x->cure,
			"the blob of its layer %zu has %llu bytes, its manifest says %llu: %s",
			i + 1, (unsigned long long)size, (unsigned long long)d->size,
			d->digest.text);
		strv_push(&x->check->bad_blobs, d->digest.text);
	}
	return r < 0 ? r : 0;
}

/* 1: everything is there; 0: findings say what is not. */
static int check_reference(struct subject *x, struct err *err)
{
	int r = check_index(x, err), config;

	if (r >= 0)
		r = check_manifest(x, err);
	if (r < 0)
		return r;
	config = r == 1 ? check_config(x, err) : 0;
	for (size_t i = 0; config >= 0 && r > 0 && i < x->manifest.n_layers; i++) {
		int layer = check_layer(x, i, err);

		if (layer < 0)
			return layer;
	}
	return config < 0 ? config : config && x->check->n == x->first;
}

/* A manifest list: its document alone, for its images may be elsewhere. */
static int check_list(struct subject *x, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);

	return read_part(x, &x->rec->manifest, "manifest list", &b, err);
}

/* --- layers against their blobs ----------------------------------------------------------- */

static int discard_layer(struct check *c, const char *id, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(c->store, LOCK_EXCLUSIVE, &l, err);

	return r < 0 ? r : check_discard_layer(c, id, err);
}

/* The layer is moved away and unpacked again. */
static void repair_layer(struct subject *x, const char *id)
{
	struct check *c = x->check;
	AUTO(image) struct image img = IMAGE_INIT;
	struct err why = { 0 };
	int r = discard_layer(c, id, &why);

	if (r >= 0)
		r = image_from_record(c->store, x->rec, &img, &why);
	if (r >= 0)
		r = image_ensure_layers(c->store, &img, x->options->map, &why);
	if (r >= 0) {
		check_repaired(c);
		return;
	}
	free(c->items[c->n - 1].cure);
	c->items[c->n - 1].cure =
		r == -ERR_IN_USE
			? xasprintf("stop the containers that use %s, then " CURE_REPAIR, x->name)
			: xstrdup(why.msg);
}

static int verify_layer(struct subject *x, size_t i, char ***seen, struct err *err)
{
	struct layer_verify_args args = {
		.img = &x->img,
		.index = i,
		.blob = &x->manifest.layers[i].digest,
		.map = x->options->map,
	};
	autofree char *why = NULL, *thing = NULL;
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];
	int r;

	idmap_key(x->options->map, key);
	layer_make_id(&x->img.layers[i].chain_id, key, id);
	if (strv_contains(*seen, id))
		return 0;
	strv_push(seen, id);
	r = layer_verify(x->check->store, &args, &why, err);
	if (r != 0)
		return r < 0 ? err_ctx(err, r, "layer %s", id) : 0;
	thing = xasprintf("layer %s", id);
	check_found(x->check, thing, CURE_REPAIR, "%s (image %s)", why, x->name);
	if (x->check->flags & CHECK_REPAIR)
		repair_layer(x, id);
	return 0;
}

/* --- all images --------------------------------------------------------------------------- */

static int discard_blobs(struct check *c, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(c->store, LOCK_EXCLUSIVE, &l, err);

	return r < 0 ? r : check_discard_blobs(c, err);
}

/* Of a broken image: bring it back, and say so in all that was found about it. */
static void refetch(struct subject *x)
{
	struct check *c = x->check;
	struct err why = { 0 };
	int r;

	if (!refetch_is_possible(x->rec))
		return;
	/* What is damaged would be taken for what is there. */
	r = discard_blobs(c, &why);
	if (r >= 0)
		r = image_refetch(c->store, x->rec, x->options->client, x->options->map, &why);
	for (size_t i = x->first; i < c->n; i++) {
		if (r >= 0) {
			c->items[i].repaired = true;
			free(TAKE_PTR(c->items[i].cure));
			continue;
		}
		free(c->items[i].cure);
		c->items[i].cure = xasprintf(
			"it cannot be fetched again (%s): proa rmi -f %s", why.msg, x->name);
		str_make_printable(c->items[i].cure);
	}
}

/* Still the same image? Somebody may have removed or moved the name since the list was read. */
static bool is_current(struct store *s, const struct image_record *rec)
{
	AUTO(image_record) struct image_record now = { 0 };
	AUTO(reference) struct reference ref = { 0 };

	if (!rec->reference || reference_parse(rec->reference, &ref, NULL) < 0)
		return true;
	return image_ref_get(s, &ref, &now, NULL) >= 0 &&
	       digest_equal(&now.manifest, &rec->manifest);
}

static int check_one(struct check *c, const struct image_check_options *o,
	const struct image_record *rec, char ***seen, struct err *err)
{
	AUTO(subject) struct subject x = { .check = c, .options = o, .rec = rec };
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(c->store, LOCK_SHARED, &l, err);

	if (r < 0)
		return r;
	if (!is_current(c->store, rec))
		return 0;
	c->n_images++;
	subject_init(&x);
	r = image_record_is_list(rec) ? check_list(&x, err) : check_reference(&x, err);
	lock_done(&l);
	if (r < 0)
		return err_ctx(err, r, "%s", x.thing);
	if (r == 0) {
		if (c->flags & CHECK_REPAIR)
			refetch(&x);
		return 0;
	}
	if (!(c->flags & CHECK_DEEP) || image_record_is_list(rec))
		return 0;
	for (size_t i = 0; r >= 0 && i < x.img.n_layers; i++)
		r = verify_layer(&x, i, seen, err);
	return r;
}

static int check_images(struct check *c, const struct image_check_options *o, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	AUTO(strv) char **seen = NULL;
	int r = image_ref_list(c->store, &list, err);

	if (store_is_read_only(c->store) && (c->flags & CHECK_DEEP)) {
		log_warn("the store is read-only: layers are not compared with their blobs");
		c->flags &= ~(unsigned)CHECK_DEEP;
	}
	for (size_t i = 0; r >= 0 && i < list.n; i++)
		r = check_one(c, o, &list.items[i], &seen, err);
	return r;
}

int image_check(struct check *c, const struct image_check_options *o, struct err *err)
{
	int r = check_store(c, err);

	if (r >= 0)
		r = check_images(c, o, err);
	check_empty_trash(c);
	return r;
}
