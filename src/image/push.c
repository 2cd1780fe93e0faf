#include "image/push.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/image_config.h"
#include "image/image.h"
#include "image/push_priv.h"
#include "registry/reach.h"

#define MAX_INDEX_DEPTH 4
#define SETTLE_SECONDS	1 /* a registry that has just taken a blob may not find it yet */

static void push_done(struct push *p)
{
	client_free(p->client);
	image_list_done(&p->records);
	store_lease_end(p->store);
}
DEFINE_AUTO(push, struct push, push_done)

static int push_begin(struct push *p, struct err *err)
{
	int r = store_lease_begin(p->store, err);

	if (r >= 0)
		r = image_ref_list(p->store, &p->records, err);
	if (r >= 0)
		r = registry_reach(&p->options->client, p->to, &p->client, err);
	return r;
}

/* --- one manifest --- */

static int put_text(
	struct push_image *i, const char *tag, const char *text, size_t len, struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	struct client_put q = { .bytes = text, .len = len };
	struct digest own;
	int r = manifest_parse(text, len, NULL, &m, err);

	if (r < 0)
		return r;
	digest_of(text, len, &own);
	q.media_type = m.media_type;
	r = client_put_manifest(i->push->client, tag ? tag : own.text, &q, err);
	return r < 0 ? err_ctx(err, r, "manifest") : 0;
}

/*
 * A registry whose collector was faster than us misses a blob that it said it had; one that keeps
 * several copies may need a moment (registry.md 4). Once, all of them are looked at again.
 */
static int put_or_send_again(
	struct push_image *i, const char *tag, const char *text, size_t len, struct err *err)
{
	struct timespec pause = { .tv_sec = SETTLE_SECONDS };
	int r = put_text(i, tag, text, len, err);

	if (r != -ERR_NOT_FOUND)
		return r;
	log_debug("a blob is missing there; looking at all of them again");
	(void)nanosleep(&pause, NULL);
	r = push_transfer(i, err);
	return r < 0 ? r : put_text(i, tag, text, len, err);
}

/* docker's format, for a registry that knows no other, unless the user has decided. */
static int put_as_docker(struct push_image *i, const char *tag, char **text, size_t *len)
{
	autofree char *other = NULL;
	size_t other_len;
	int r;

	if (i->docker || i->push->options->format != PUSH_AS_IS)
		return -ERR_UNSUPPORTED;
	i->docker = true;
	r = push_manifest_text(i, &other, &other_len, NULL);
	if (r >= 0)
		r = put_text(i, tag, other, other_len, NULL);
	if (r < 0)
		return r;
	free(*text);
	*text = TAKE_PTR(other);
	*len = other_len;
	return 0;
}

/* tag NULL: by digest. *ret_text is what the registry has then; the caller's in every case. */
static int push_one(struct push_image *i, const char *tag, struct push_result *ret, char **ret_text,
	struct err *err)
{
	size_t len = 0;
	int r = push_transfer(i, err);

	if (r >= 0)
		r = push_manifest_text(i, ret_text, &len, err);
	if (r < 0)
		return r;
	r = put_or_send_again(i, tag, *ret_text, len, err);
	if (r == -ERR_UNSUPPORTED && put_as_docker(i, tag, ret_text, &len) >= 0)
		r = 0;
	if (r < 0)
		return r;
	digest_of(*ret_text, len, &ret->digest);
	ret->size = len;
	return 0;
}

/* --- an index --- */

/* A document by its digest, and before it what it names. */
struct document {
	const struct digest *digest;
	const char *tag; /* NULL: by digest */
	unsigned depth;
};

static int push_document(
	struct push *p, const struct document *d, struct push_result *ret, struct err *err);

static int child_missing(struct push *p, const struct descriptor *d, struct err *err)
{
	autofree char *repository = reference_familiar_name(p->to);
	char text[PLATFORM_TEXT_SIZE] = "no platform";
	int r = client_has_manifest(p->client, &d->digest, err);

	if (r != 0)
		return r;
	if (d->has_platform)
		platform_format(&d->platform, text);
	return err_set(err, ERR_NOT_FOUND, "manifest %s (%s) is neither in the store nor in %s",
		d->digest.text, text, repository);
}

static int push_children(struct push *p, const struct manifest *m, unsigned depth, struct err *err)
{
	if (depth >= MAX_INDEX_DEPTH)
		return err_set(
			err, ERR_LIMIT, "indexes are nested more than %d deep", MAX_INDEX_DEPTH);
	for (size_t k = 0; k < m->n_children; k++) {
		const struct descriptor *child = &m->children[k];
		struct document d = { .digest = &child->digest, .depth = depth + 1 };
		struct push_result ignored;
		int r = blob_has(p->store, &child->digest, NULL, err);

		if (r == 1)
			r = push_document(p, &d, &ignored, err);
		else if (r == 0)
			r = child_missing(p, child, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* An image whose blobs are not all here may be there already, whole. */
static int push_child_image(
	struct push *p, const struct document *d, struct push_result *ret, struct err *err)
{
	AUTO(push_image) struct push_image i = { 0 };
	autofree char *text = NULL;
	int r = push_plan(p, d->digest, true, &i, err);

	if (r >= 0)
		r = push_is_whole(&i, err);
	if (r == 0 && client_has_manifest(p->client, d->digest, NULL) == 1)
		return 0;
	return r < 0 ? r : push_one(&i, d->tag, ret, &text, err);
}

static int push_index(struct push *p, const struct document *d, const struct buf *b,
	const struct manifest *m, struct err *err)
{
	struct client_put q = { .media_type = m->media_type, .bytes = buf_str(b), .len = b->len };
	int r = push_children(p, m, d->depth, err);

	if (r < 0)
		return r;
	r = client_put_manifest(p->client, d->tag ? d->tag : d->digest->text, &q, err);
	return r < 0 ? err_ctx(err, r, "index") : 0;
}

static int push_document(
	struct push *p, const struct document *d, struct push_result *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	AUTO(manifest) struct manifest m = { 0 };
	int r = blob_read_all(p->store, d->digest, &b, err);

	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, NULL, &m, err);
	if (r < 0)
		return err_ctx(err, r, "manifest %.19s", d->digest->text);
	if (m.kind == MANIFEST_IMAGE)
		return push_child_image(p, d, ret, err);
	r = push_index(p, d, &b, &m, err);
	if (r < 0)
		return r;
	ret->digest = *d->digest;
	ret->size = b.len;
	return 0;
}

int image_push_index(struct store *s, const struct digest *index, const struct reference *to,
	const struct push_options *o, struct push_result *ret, struct err *err)
{
	AUTO(push) struct push p = { .store = s, .options = o, .to = to };
	struct document d = { .digest = index, .tag = to->tag };
	int r = push_begin(&p, err);

	return r < 0 ? r : push_document(&p, &d, ret, err);
}

/* --- an image --- */

static int check_platform(struct store *s, const struct image_record *rec,
	const struct platform *want, struct err *err)
{
	char text[PLATFORM_TEXT_SIZE], have[PLATFORM_TEXT_SIZE];
	AUTO(image) struct image img = IMAGE_INIT;
	int r;

	if (!want)
		return 0;
	r = image_from_record(s, rec, &img, err);
	if (r < 0 || platform_rank(want, &img.config.platform) >= 0)
		return r < 0 ? r : 0;
	platform_format(want, text);
	platform_format(&img.config.platform, have);
	return err_set(err, ERR_NOT_FOUND,
		"the image was found but is for %s, not for the wanted platform (%s)", have, text);
}

/*
 * 1 when everything that the pushed manifest names is here, and then it is, too; 0 when not: the
 * name would mean less than before.
 */
static int keep_pushed(struct push_image *i, const char *text, size_t len, struct err *err)
{
	struct digest put;
	int r;

	for (size_t k = 0; k < i->n_items; k++) {
		const struct push_item *item = &i->items[k];

		if (item->foreign || item->twin)
			continue;
		r = blob_has(i->push->store, &item->digest, NULL, err);
		if (r <= 0)
			return r;
	}
	r = blob_put(i->push->store, text, len, &put, err);
	return r < 0 ? r : 1;
}

/* The name says what its registry serves now, if it is this image's name. */
static int remember(struct push_image *i, const struct image_record *rec, const char *text,
	const struct push_result *result, struct err *err)
{
	AUTO(image_record) struct image_record old = { 0 };
	struct push *p = i->push;
	struct image_record now = *rec;
	int r = image_ref_get(p->store, p->to, &old, NULL);

	if (r < 0 || !digest_equal(&old.image_id, &rec->image_id) ||
		(old.from_registry && digest_equal(&old.manifest, &result->digest)))
		return 0;
	r = keep_pushed(i, text, result->size, err);
	if (r <= 0)
		return r;
	now.manifest = result->digest;
	now.index = (struct digest){ 0 };
	now.from_registry = true;
	return image_ref_set(p->store, p->to, &now, err);
}

static int push_record(
	struct push *p, const struct image_record *rec, struct push_result *ret, struct err *err)
{
	AUTO(push_image) struct push_image i = { 0 };
	autofree char *text = NULL;
	int r = check_platform(p->store, rec, p->options->platform, err);

	if (r >= 0)
		r = push_plan(p, &rec->manifest, false, &i, err);
	if (r >= 0)
		r = push_one(&i, p->to->tag, ret, &text, err);
	return r < 0 ? r : remember(&i, rec, text, ret, err);
}

int image_push(struct store *s, const char *name, const struct reference *to,
	const struct push_options *o, struct push_result *ret, struct err *err)
{
	AUTO(push) struct push p = { .store = s, .options = o, .to = to };
	AUTO(image_record) struct image_record rec = { 0 };
	struct document d = { .digest = &rec.manifest, .tag = to->tag };
	int r = push_begin(&p, err);

	if (r >= 0)
		r = image_resolve_record(s, name, &rec, err);
	if (r < 0)
		return r;
	return image_record_is_list(&rec) ? push_document(&p, &d, ret, err)
					  : push_record(&p, &rec, ret, err);
}
