/*
 * OCI image layout, as an archive or a directory. Each descriptor of index.json is an image, or an
 * index of which the machine's platform is taken. Blobs keep their bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/image_config.h"
#include "codec/json.h"
#include "codec/layout.h"
#include "codec/manifest.h"
#include "image/load_priv.h"
#include "store/blob.h"

#define ATTESTATION "vnd.docker.reference.type"
#define MAX_NESTING 4

static int read_index(struct load_job *job, struct manifest *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	struct spool_file *file;
	int r = spool_find(&job->spool, LAYOUT_FILE_OCI, &file, err);

	if (r > 0) {
		r = spool_load(&job->spool, LAYOUT_FILE_OCI, &b, err);
		if (r >= 0)
			r = layout_check_version(buf_str(&b), b.len, err);
		buf_reset(&b);
	}
	if (r >= 0)
		r = spool_load(&job->spool, LAYOUT_FILE_INDEX, &b, err);
	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, MEDIA_OCI_INDEX, ret, err);
	if (r >= 0 && ret->kind != MANIFEST_INDEX)
		r = err_set(err, ERR_FORMAT, "not an index");
	return r < 0 ? err_ctx(err, r, LAYOUT_FILE_INDEX) : 0;
}

int load_oci_is_named(struct load_job *job, struct err *err)
{
	AUTO(manifest) struct manifest index = { 0 };
	int r = read_index(job, &index, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < index.n_children; i++) {
		const char *name = layout_ref_name(&index.children[i]);

		/* Only a tag is no name when manifest.json knows the whole one. */
		if (name && strpbrk(name, ":/"))
			return 1;
	}
	return 0;
}

/* A blob's verified bytes, published on the way. */
static int take_blob(struct load_job *job, const struct descriptor *d, struct err *err)
{
	char name[LAYOUT_BLOB_PATH_SIZE];

	if (job->bare)
		return load_adopt(job, digest_hex(&d->digest), &d->digest, d->size, err);
	layout_blob_path(&d->digest, name);
	return load_adopt(job, name, &d->digest, d->size, err);
}

static int take_manifest(
	struct load_job *job, const struct descriptor *d, struct manifest *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	autofree char *bare = xasprintf("%s.manifest.json", digest_hex(&d->digest));
	int r = job->bare ? load_adopt(job, bare, &d->digest, d->size, err)
			  : take_blob(job, d, err);

	if (r >= 0)
		r = blob_read_all(job->store, &d->digest, &b, err);
	if (r >= 0)
		r = manifest_parse(buf_str(&b), b.len, d->media_type, ret, err);
	return r < 0 ? err_ctx(err, r, "manifest %.19s", d->digest.text) : 0;
}

static int take_content(struct load_job *job, const struct manifest *m, const char *name,
	struct image_record *rec, struct err *err)
{
	AUTO(image_config) struct image_config config = { 0 };
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	int r = manifest_check_runnable(m, err);

	if (r >= 0)
		r = take_blob(job, &m->config, err);
	if (r >= 0)
		r = blob_read_all(job->store, &m->config.digest, &b, err);
	if (r >= 0)
		r = image_config_parse(buf_str(&b), b.len, &config, err);
	if (r >= 0)
		r = image_config_check_layers(&config, m->n_layers, err);
	if (r >= 0)
		r = load_check_platform(job, &config.platform, name, err);
	for (size_t i = 0; r >= 0 && i < m->n_layers; i++)
		r = take_blob(job, &m->layers[i], err);
	if (r < 0)
		return r;
	rec->image_id = m->config.digest;
	return 0;
}

/* From a descriptor down to one image manifest; the outermost index is what a record remembers. */
static int descend(struct load_job *job, const struct descriptor *d, struct manifest *ret,
	struct image_record *rec, struct err *err)
{
	AUTO(descriptor) struct descriptor at = { 0 };
	struct platform want;

	if (job->platform)
		want = *job->platform;
	else
		platform_host(&want);
	descriptor_copy(d, &at);
	for (int depth = 0; depth < MAX_NESTING; depth++) {
		const struct descriptor *child = NULL;
		AUTO(descriptor) struct descriptor next = { 0 };
		int r = take_manifest(job, &at, ret, err);

		if (r < 0)
			return r;
		if (ret->kind == MANIFEST_IMAGE) {
			rec->manifest = at.digest;
			return 0;
		}
		if (!digest_is_set(&rec->index))
			rec->index = at.digest;
		r = manifest_pick(ret, &want, &child, err);
		if (r < 0)
			return r;
		descriptor_copy(child, &next);
		manifest_done(ret);
		*ret = (struct manifest){ 0 };
		descriptor_done(&at);
		at = next;
		next = (struct descriptor){ 0 };
	}
	return err_set(err, ERR_FORMAT, "indexes are nested more than %d deep", MAX_NESTING);
}

/*
 * "debian:12" and "q.io/a/b" are references. Only a tag, as skopeo and the specification write it,
 * has no repository: podman's answer is localhost/<tag>:latest, and so is ours.
 */
static int take_name(struct load_item *item, const char *name, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *full =
		strpbrk(name, ":/@") ? xstrdup(name) : xasprintf("localhost/%s", name);
	int r = reference_parse(full, &ref, err);

	if (r < 0)
		return err_ctx(err, r, "name \"%s\"", name);
	strv_push_take(&item->names, reference_format(&ref));
	return 0;
}

/* Two names of one image are two descriptors. */
static struct load_item *merge(struct load_job *job, struct load_item *item)
{
	for (struct load_item *other = job->items; other < item; other++) {
		if (!digest_equal(&other->record.manifest, &item->record.manifest))
			continue;
		strv_extend(&other->names, item->names);
		strv_free(TAKE_PTR(item->names));
		job->n--;
		return other;
	}
	return item;
}

static int load_descriptor(struct load_job *job, const struct descriptor *d, struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	struct load_item *item = load_add_item(job);
	const char *name = layout_ref_name(d);
	int r = descend(job, d, &m, &item->record, err);

	if (r >= 0)
		r = take_content(job, &m, name, &item->record, err);
	if (r >= 0 && name)
		r = take_name(item, name, err);
	if (r < 0)
		return r;
	(void)merge(job, item);
	return 0;
}

static bool is_attestation(const struct descriptor *d)
{
	return descriptor_annotation(d, ATTESTATION) != NULL ||
	       (d->has_platform && str_eq(d->platform.os, "unknown"));
}

int load_is_bare(struct load_job *job, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	AUTO(json) struct json *doc = NULL;
	int r = spool_load(&job->spool, LAYOUT_FILE_DOCKER, &b, err);

	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, &doc, err);
	return r < 0 ? err_ctx(err, r, LAYOUT_FILE_DOCKER) : json_is_object(doc);
}

int load_bare(struct load_job *job, struct err *err)
{
	AUTO(descriptor) struct descriptor d = { 0 };
	struct spool_file *file = NULL;
	int r = spool_find(&job->spool, LAYOUT_FILE_DOCKER, &file, err);

	if (r <= 0)
		return r < 0 ? r : err_set(err, ERR_FORMAT, LAYOUT_FILE_DOCKER " is gone");
	job->bare = true;
	d.digest = file->digest;
	d.size = file->size;
	d.media_type = xstrdup("");
	r = spool_adopt(&job->spool, file, err);
	return r < 0 ? r : load_descriptor(job, &d, err);
}

int load_oci(struct load_job *job, struct err *err)
{
	AUTO(manifest) struct manifest index = { 0 };
	const struct descriptor *only = NULL;
	struct platform host;
	bool named = false;
	int r = read_index(job, &index, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < index.n_children; i++)
		named |= layout_ref_name(&index.children[i]) != NULL;
	if (!named) {
		/* Without names the whole is one image, for several platforms. */
		platform_host(&host);
		r = manifest_pick(&index, job->platform ? job->platform : &host, &only, err);
		return r < 0 ? err_ctx(err, r, LAYOUT_FILE_INDEX) : load_descriptor(job, only, err);
	}
	for (size_t i = 0; r >= 0 && i < index.n_children; i++)
		if (!is_attestation(&index.children[i]))
			r = load_descriptor(job, &index.children[i], err);
	return r;
}
