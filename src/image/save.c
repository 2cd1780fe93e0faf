/* Which images are saved, under which names, and with which manifests. */
#include "image/save.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/manifest_rewrite.h"
#include "codec/reference.h"
#include "image/image.h"
#include "image/layer_blob.h"
#include "image/save_priv.h"
#include "store/blob.h"

static void save_done(struct save *sv)
{
	for (size_t i = 0; i < sv->n_images; i++) {
		free(sv->images[i].text);
		manifest_done(&sv->images[i].manifest);
		strv_free(sv->images[i].names);
	}
	free(sv->images);
	for (size_t i = 0; i < sv->n_files; i++) {
		free(sv->files[i].name);
		free(sv->files[i].text);
	}
	free(sv->files);
	store_lease_end(sv->store);
}
DEFINE_AUTO(save, struct save, save_done)

/* Is this layer to be packed? Then it is, and l says what it became. */
static int settle_layer(
	struct save *sv, const struct descriptor *d, struct manifest_layer *l, struct err *err)
{
	AUTO(descriptor) struct descriptor packed = { 0 };
	int r = layer_blob_sniff(sv->store, &d->digest, &l->compression, err);

	if (r < 0 || !sv->options->compress || l->compression != MEDIA_PLAIN)
		return r;
	r = layer_packed(sv->store, d, MEDIA_GZIP, &packed, err);
	if (r < 0)
		return r;
	l->compression = MEDIA_GZIP;
	l->repacked = true;
	l->digest = packed.digest;
	l->size = packed.size;
	return 0;
}

/* OCI's formats take OCI's manifests, docker's directory docker's; the archive takes both. */
static bool wants_docker(enum save_format format, bool is_docker)
{
	if (format == SAVE_DOCKER_DIR)
		return true;
	return format == SAVE_DOCKER_ARCHIVE && is_docker;
}

static int rewrite(struct save *sv, struct save_image *image, struct err *err)
{
	const struct manifest *m = &image->manifest;
	bool is_docker = str_eq(m->media_type, MEDIA_DOCKER_MANIFEST);
	bool docker = wants_docker(sv->options->format, is_docker), changed = docker != is_docker;
	autofree struct manifest_layer *layers = NULL;
	autofree char *text = NULL;
	int r = 0;

	if (!changed && !sv->options->compress)
		return 0;
	layers = NEW_ARRAY(struct manifest_layer, m->n_layers + 1);
	for (size_t i = 0; r >= 0 && i < m->n_layers; i++) {
		r = settle_layer(sv, &m->layers[i], &layers[i], err);
		changed = changed || layers[i].repacked;
	}
	if (r >= 0 && changed)
		r = manifest_rewrite(image->text, image->len, docker, layers, &text, err);
	if (r < 0 || !changed)
		return r;
	free(image->text);
	image->text = TAKE_PTR(text);
	image->len = strlen(image->text);
	manifest_done(&image->manifest);
	image->manifest = (struct manifest){ 0 };
	return manifest_parse(image->text, image->len, NULL, &image->manifest, err);
}

static int read_manifest(struct save *sv, struct save_image *image, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r = blob_read_all(sv->store, &image->record, &b, err);

	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, NULL, &image->manifest, err);
	if (r < 0)
		return r;
	image->len = b.len;
	image->text = buf_take(&b);
	return rewrite(sv, image, err);
}

static int check_platform(
	const struct save *sv, const struct image *img, const char *name, struct err *err)
{
	const struct platform *want = sv->options->platform;
	char text[PLATFORM_TEXT_SIZE];

	if (!want || platform_rank(want, &img->config.platform) >= 0)
		return 0;
	platform_format(want, text);
	return err_set(err, ERR_NOT_FOUND,
		"image with reference %s was found but does not provide the specified platform "
		"(%s)",
		name, text);
}

static struct save_image *find_image(struct save *sv, const struct digest *manifest)
{
	for (size_t i = 0; i < sv->n_images; i++)
		if (digest_equal(&sv->images[i].record, manifest))
			return &sv->images[i];
	return NULL;
}

/* A name by digest says nothing that the archive does not say. */
static void add_name(struct save_image *image, const char *name)
{
	AUTO(reference) struct reference ref = { 0 };

	if (!name || reference_parse(name, &ref, NULL) < 0 || ref.has_digest)
		return;
	if (!strv_contains(image->names, name))
		strv_push(&image->names, name);
}

/* Of a manifest list, the image for the wanted platform, or for this machine. */
static int pick_of_list(const struct save *sv, const struct image_record *list,
	struct image_record *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	AUTO(manifest) struct manifest index = { 0 }, m = { 0 };
	const struct descriptor *child = NULL;
	struct platform host;
	int r = blob_read_all(sv->store, &list->manifest, &b, err);

	platform_host(&host);
	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, NULL, &index, err);
	if (r >= 0)
		r = manifest_pick(
			&index, sv->options->platform ? sv->options->platform : &host, &child, err);
	buf_reset(&b);
	if (r >= 0)
		r = blob_read_all(sv->store, &child->digest, &b, err);
	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, child->media_type, &m, err);
	if (r >= 0 && m.kind != MANIFEST_IMAGE)
		r = err_set(err, ERR_UNSUPPORTED, "a manifest list inside a manifest list");
	if (r < 0)
		return r;
	image_record_copy(list, ret);
	ret->manifest = child->digest;
	ret->image_id = m.config.digest;
	return 0;
}

static int add_record(
	struct save *sv, const struct image_record *rec, const char *name, struct err *err);

static int add_list(
	struct save *sv, const struct image_record *list, const char *name, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	int r = pick_of_list(sv, list, &rec, err);

	return r < 0 ? err_ctx(err, r, "manifest list %s", name) : add_record(sv, &rec, name, err);
}

static int add_record(
	struct save *sv, const struct image_record *rec, const char *name, struct err *err)
{
	struct save_image *image = find_image(sv, &rec->manifest);
	AUTO(image) struct image img = IMAGE_INIT;
	int r;

	if (image_record_is_list(rec))
		return add_list(sv, rec, name, err);
	if (image) {
		add_name(image, rec->reference);
		return 0;
	}
	r = image_from_record(sv->store, rec, &img, err);
	if (r >= 0)
		r = check_platform(sv, &img, name, err);
	if (r < 0)
		return r;
	GROW(sv->images, sv->n_images, sv->cap_images);
	image = &sv->images[sv->n_images++];
	*image = (struct save_image){ .record = rec->manifest };
	add_name(image, rec->reference);
	r = read_manifest(sv, image, err);
	return r < 0 ? err_ctx(err, r, "image %s", name) : 0;
}

/* Every tag of a repository, as docker takes a name without one. Returns how many. */
static int add_repository(struct save *sv, const struct reference *want, struct err *err)
{
	autofree char *repository = reference_repository(want);
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(sv->store, &list, err), n = 0;

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		AUTO(reference) struct reference ref = { 0 };
		autofree char *have = NULL, *shown = NULL;

		if (!list.items[i].reference ||
			reference_parse(list.items[i].reference, &ref, NULL) < 0 || ref.has_digest)
			continue;
		have = reference_repository(&ref);
		if (!str_eq(have, repository))
			continue;
		shown = reference_familiar(&ref);
		r = add_record(sv, &list.items[i], shown, err);
		n++;
	}
	return r < 0 ? r : n;
}

static int add_image(struct save *sv, const char *name, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(name, &ref, NULL);

	/* One directory holds one image: there the name means its latest. */
	if (r >= 0 && ref.tag_implied && sv->options->format != SAVE_DOCKER_DIR) {
		r = add_repository(sv, &ref, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = image_resolve_record(sv->store, name, &rec, err);
	return r < 0 ? r : add_record(sv, &rec, name, err);
}

int image_save(
	struct store *s, char *const *names, const struct save_options *options, struct err *err)
{
	AUTO(save) struct save sv = { .store = s, .options = options };
	int r = store_lease_begin(s, err);

	STRV_FOREACH (name, names)
		if (r >= 0)
			r = add_image(&sv, name, err);
	if (r >= 0 && options->format == SAVE_DOCKER_DIR && sv.n_images > 1)
		r = err_set(err, ERR_USAGE, "a docker-dir holds one image, not %zu", sv.n_images);
	if (r >= 0)
		r = save_collect(&sv, err);
	return r < 0 ? r : save_write(&sv, err);
}
