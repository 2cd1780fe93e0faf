#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "image/pull_priv.h"
#include "store/layer.h"

#define MAX_INDEX_DEPTH 4 /* an index of indexes of ... */

static void progress_layer_ids(struct pull *p)
{
	const struct pull_progress *progress = &p->options->progress;
	autofree struct digest *ids = NEW_ARRAY(struct digest, p->n_layers + 1);

	for (size_t i = 0; i < p->n_layers; i++)
		ids[i] = p->manifest.layers[i].digest;
	if (progress->begin)
		progress->begin(progress->ctx, ids, p->n_layers);
}

/* --- is there anything to do? --- */

/* Of an image that was damaged a layer or its blob may be missing: then it is fetched again. */
static int has_layers(struct pull *p, const struct image_record *record,
	const struct image_config *config, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(CLIENT_MAX_MANIFEST);
	AUTO(manifest) struct manifest m = { 0 };
	autofree struct digest *chain_ids = NEW_ARRAY(struct digest, config->n_diff_ids + 1);
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];
	int r = blob_read_all(p->store, &record->manifest, &text, err);

	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r >= 0)
		r = manifest_parse(buf_str(&text), text.len, NULL, &m, err);
	if (r < 0)
		return r;
	idmap_key(&p->map, key);
	layer_chain_ids(config->diff_ids, config->n_diff_ids, chain_ids);
	r = m.n_layers == config->n_diff_ids;
	for (size_t i = 0; r > 0 && i < m.n_layers; i++) {
		layer_make_id(&chain_ids[i], key, id);
		r = blob_has(p->store, &m.layers[i].digest, NULL, err);
		if (r > 0)
			r = layer_has(p->store, id, err);
	}
	return r;
}

/* Has the image that the record names all that a run needs, on the platform that is wanted? */
static int record_is_usable(struct pull *p, const struct image_record *record, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	AUTO(image_config) struct image_config config = { 0 };
	int r = blob_read_all(p->store, &record->image_id, &text, err);

	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r >= 0)
		r = image_config_parse(buf_str(&text), text.len, &config, err);
	if (r < 0)
		return r;
	if (platform_rank(&p->platform, &config.platform) < 0)
		return 0;
	return has_layers(p, record, &config, err);
}

static bool record_has(const struct image_record *record, const struct digest *digest)
{
	return digest_equal(&record->manifest, digest) || digest_equal(&record->index, digest);
}

int pull_is_current(struct pull *p, struct err *err)
{
	AUTO(image_record) struct image_record record = { 0 };
	struct digest now;
	int r = image_ref_get(p->store, &p->ref, &record, err);

	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r < 0 || !record.from_registry)
		return r < 0 ? r : 0;
	r = record_is_usable(p, &record, err);
	if (r <= 0)
		return r;
	now = p->ref.digest;
	if (!p->ref.has_digest) {
		r = pull_ask_head(p, &now, err);
		if (r <= 0)
			return r;
	}
	if (!record_has(&record, &now))
		return 0;
	p->record = record;
	record = (struct image_record){ 0 };
	return 1;
}

/* --- manifest --- */

/* Bytes by digest: from the store when they are there. *ret is NULL when they are not. */
static int read_local(struct pull *p, const struct digest *digest, size_t max, char **ret,
	size_t *ret_len, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(max);
	int r = blob_read_all(p->store, digest, &b, err);

	*ret = NULL;
	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	*ret_len = b.len;
	*ret = buf_take(&b);
	return 0;
}

/* What the descriptor holds itself: verified when it was read (codec/manifest.h). */
static int copy_embedded(const struct descriptor *d, char **ret, size_t *ret_len)
{
	*ret = xmemdup(d->data, (size_t)d->size + 1);
	*ret_len = (size_t)d->size;
	return 0;
}

/* The document that `want` names, stored as a blob. `size` is its descriptor's, 0 = unknown. */
static int fetch_manifest(struct pull *p, const char *want, const struct descriptor *child,
	struct client_manifest *ret, struct err *err)
{
	struct digest put;
	int r;

	if (child) {
		r = read_local(p, &child->digest, CLIENT_MAX_MANIFEST, &ret->bytes, &ret->len, err);
		if (r < 0)
			return r;
		ret->digest = child->digest;
	}
	if (!ret->bytes) {
		r = child && child->data ? copy_embedded(child, &ret->bytes, &ret->len)
					 : pull_ask_manifest(p, child ? want : NULL, ret, err);
		if (r < 0)
			return r;
		r = blob_put(p->store, ret->bytes, ret->len, &put, err);
		if (r < 0)
			return r;
	}
	if (child && child->size != ret->len)
		return err_set(err, ERR_DIGEST, "manifest %s has %zu bytes, its index says %llu",
			want, ret->len, (unsigned long long)child->size);
	return 0;
}

/* One level: p->manifest is what `want` names. */
static int load_manifest(struct pull *p, const char *want, const struct descriptor *child,
	struct digest *ret_digest, struct err *err)
{
	AUTO(client_manifest) struct client_manifest m = { 0 };
	struct manifest parsed = { 0 };
	int r = fetch_manifest(p, want, child, &m, err);

	if (r < 0)
		return r;
	r = manifest_parse(m.bytes, m.len,
		m.content_type ? m.content_type : (child ? child->media_type : NULL), &parsed, err);
	if (r < 0)
		return err_ctx(err, r, "manifest %s", want);
	/* `child` points into the manifest that goes away here. */
	manifest_done(&p->manifest);
	p->manifest = parsed;
	*ret_digest = m.digest;
	return 0;
}

static int find_manifest(struct pull *p, struct err *err)
{
	const char *want = p->ref.has_digest ? p->ref.digest.text : p->ref.tag;
	const struct descriptor *child = NULL;
	struct digest digest;
	int r = load_manifest(p, want, NULL, &digest, err);

	for (int depth = 0; r >= 0 && p->manifest.kind == MANIFEST_INDEX; depth++) {
		char text[DIGEST_TEXT_LEN + 1];

		if (depth == MAX_INDEX_DEPTH)
			return err_set(err, ERR_LIMIT, "indexes are nested more than %d deep",
				MAX_INDEX_DEPTH);
		if (depth == 0)
			p->record.index = digest;
		r = manifest_pick(&p->manifest, &p->platform, &child, err);
		if (r < 0)
			return r;
		memcpy(text, child->digest.text, sizeof(text));
		r = load_manifest(p, text, child, &digest, err);
	}
	if (r < 0)
		return r;
	p->record.manifest = digest;
	return manifest_check_runnable(&p->manifest, err);
}

/* --- config --- */

static int fetch_config(struct pull *p, char **ret, size_t *ret_len, struct err *err)
{
	const struct descriptor *d = &p->manifest.config;
	struct digest put;
	int r = read_local(p, &d->digest, CLIENT_MAX_CONFIG, ret, ret_len, err);

	if (r < 0 || *ret)
		return r;
	r = d->data ? copy_embedded(d, ret, ret_len) : pull_ask_blob(p, d, ret, err);
	if (r < 0)
		return r;
	*ret_len = (size_t)d->size;
	return blob_put(p->store, *ret, *ret_len, &put, err);
}

/*
 * An index was searched for the platform; a manifest alone is taken as it is, unless a platform
 * was asked for.
 */
static int check_platform(struct pull *p, struct err *err)
{
	char want[PLATFORM_TEXT_SIZE], have[PLATFORM_TEXT_SIZE];

	if (platform_rank(&p->platform, &p->config.platform) >= 0)
		return 0;
	platform_format(&p->platform, want);
	platform_format(&p->config.platform, have);
	if (p->options->platform)
		return err_set(err, ERR_NOT_FOUND,
			"the image's platform (%s) does not match the wanted one (%s)", have, want);
	log_warn("the image's platform (%s) does not match this host's (%s)", have, want);
	return 0;
}

static int read_config(struct pull *p, struct err *err)
{
	autofree char *text = NULL;
	size_t len = 0;
	int r = fetch_config(p, &text, &len, err);

	if (r < 0)
		return err_ctx(err, r, "config");
	r = image_config_parse(text, len, &p->config, err);
	if (r >= 0)
		r = image_config_check_layers(&p->config, p->manifest.n_layers, err);
	if (r < 0)
		return err_ctx(err, r, "config %s", p->manifest.config.digest.text);
	p->record.image_id = p->manifest.config.digest;
	p->record.from_registry = true;
	return check_platform(p, err);
}

/* --- layers --- */

static int layer_is_here(struct pull *p, size_t i, struct err *err)
{
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];
	int r = blob_has(p->store, &p->manifest.layers[i].digest, NULL, err);

	if (r <= 0)
		return r;
	idmap_key(&p->map, key);
	layer_make_id(&p->chain_ids[i], key, id);
	return layer_has(p->store, id, err);
}

static int list_layers(struct pull *p, uint64_t *ret_missing, struct err *err)
{
	*ret_missing = 0;
	p->n_layers = p->manifest.n_layers;
	p->chain_ids = NEW_ARRAY(struct digest, p->n_layers + 1);
	p->layers = NEW_ARRAY(struct pull_layer, p->n_layers + 1);
	layer_chain_ids(p->config.diff_ids, p->n_layers, p->chain_ids);
	for (size_t i = 0; i < p->n_layers; i++) {
		struct pull_layer *l = &p->layers[i];
		int r = layer_is_here(p, i, err);

		if (r < 0)
			return r;
		l->pull = p;
		l->index = i;
		l->blob = &p->manifest.layers[i];
		l->state = r > 0 ? PULL_DONE : PULL_PENDING;
		if (r == 0)
			*ret_missing += l->blob->size;
	}
	return 0;
}

/* What cannot fit in any case is refused before a byte is fetched. */
static int check_space(struct pull *p, uint64_t missing, struct err *err)
{
	struct statvfs st;
	uint64_t room;

	if (missing == 0 || fstatvfs(store_dirfd(p->store), &st) < 0)
		return 0;
	room = (uint64_t)st.f_bavail * st.f_frsize;
	if (room > missing)
		return 0;
	return err_sys(err, ENOSPC, "%s: the layers have %llu bytes, there is room for %llu",
		store_path(p->store), (unsigned long long)missing, (unsigned long long)room);
}

int pull_make_plan(struct pull *p, struct err *err)
{
	uint64_t missing;
	int r = find_manifest(p, err);

	if (r >= 0)
		r = read_config(p, err);
	if (r >= 0)
		r = list_layers(p, &missing, err);
	if (r >= 0)
		r = check_space(p, missing, err);
	if (r < 0)
		return r;
	progress_layer_ids(p);
	for (size_t i = 0; i < p->n_layers; i++)
		pull_layer_report(&p->layers[i],
			p->layers[i].state == PULL_DONE ? PULL_EXISTS : PULL_WAITING);
	return 0;
}
