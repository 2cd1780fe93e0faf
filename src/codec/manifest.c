#include "codec/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/auth_file.h"
#include "codec/json.h"

void descriptor_done(struct descriptor *d)
{
	free(d->media_type);
	free(d->artifact_type);
	strv_free(d->urls);
	free(d->data);
	strv_free(d->annotations);
	*d = (struct descriptor){ 0 };
}

void descriptor_copy(const struct descriptor *d, struct descriptor *ret)
{
	*ret = *d;
	ret->media_type = xstrdup(d->media_type);
	ret->artifact_type = xstrdup(d->artifact_type);
	ret->urls = d->urls ? strv_dup(d->urls) : NULL;
	ret->data = d->data ? xmemdup(d->data, (size_t)d->size + 1) : NULL;
	ret->annotations = d->annotations ? strv_dup(d->annotations) : NULL;
}

const char *descriptor_annotation(const struct descriptor *d, const char *key)
{
	return strv_env_get(d->annotations, key);
}

static void descriptors_free(struct descriptor *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		descriptor_done(&v[i]);
	free(v);
}

void manifest_done(struct manifest *m)
{
	free(m->media_type);
	free(m->artifact_type);
	strv_free(m->annotations);
	descriptor_done(&m->config);
	descriptors_free(m->layers, m->n_layers);
	descriptors_free(m->children, m->n_children);
	*m = (struct manifest){ 0 };
}

static int parse_platform(const struct json *v, struct descriptor *d, struct err *err)
{
	const char *os = NULL, *architecture = NULL, *variant = NULL;
	struct json *platform;
	int r;

	r = json_want_object(v, "platform", &platform, err);
	if (r <= 0)
		return r;
	r = json_want_string(platform, "os", &os, err);
	if (r >= 0)
		r = json_want_string(platform, "architecture", &architecture, err);
	if (r >= 0)
		r = json_want_string(platform, "variant", &variant, err);
	if (r < 0)
		return err_ctx(err, r, "platform");
	d->has_platform = true;
	if (!platform_from(os, architecture, variant, &d->platform))
		d->platform = (struct platform){ .os = "unknown", .architecture = "unknown" };
	return 0;
}

static int want_copy(const struct json *v, const char *key, char **ret, struct err *err)
{
	const char *s = NULL;
	int r = json_want_string(v, key, &s, err);

	if (r >= 0)
		*ret = xstrdup(s);
	return r;
}

/* Whoever embeds content has promised its size and digest in the same breath. */
static int parse_data(const struct json *v, struct descriptor *d, struct err *err)
{
	autofree char *data = NULL;
	const char *text = NULL;
	struct digest digest;
	size_t len = 0;
	int r = json_want_string(v, "data", &text, err);

	if (r <= 0)
		return r;
	r = base64_decode(text, strlen(text), &data, &len, err);
	if (r < 0)
		return err_ctx(err, r, "data of %s", d->digest.text);
	digest_of(data, len, &digest);
	if (len != d->size || !digest_equal(&digest, &d->digest))
		return err_set(err, ERR_DIGEST, "the data embedded for %s has other bytes",
			d->digest.text);
	d->data = TAKE_PTR(data);
	return 0;
}

static int parse_descriptor(const struct json *v, struct descriptor *ret, struct err *err)
{
	AUTO(descriptor) struct descriptor d = { 0 };
	const char *digest = NULL;
	int64_t size = -1;
	int r;

	if (!json_is_object(v))
		return err_set(err, ERR_FORMAT, "a descriptor is not an object");
	r = json_want_string(v, "digest", &digest, err);
	if (r == 0)
		r = err_set(err, ERR_FORMAT, "a descriptor has no digest");
	if (r >= 0)
		r = digest_parse(digest, &d.digest, err);
	if (r >= 0)
		r = json_want_int(v, "size", &size, err);
	if (r >= 0 && size < 0)
		r = err_set(err, ERR_FORMAT, "descriptor %s has no valid size", digest);
	if (r >= 0)
		r = want_copy(v, "mediaType", &d.media_type, err);
	if (r >= 0)
		r = want_copy(v, "artifactType", &d.artifact_type, err);
	if (r >= 0)
		r = json_want_strv(v, "urls", &d.urls, err);
	if (r >= 0)
		r = json_want_string_map(v, "annotations", &d.annotations, err);
	if (r >= 0)
		r = parse_platform(v, &d, err);
	if (r < 0)
		return r;
	if (!d.media_type)
		d.media_type = xstrdup("");
	d.size = (uint64_t)size;
	r = parse_data(v, &d, err);
	if (r < 0)
		return r;
	*ret = d;
	d = (struct descriptor){ 0 };
	return 0;
}

/* n_skipped NULL: every digest has to be one of ours. */
static int parse_descriptors(const struct json *array, struct descriptor **ret, size_t *ret_n,
	size_t *n_skipped, struct err *err)
{
	size_t len = json_len(array);
	int r;

	if (len > MANIFEST_LAYERS_MAX)
		return err_set(err, ERR_FORMAT, "%zu descriptors are too many", len);
	*ret = NEW_ARRAY(struct descriptor, len + 1);
	JSON_FOREACH(member, array)
	{
		struct err why = { 0 };

		r = parse_descriptor(member, &(*ret)[*ret_n], &why);
		if (r == -ERR_UNSUPPORTED && n_skipped) {
			(*n_skipped)++;
			continue;
		}
		if (r < 0 && err)
			*err = why;
		if (r < 0)
			return r;
		(*ret_n)++;
	}
	return 0;
}

static int schema1(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		"docker's schema 1 image format is not supported; push the image again with a "
		"current tool");
}

/*
 * What the document is, from the three voices that may name it: its own mediaType, the header,
 * its shape. They must not contradict each other.
 */
static int decide_kind(
	const struct json *doc, const char *content_type, struct manifest *m, struct err *err)
{
	bool index = json_type(json_get(doc, "manifests")) != JSON_NULL;
	bool image = json_type(json_get(doc, "config")) != JSON_NULL ||
		     json_type(json_get(doc, "layers")) != JSON_NULL;
	enum media_kind shape = index ? MEDIA_KIND_INDEX : MEDIA_KIND_MANIFEST;
	const char *own = NULL;
	struct media header, body;
	int r;

	r = json_want_string(doc, "mediaType", &own, err);
	if (r < 0)
		return r;
	media_classify(content_type, &header);
	media_classify(own, &body);
	if (header.kind == MEDIA_KIND_SCHEMA1 || body.kind == MEDIA_KIND_SCHEMA1)
		return schema1(err);
	if (index && image)
		return err_set(err, ERR_FORMAT, "document is both a manifest and an index");
	if (!index && !image)
		return err_set(err, ERR_FORMAT, "document is neither a manifest nor an index");
	if (own && body.kind != shape)
		return err_set(
			err, ERR_FORMAT, "mediaType \"%.100s\" does not fit the document", own);
	if (header.kind != MEDIA_KIND_GENERIC && header.kind != shape)
		return err_set(err, ERR_FORMAT, "content type \"%.100s\" does not fit the document",
			content_type);
	if (own && header.kind != MEDIA_KIND_GENERIC && body.docker != header.docker)
		return err_set(err, ERR_FORMAT,
			"content type and mediaType differ: \"%.100s\", \"%.100s\"", content_type,
			own);
	m->kind = index ? MANIFEST_INDEX : MANIFEST_IMAGE;
	if (own ? body.docker : header.docker)
		m->media_type = xstrdup(index ? MEDIA_DOCKER_LIST : MEDIA_DOCKER_MANIFEST);
	else
		m->media_type = xstrdup(index ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
	return 0;
}

static int parse_image(const struct json *doc, struct manifest *m, struct err *err)
{
	struct json *config, *layers;
	int r;

	r = json_want_object(doc, "config", &config, err);
	if (r == 0)
		r = err_set(err, ERR_FORMAT, "no config");
	if (r >= 0)
		r = json_want_array(doc, "layers", &layers, err);
	if (r >= 0)
		r = parse_descriptor(config, &m->config, err);
	if (r < 0)
		return r;
	return parse_descriptors(layers, &m->layers, &m->n_layers, NULL, err);
}

static int parse_document(
	const struct json *doc, const char *content_type, struct manifest *m, struct err *err)
{
	struct json *children;
	int64_t version = 0;
	int r;

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "not an object");
	r = json_want_int(doc, "schemaVersion", &version, err);
	if (r < 0)
		return r;
	if (version == 1)
		return schema1(err);
	if (version != 2)
		return err_set(err, ERR_FORMAT, "schemaVersion is not 2");
	r = decide_kind(doc, content_type, m, err);
	if (r >= 0)
		r = want_copy(doc, "artifactType", &m->artifact_type, err);
	if (r >= 0)
		r = json_want_string_map(doc, "annotations", &m->annotations, err);
	if (r < 0)
		return r;
	if (m->kind == MANIFEST_IMAGE)
		return parse_image(doc, m, err);
	r = json_want_array(doc, "manifests", &children, err);
	if (r < 0)
		return r;
	return parse_descriptors(children, &m->children, &m->n_children, &m->n_skipped, err);
}

int manifest_parse(const void *bytes, size_t len, const char *content_type, struct manifest *ret,
	struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	AUTO(json) struct json *doc = NULL;
	int r;

	if (len > MANIFEST_BYTES_MAX)
		return err_set(
			err, ERR_LIMIT, "manifest is larger than %u bytes", MANIFEST_BYTES_MAX);
	r = json_parse(bytes, len, &doc, err);
	if (r >= 0)
		r = parse_document(doc, content_type, &m, err);
	if (r < 0)
		return err_ctx(err, r, "manifest");
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

static struct json *descriptor_json(const struct descriptor *d)
{
	struct json *v = json_object_new();

	json_set_string(v, "mediaType", d->media_type);
	json_set_string(v, "digest", d->digest.text);
	json_set_int(v, "size", (int64_t)d->size);
	if (d->annotations && *d->annotations)
		json_set_string_map(v, "annotations", d->annotations);
	return v;
}

char *manifest_format(const struct manifest *m)
{
	AUTO(json) struct json *doc = json_object_new();
	struct json *layers = json_array_new();

	json_set_int(doc, "schemaVersion", 2);
	json_set_string(doc, "mediaType", m->media_type);
	json_set(doc, "config", descriptor_json(&m->config));
	json_set(doc, "layers", layers);
	for (size_t i = 0; i < m->n_layers; i++)
		json_append(layers, descriptor_json(&m->layers[i]));
	return json_print(doc, false);
}
