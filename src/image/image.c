/* Which image is meant, and its layers ready for use. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/manifest.h"
#include "image/layer_unpack.h"
#include "registry/registries.h"
#include "store/blob.h"

#define META_MAX (64U << 10)

void image_done(struct image *img)
{
	image_record_done(&img->record);
	image_config_done(&img->config);
	free(TAKE_PTR(img->config_json));
	for (size_t i = 0; i < img->n_layers; i++)
		(void)fd_close(img->layers[i].fd);
	free(TAKE_PTR(img->layers));
	img->n_layers = 0;
}

static void set_layers(struct image *img)
{
	size_t n = img->config.n_diff_ids;
	autofree struct digest *chain_ids = NEW_ARRAY(struct digest, n + 1);

	layer_chain_ids(img->config.diff_ids, n, chain_ids);
	img->layers = NEW_ARRAY(struct image_layer, n + 1);
	img->n_layers = n;
	for (size_t i = 0; i < n; i++) {
		img->layers[i].chain_id = chain_ids[i];
		img->layers[i].fd = -EBADF;
	}
}

int image_from_record(
	struct store *s, const struct image_record *record, struct image *ret, struct err *err)
{
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	int r = blob_read_all(s, &record->image_id, &b, err);

	if (r >= 0)
		r = image_config_parse(buf_str(&b), b.len, &img.config, err);
	if (r < 0)
		return err_ctx(err, r, "image %.19s", record->image_id.text);
	image_record_copy(record, &img.record);
	img.config_len = b.len;
	img.config_json = buf_take(&b);
	set_layers(&img);
	*ret = img;
	img = (struct image)IMAGE_INIT;
	return 0;
}

/* "sha256:" and hex digits, or only hex digits: what an image id may begin with; else NULL. */
static const char *id_prefix(const char *name)
{
	const char *hex = str_after(name, "sha256:");
	size_t len;

	if (!hex)
		hex = name;
	len = strlen(hex);
	return len > 0 && len <= DIGEST_HEX_LEN && str_is_hex_lower(hex, len) ? hex : NULL;
}

static int find_by_id(const struct image_list *list, const char *hex,
	const struct image_record **ret, struct err *err)
{
	const struct image_record *found = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct image_record *rec = &list->items[i];

		if (!str_after(digest_hex(&rec->image_id), hex))
			continue;
		if (found && !digest_equal(&found->image_id, &rec->image_id))
			return err_set(err, ERR_USAGE,
				"image id %s is ambiguous: it begins several ids", hex);
		if (!found)
			found = rec;
	}
	*ret = found;
	return 0;
}

/* name@digest finds what any tag of that repository was pulled as. */
static const struct image_record *find_by_repo_digest(
	const struct image_list *list, const struct reference *want)
{
	autofree char *repository = reference_repository(want);

	for (size_t i = 0; i < list->n; i++) {
		const struct image_record *rec = &list->items[i];
		AUTO(reference) struct reference ref = { 0 };
		autofree char *have = NULL;

		if (!rec->reference || (!digest_equal(&rec->manifest, &want->digest) &&
					       !digest_equal(&rec->index, &want->digest)))
			continue;
		if (reference_parse(rec->reference, &ref, NULL) < 0)
			continue;
		have = reference_repository(&ref);
		if (str_eq(have, repository))
			return rec;
	}
	return NULL;
}

static int not_found(const char *name, const struct reference *ref, struct err *err)
{
	autofree char *shown = ref ? reference_familiar(ref) : xstrdup(name);

	return err_set(err, ERR_NOT_FOUND, "No such image: %s", shown);
}

/* The slow ways: an id, its beginning, or name@digest. `ref` is NULL when name is no reference. */
static int find_in_list(struct store *s, const char *name, const struct reference *ref,
	struct image_record *ret, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	const struct image_record *found = NULL;
	const char *hex = id_prefix(name);
	int r;

	if (!hex && !(ref && ref->has_digest))
		return not_found(name, ref, err);
	r = image_ref_list(s, &list, err);
	if (r < 0)
		return r;
	if (hex)
		r = find_by_id(&list, hex, &found, err);
	else
		found = find_by_repo_digest(&list, ref);
	if (r < 0)
		return r;
	if (!found)
		return not_found(name, ref, err);
	image_record_copy(found, ret);
	if (hex)
		free(TAKE_PTR(ret->reference));
	return 0;
}

/* What a short name was pulled as, by an alias or from a registry of the search list. */
static int find_by_short_name(struct store *s, const char *name, struct image_record *ret)
{
	AUTO(short_name) struct short_name names = { 0 };
	int r = registries_expand(name, &names, NULL);

	if (r < 0)
		return r;
	strv_pushf(&names.candidates, "localhost/%s", name);
	STRV_FOREACH (candidate, names.candidates) {
		AUTO(reference) struct reference ref = { 0 };

		if (reference_parse(candidate, &ref, NULL) >= 0 &&
			image_ref_get(s, &ref, ret, NULL) >= 0)
			return 0;
	}
	return -ERR_NOT_FOUND;
}

int image_resolve_record(
	struct store *s, const char *name, struct image_record *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r;

	if (str_after(name, "sha256:") && id_prefix(name))
		return find_in_list(s, name, NULL, ret, err);
	r = reference_parse(name, &ref, err);
	if (r < 0)
		return id_prefix(name) ? find_in_list(s, name, NULL, ret, err) : r;
	r = image_ref_get(s, &ref, ret, err);
	if (r != -ERR_NOT_FOUND)
		return r;
	r = find_in_list(s, name, &ref, ret, err);
	if (r == -ERR_NOT_FOUND && find_by_short_name(s, name, ret) >= 0)
		return 0;
	return r;
}

static int parse_blob(
	struct store *s, const struct digest *digest, struct manifest *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r = blob_read_all(s, digest, &b, err);

	return r < 0 ? r : manifest_parse(buf_str(&b), b.len, NULL, ret, err);
}

/* From a manifest list to the image in it that is for this host. */
static int pick_from_list(struct store *s, struct image_record *rec, struct err *err)
{
	AUTO(manifest) struct manifest list = { 0 }, child = { 0 };
	const struct descriptor *picked;
	struct platform host;
	int r = parse_blob(s, &rec->index, &list, err);

	platform_host(&host);
	if (r >= 0)
		r = manifest_pick(&list, &host, &picked, err);
	if (r >= 0)
		r = parse_blob(s, &picked->digest, &child, err);
	if (r >= 0 && child.kind != MANIFEST_IMAGE)
		r = err_set(
			err, ERR_UNSUPPORTED, "%s is a list inside a list", picked->digest.text);
	if (r < 0)
		return err_ctx(err, r, "manifest list %.19s", rec->index.text);
	rec->manifest = picked->digest;
	rec->image_id = child.config.digest;
	return 0;
}

int image_resolve(struct store *s, const char *name, struct image *ret, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	int r = image_resolve_record(s, name, &rec, err);

	if (r >= 0 && image_record_is_list(&rec))
		r = pick_from_list(s, &rec, err);
	return r < 0 ? r : image_from_record(s, &rec, ret, err);
}

static int read_manifest(
	struct store *s, const struct image *img, struct manifest *ret, struct err *err)
{
	int r = parse_blob(s, &img->record.manifest, ret, err);

	return r < 0 ? err_ctx(err, r, "manifest of image %.19s", img->record.image_id.text) : 0;
}

static int unpack_layer(struct store *s, const struct image *img, size_t i,
	const struct digest *blob, const struct idmap *map, struct err *err)
{
	autofree struct digest *chain_ids = NEW_ARRAY(struct digest, img->n_layers);
	struct layer_unpack *job = NULL;
	autofd int fd = -EBADF;
	uint64_t size = 0;
	struct stat st;
	int r;

	for (size_t k = 0; k < img->n_layers; k++)
		chain_ids[k] = img->layers[k].chain_id;
	r = blob_open(s, blob, &fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat blob %s", blob->text);
	size = (uint64_t)st.st_size;
	r = layer_unpack_begin(s,
		&(struct layer_unpack_args){
			.chain_ids = chain_ids,
			.index = i,
			.diff_id = &img->config.diff_ids[i],
			.blob = blob,
			.map = map,
			.blob_fd = fd,
		},
		&job, err);
	if (r != 0)
		return r < 0 ? r : 0;
	layer_unpack_end(job, size);
	return layer_unpack_finish(job, err);
}

/* From layer `first` on, bottom up: each one may link to files of those below. */
static int unpack_missing(
	struct store *s, struct image *img, size_t first, const struct idmap *map, struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	int r = read_manifest(s, img, &m, err);

	if (r >= 0)
		r = image_config_check_layers(&img->config, m.n_layers, err);
	if (r < 0)
		return r;
	for (size_t i = first; i < img->n_layers; i++) {
		struct image_layer *layer = &img->layers[i];

		r = unpack_layer(s, img, i, &m.layers[i].digest, map, err);
		if (r >= 0)
			r = layer_open_fs(s, layer->id, &layer->fd, err);
		if (r < 0)
			return err_ctx(err, r, "layer %.19s", m.layers[i].digest.text);
	}
	return store_sync(s, err);
}

int image_ensure_layers(
	struct store *s, struct image *img, const struct idmap *map, struct err *err)
{
	char key[IDMAP_KEY_SIZE];
	size_t present = img->n_layers;

	idmap_key(map, key);
	for (size_t i = 0; i < img->n_layers; i++) {
		struct image_layer *layer = &img->layers[i];
		int r;

		layer_make_id(&layer->chain_id, key, layer->id);
		if (i > present)
			continue;
		layer->fd = fd_close(layer->fd);
		r = layer_open_fs(s, layer->id, &layer->fd, err);
		if (r == -ERR_NOT_FOUND)
			present = i;
		else if (r < 0)
			return r;
	}
	return present < img->n_layers ? unpack_missing(s, img, present, map, err) : 0;
}

/* fileBytes of meta.json; false when the layer is not unpacked for this map. */
static bool unpacked_size(struct store *s, const char *id, uint64_t *ret)
{
	AUTO(buf) struct buf b = BUF_INIT(META_MAX);
	AUTO(json) struct json *meta = NULL;
	int64_t n;

	if (layer_read_meta(s, id, &b, NULL) < 0 || json_parse(buf_str(&b), b.len, &meta, NULL) < 0)
		return false;
	if (!json_int(json_get(meta, "fileBytes"), &n) || n < 0)
		return false;
	*ret = (uint64_t)n;
	return true;
}

void image_layer_sizes(
	struct store *s, const struct image *img, const struct idmap *map, uint64_t *ret)
{
	AUTO(manifest) struct manifest m = { 0 };
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];
	bool lost = false;

	idmap_key(map, key);
	for (size_t i = 0; i < img->n_layers; i++) {
		ret[i] = 0;
		layer_make_id(&img->layers[i].chain_id, key, id);
		if (unpacked_size(s, id, &ret[i]) || lost)
			continue;
		if (!m.n_layers && read_manifest(s, img, &m, NULL) < 0)
			lost = true;
		else if (i < m.n_layers)
			ret[i] = m.layers[i].size;
	}
}

uint64_t image_size(struct store *s, const struct image *img, const struct idmap *map)
{
	autofree uint64_t *sizes = NEW_ARRAY(uint64_t, img->n_layers + 1);
	uint64_t total = 0;

	image_layer_sizes(s, img, map, sizes);
	for (size_t i = 0; i < img->n_layers; i++)
		total += sizes[i];
	return total;
}
