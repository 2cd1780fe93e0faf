/*
 * The archive of `docker save`: manifest.json names a config and the layers' files of each image.
 * There is no OCI manifest in it, so one is written, over the layers as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/image_config.h"
#include "codec/layout.h"
#include "codec/manifest.h"
#include "image/load_priv.h"
#include "store/blob.h"

#define INDEX_MAX (4U << 20)

static const char *layer_media_type(enum media_compression c)
{
	switch (c) {
	case MEDIA_GZIP:
		return MEDIA_OCI_LAYER_GZIP;
	case MEDIA_ZSTD:
		return MEDIA_OCI_LAYER_ZSTD;
	case MEDIA_PLAIN:
	case MEDIA_XZ:
	case MEDIA_BZIP2:
		break;
	}
	return MEDIA_OCI_LAYER;
}

/* Plain layers are compared here; a packed one's diff id is known when it is unpacked. */
static int take_layer(struct load_job *job, const char *name, const struct digest *diff_id,
	struct descriptor *ret, struct err *err)
{
	struct spool_file *file = NULL;
	int r = spool_find(&job->spool, name, &file, err);

	if (r == 0)
		r = err_set(err, ERR_FORMAT, "layer %s is not in the archive", name);
	if (r < 0)
		return r;
	if (file->compression == MEDIA_XZ || file->compression == MEDIA_BZIP2)
		return err_set(err, ERR_UNSUPPORTED, "layer %s is packed with %s", name,
			media_compression_name(file->compression));
	if (file->compression == MEDIA_PLAIN && !digest_equal(&file->digest, diff_id))
		return err_set(err, ERR_DIGEST, "layer %s: content is %s, the config says %s", name,
			file->digest.text, diff_id->text);
	ret->media_type = xstrdup(layer_media_type(file->compression));
	ret->digest = file->digest;
	ret->size = file->size;
	return spool_adopt(&job->spool, file, err);
}

static int take_layers(struct load_job *job, const struct docker_image *image,
	const struct image_config *config, struct manifest *m, struct err *err)
{
	size_t n = strv_len(image->layers);
	int r = image_config_check_layers(config, n, err);

	if (r < 0)
		return r;
	m->layers = NEW_ARRAY(struct descriptor, n + 1);
	m->n_layers = n;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = take_layer(job, image->layers[i], &config->diff_ids[i], &m->layers[i], err);
	return r;
}

static int take_names(struct load_item *item, char *const *tags, struct err *err)
{
	STRV_FOREACH (tag, tags) {
		AUTO(reference) struct reference ref = { 0 };
		int r = reference_parse(tag, &ref, err);

		if (r < 0)
			return err_ctx(err, r, "name \"%s\"", tag);
		strv_push_take(&item->names, reference_format(&ref));
	}
	return 0;
}

static int load_one(struct load_job *job, const struct docker_image *image, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	AUTO(image_config) struct image_config config = { 0 };
	AUTO(manifest) struct manifest m = { .kind = MANIFEST_IMAGE };
	struct load_item *item = load_add_item(job);
	autofree char *text = NULL;
	int r = spool_load(&job->spool, image->config, &b, err);

	if (r >= 0)
		r = image_config_parse(buf_str(&b), b.len, &config, err);
	if (r < 0)
		return err_ctx(err, r, "%s", image->config);
	r = load_check_platform(
		job, &config.platform, image->repo_tags ? image->repo_tags[0] : NULL, err);
	if (r < 0)
		return r;
	r = take_layers(job, image, &config, &m, err);
	/* The image id is the digest of the bytes; what the file is called proves nothing. */
	if (r >= 0)
		r = blob_put(job->store, buf_str(&b), b.len, &item->record.image_id, err);
	if (r < 0)
		return r;
	m.media_type = xstrdup(MEDIA_OCI_MANIFEST);
	m.config.media_type = xstrdup(MEDIA_OCI_CONFIG);
	m.config.digest = item->record.image_id;
	m.config.size = b.len;
	text = manifest_format(&m);
	r = blob_put(job->store, text, strlen(text), &item->record.manifest, err);
	return r < 0 ? r : take_names(item, image->repo_tags, err);
}

int load_docker(struct load_job *job, struct err *err)
{
	AUTO(docker_archive) struct docker_archive archive = { 0 };
	AUTO(buf) struct buf b = BUF_INIT(INDEX_MAX);
	int r = spool_load(&job->spool, LAYOUT_FILE_DOCKER, &b, err);

	if (r >= 0)
		r = docker_archive_parse(buf_str(&b), b.len, &archive, err);
	if (r < 0)
		return err_ctx(err, r, LAYOUT_FILE_DOCKER);
	for (size_t i = 0; r >= 0 && i < archive.n_images; i++)
		r = load_one(job, &archive.images[i], err);
	if (r >= 0 && !archive.n_images)
		r = err_set(err, ERR_FORMAT, LAYOUT_FILE_DOCKER " lists no image");
	return r;
}
