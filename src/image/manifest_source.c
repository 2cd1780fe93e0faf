/* From a name to the descriptors that a manifest list gets. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/image_config.h"
#include "codec/index_edit.h"
#include "codec/manifest.h"
#include "image/image.h"
#include "image/manifest_list.h"
#include "image/manifest_priv.h"
#include "registry/reach.h"
#include "store/blob.h"

/* What is asked, and where the answer goes. */
struct source {
	struct manifest_reader reader;
	const struct manifest_source *options;
	struct json *entries;
};

void manifest_document_done(struct manifest_document *d)
{
	free(d->bytes);
	manifest_done(&d->parsed);
	*d = (struct manifest_document){ 0 };
}

static int read_remote(const struct manifest_reader *reader, const char *name,
	struct manifest_document *d, struct err *err)
{
	AUTO(client_manifest) struct client_manifest m = { 0 };
	struct digest put;
	int r = client_manifest(reader->client, name, &m, err);

	if (r < 0)
		return r;
	d->digest = m.digest;
	d->len = m.len;
	d->bytes = TAKE_PTR(m.bytes);
	r = manifest_parse(d->bytes, d->len, m.content_type, &d->parsed, err);
	if (r >= 0 && reader->keep && d->parsed.kind == MANIFEST_IMAGE)
		r = blob_put(reader->store, d->bytes, d->len, &put, err);
	return r;
}

int manifest_read(const struct manifest_reader *reader, const char *tag_or_digest,
	struct manifest_document *ret, struct err *err)
{
	AUTO(manifest_document) struct manifest_document d = { 0 };
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r;

	if (reader->client) {
		r = read_remote(reader, tag_or_digest, &d, err);
	} else {
		r = digest_parse(tag_or_digest, &d.digest, err);
		if (r >= 0)
			r = blob_read_all(reader->store, &d.digest, &b, err);
		if (r < 0)
			return r;
		d.len = b.len;
		d.bytes = buf_take(&b);
		r = manifest_parse(d.bytes, d.len, NULL, &d.parsed, err);
	}
	if (r < 0)
		return r;
	*ret = d;
	d = (struct manifest_document){ 0 };
	return 0;
}

static int read_config(const struct manifest_reader *reader, const struct descriptor *config,
	struct json **ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	autofree char *text = NULL;
	struct digest put;
	size_t len;
	int r;

	if (reader->client) {
		r = client_blob_read(reader->client, &config->digest, config->size, &text, err);
		len = (size_t)config->size;
		if (r >= 0 && reader->keep)
			r = blob_put(reader->store, text, len, &put, err);
	} else {
		r = blob_read_all(reader->store, &config->digest, &b, err);
		len = b.len;
		text = buf_take(&b);
	}
	return r < 0 ? r : json_parse(text, len, ret, err);
}

/* An artifact has no platform. */
static bool is_image(const struct manifest *m)
{
	struct media media;

	media_classify(m->config.media_type, &media);
	return !m->artifact_type &&
	       (media.kind == MEDIA_KIND_CONFIG || media.kind == MEDIA_KIND_GENERIC);
}

int manifest_describe(const struct manifest_reader *reader, const struct manifest_document *d,
	struct json **ret, struct err *err)
{
	AUTO(json) struct json *entry = NULL, *config = NULL;
	int r;

	entry = index_entry_new(d->parsed.media_type, &d->digest, d->len);
	if (d->parsed.artifact_type)
		json_set_string(entry, "artifactType", d->parsed.artifact_type);
	if (is_image(&d->parsed)) {
		r = read_config(reader, &d->parsed.config, &config, err);
		if (r < 0)
			return r;
		index_entry_set_platform(entry, config);
	}
	*ret = TAKE_PTR(entry);
	return 0;
}

static int add_image(const struct source *src, const struct manifest_document *d, struct err *err)
{
	struct json *entry = NULL;
	int r = manifest_describe(&src->reader, d, &entry, err);

	if (r >= 0)
		(void)json_append(src->entries, entry);
	return r;
}

/* The entries of an index as they are there. */
static int add_all(const struct source *src, const struct manifest_document *d, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r = json_parse(d->bytes, d->len, &doc, err);

	if (r < 0)
		return r;
	JSON_FOREACH(entry, json_get(doc, "manifests"))
	{
		if (json_get_string(entry, "digest"))
			(void)json_append(src->entries, json_dup(entry));
	}
	return 0;
}

static int add_own_platform(
	const struct source *src, const struct manifest_document *d, struct err *err)
{
	AUTO(manifest_document) struct manifest_document child = { 0 };
	const struct descriptor *picked;
	struct platform host;
	int r;

	platform_host(&host);
	r = manifest_pick(&d->parsed, &host, &picked, err);
	if (r < 0)
		return err_hint(err, r, "--all takes every image of the list");
	r = manifest_read(&src->reader, picked->digest.text, &child, err);
	if (r >= 0 && child.parsed.kind != MANIFEST_IMAGE)
		r = err_set(err, ERR_UNSUPPORTED, "%s is a list inside a list", child.digest.text);
	return r < 0 ? r : add_image(src, &child, err);
}

static int add_document(
	const struct source *src, const struct manifest_document *d, struct err *err)
{
	if (d->parsed.kind == MANIFEST_IMAGE)
		return add_image(src, d, err);
	return src->options->all ? add_all(src, d, err) : add_own_platform(src, d, err);
}

static int add_local(const struct source *src, const struct image_record *rec, struct err *err)
{
	AUTO(manifest_document) struct manifest_document d = { 0 };
	int r = manifest_read(&src->reader, rec->manifest.text, &d, err);

	return r < 0 ? r : add_document(src, &d, err);
}

static int add_remote(struct source *src, const char *name, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	AUTO(client) struct client *client = NULL;
	AUTO(manifest_document) struct manifest_document d = { 0 };
	int r = reference_parse(name, &ref, err);

	if (r >= 0)
		r = registry_reach(&src->options->client, &ref, &client, err);
	if (r < 0)
		return r;
	src->reader.client = client;
	r = manifest_read(&src->reader, ref.has_digest ? ref.digest.text : ref.tag, &d, err);
	return r < 0 ? r : add_document(src, &d, err);
}

int manifest_entries_of(struct store *s, const char *name, const struct manifest_source *o,
	struct json *entries, struct err *err)
{
	struct source src = {
		.reader = { .store = s, .keep = true },
		.options = o,
		.entries = entries,
	};
	AUTO(image_record) struct image_record rec = { 0 };
	const char *remote = str_after(name, "docker://");
	int r = -ERR_NOT_FOUND;

	if (!remote)
		r = image_resolve_record(s, name, &rec, err);
	if (r >= 0)
		r = add_local(&src, &rec, err);
	else if (r == -ERR_NOT_FOUND)
		r = add_remote(&src, remote ? remote : name, err);
	return r < 0 ? err_ctx(err, r, "image %s", remote ? remote : name) : 0;
}

/* By HEAD where the registry tells. */
static int remote_digest(
	const char *name, const struct manifest_source *o, struct digest *ret, struct err *err)
{
	AUTO(client_manifest) struct client_manifest m = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	AUTO(client) struct client *client = NULL;
	int r = reference_parse(name, &ref, err);

	if (r >= 0 && ref.has_digest) {
		*ret = ref.digest;
		return 0;
	}
	if (r >= 0)
		r = registry_reach(&o->client, &ref, &client, err);
	if (r >= 0)
		r = client_head(client, ref.tag, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = client_manifest(client, ref.tag, &m, err);
	if (r >= 0)
		*ret = m.digest;
	return r;
}

int manifest_entry_digest(struct store *s, const char *name, const struct manifest_source *o,
	struct digest *ret, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	const char *remote = str_after(name, "docker://");
	int r = -ERR_NOT_FOUND;

	if (str_after(name, "sha256:") && digest_parse(name, ret, NULL) >= 0)
		return 0;
	if (!remote)
		r = image_resolve_record(s, name, &rec, err);
	if (r >= 0) {
		*ret = rec.manifest;
		return 0;
	}
	if (r == -ERR_NOT_FOUND)
		r = remote_digest(remote ? remote : name, o, ret, err);
	return r < 0 ? err_ctx(err, r, "image %s", remote ? remote : name) : 0;
}
