#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/compress.h"
#include "codec/image_config.h"
#include "image/push_priv.h"

void push_image_done(struct push_image *i)
{
	free(i->items);
	free(i->bytes);
	manifest_done(&i->manifest);
	strv_free(i->sources);
	*i = (struct push_image){ 0 };
}

static int read_manifest(
	struct push *p, const struct digest *digest, struct push_image *i, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r = blob_read_all(p->store, digest, &b, err);

	if (r < 0)
		return r;
	i->digest = *digest;
	i->len = b.len;
	i->bytes = buf_take(&b);
	return manifest_parse(i->bytes, i->len, NULL, &i->manifest, err);
}

/* --- what other images tell --- */

/* Does some repository serve these very bytes? Then they are not ours to change. */
static bool is_served(const struct push *p, const struct digest *manifest)
{
	for (size_t k = 0; k < p->records.n; k++) {
		const struct image_record *rec = &p->records.items[k];

		if (rec->from_registry && digest_equal(&rec->manifest, manifest))
			return true;
	}
	return false;
}

static void add_source(struct push_image *i, const struct image_record *rec, const char *path)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	AUTO(manifest) struct manifest m = { 0 };

	if (blob_read_all(i->push->store, &rec->manifest, &b, NULL) < 0 ||
		manifest_parse(buf_str(&b), b.len, NULL, &m, NULL) < 0 || m.kind != MANIFEST_IMAGE)
		return;
	strv_pushf(&i->sources, "%s %s", m.config.digest.text, path);
	for (size_t k = 0; k < m.n_layers; k++)
		strv_pushf(&i->sources, "%s %s", m.layers[k].digest.text, path);
}

/* Other repositories of that registry, and what they are known to have. */
static void find_sources(struct push_image *i)
{
	const struct push *p = i->push;

	for (size_t k = 0; k < p->records.n; k++) {
		const struct image_record *rec = &p->records.items[k];
		AUTO(reference) struct reference ref = { 0 };

		if (!rec->from_registry || !rec->reference ||
			reference_parse(rec->reference, &ref, NULL) < 0)
			continue;
		if (str_eq(ref.domain, p->to->domain) && !str_eq(ref.path, p->to->path))
			add_source(i, rec, ref.path);
	}
}

/* --- layers --- */

static enum media_compression wanted(const struct push_options *o)
{
	return o->compression == MEDIA_PLAIN ? MEDIA_GZIP : o->compression;
}

/* By its bytes; by its type where the bytes are not here. */
static int packing_of(
	struct push *p, const struct descriptor *d, enum media_compression *ret, struct err *err)
{
	struct media m;
	int r = layer_blob_sniff(p->store, &d->digest, ret, err);

	if (r != -ERR_NOT_FOUND)
		return r;
	media_classify(d->media_type, &m);
	*ret = m.compression;
	return 1;
}

static int plan_layer(struct push_item *item, bool may_change, struct err *err)
{
	struct push *p = item->image->push;
	struct media m;
	int r;

	media_classify(item->blob->media_type, &m);
	item->foreign = m.foreign && item->blob->urls;
	item->packing = m.compression;
	if (item->foreign || m.kind != MEDIA_KIND_LAYER)
		return 0;
	r = packing_of(p, item->blob, &item->packing, err);
	if (r != 0 || !may_change)
		return r < 0 ? r : 0;
	if (item->packing == MEDIA_PLAIN ||
		(p->options->force && item->packing != wanted(p->options))) {
		item->repack = true;
		item->packing = wanted(p->options);
	}
	return 0;
}

static const struct push_item *find_twin(const struct push_image *i, size_t index)
{
	for (size_t k = 0; k < index; k++)
		if (digest_equal(&i->items[k].blob->digest, &i->items[index].blob->digest))
			return &i->items[k];
	return NULL;
}

static int plan_items(struct push_image *i, bool may_change, struct err *err)
{
	const struct manifest *m = &i->manifest;

	i->n_items = m->n_layers + 1;
	i->items = NEW_ARRAY(struct push_item, i->n_items);
	for (size_t k = 0; k < i->n_items; k++) {
		struct push_item *item = &i->items[k];
		int r;

		item->image = i;
		item->index = k;
		item->fd = -EBADF;
		item->is_config = k == m->n_layers;
		item->blob = item->is_config ? &m->config : &m->layers[k];
		item->digest = item->blob->digest;
		item->size = item->blob->size;
		item->twin = find_twin(i, k);
		r = item->is_config ? 0 : plan_layer(item, may_change, err);
		if (r < 0)
			return err_ctx(err, r, "layer %.19s", item->blob->digest.text);
	}
	return 0;
}

/* --- format --- */

static bool has_zstd(const struct push_image *i)
{
	for (size_t k = 0; k < i->manifest.n_layers; k++)
		if (!i->items[k].foreign && i->items[k].packing == MEDIA_ZSTD)
			return true;
	return false;
}

static bool is_docker(const struct push_image *i)
{
	struct media m;

	media_classify(i->manifest.media_type, &m);
	return m.docker;
}

static bool is_repacked(const struct push_image *i)
{
	for (size_t k = 0; k < i->n_items; k++)
		if (i->items[k].repack)
			return true;
	return false;
}

/* docker has no type for zstd: such an image becomes OCI's, unless docker's was asked for. */
static int choose_format(struct push_image *i, bool as_is, struct err *err)
{
	enum push_format want = i->push->options->format;

	i->docker = is_docker(i);
	if (as_is)
		return 0;
	if (want == PUSH_AS_IS && i->docker && is_repacked(i) && has_zstd(i))
		want = PUSH_OCI;
	if (want == PUSH_DOCKER && has_zstd(i))
		return err_set(err, ERR_UNSUPPORTED,
			"docker's manifest format has no zstd layers: use --format oci, or "
			"--compression-format gzip");
	if (want != PUSH_AS_IS)
		i->docker = want == PUSH_DOCKER;
	return 0;
}

bool push_is_unchanged(const struct push_image *i)
{
	return i->docker == is_docker(i) && !is_repacked(i);
}

/* --- names for progress --- */

static void announce(struct push_image *i)
{
	const struct push_progress *progress = &i->push->options->progress;
	size_t n = i->manifest.n_layers;
	autofree struct digest *names = NEW_ARRAY(struct digest, n + 1);
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	AUTO(image_config) struct image_config config = { 0 };
	bool known = blob_read_all(i->push->store, &i->manifest.config.digest, &b, NULL) >= 0 &&
		     image_config_parse(buf_str(&b), b.len, &config, NULL) >= 0 &&
		     config.n_diff_ids == n;

	for (size_t k = 0; k < n; k++)
		names[k] = known ? config.diff_ids[k] : i->manifest.layers[k].digest;
	i->first = i->push->announced;
	i->push->announced += n;
	if (progress->begin)
		progress->begin(progress->ctx, names, n);
}

int push_plan(struct push *p, const struct digest *manifest, bool as_is, struct push_image *i,
	struct err *err)
{
	bool change = !as_is && (p->options->force || !is_served(p, manifest));
	int r;

	i->push = p;
	r = compress_check_level(wanted(p->options), p->options->level, &i->level, err);
	if (r < 0)
		return r;
	r = read_manifest(p, manifest, i, err);
	if (r >= 0 && i->manifest.kind != MANIFEST_IMAGE)
		r = err_set(err, ERR_FORMAT, "an index, not an image");
	if (r < 0)
		return err_ctx(err, r, "manifest %.19s", manifest->text);
	r = plan_items(i, change, err);
	if (r >= 0)
		r = choose_format(i, as_is, err);
	if (r < 0)
		return r;
	find_sources(i);
	announce(i);
	return 0;
}

int push_is_whole(const struct push_image *i, struct err *err)
{
	int r = 1;

	for (size_t k = 0; r == 1 && k < i->n_items; k++)
		if (!i->items[k].foreign)
			r = blob_has(i->push->store, &i->items[k].blob->digest, NULL, err);
	return r;
}

int push_manifest_text(const struct push_image *i, char **ret, size_t *ret_len, struct err *err)
{
	autofree struct manifest_layer *layers =
		NEW_ARRAY(struct manifest_layer, i->manifest.n_layers + 1);
	int r;

	if (push_is_unchanged(i)) {
		*ret = xstrndup(i->bytes, i->len);
		*ret_len = i->len;
		return 0;
	}
	for (size_t k = 0; k < i->manifest.n_layers; k++) {
		const struct push_item *item = &i->items[k];
		const struct push_item *from = item->twin ? item->twin : item;

		layers[k] = (struct manifest_layer){
			.compression = item->packing,
			.repacked = item->repack,
			.digest = from->digest,
			.size = from->size,
		};
	}
	r = manifest_rewrite(i->bytes, i->len, i->docker, layers, ret, err);
	if (r < 0)
		return r;
	*ret_len = strlen(*ret);
	return 0;
}
