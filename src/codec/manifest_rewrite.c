#include "codec/manifest_rewrite.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/manifest.h"

/* Beginnings of annotations that say how the bytes of a blob are laid out. */
static const char *const packing_annotations[] = {
	"io.github.containers.zstd-chunked.",
	"containerd.io/snapshot/stargz/",
	"io.containers.estargz.",
};

static bool is_about_packing(const char *key)
{
	for (size_t i = 0; i < sizeof(packing_annotations) / sizeof(packing_annotations[0]); i++)
		if (str_after(key, packing_annotations[i]))
			return true;
	return false;
}

/* A member that is right already keeps its place. */
static void set_type(struct json *object, const char *type)
{
	const char *old = json_get_string(object, "mediaType");

	if (!old || !str_eq(old, type))
		json_set_string(object, "mediaType", type);
}

static void drop_packing(struct json *descriptor)
{
	struct json *annotations = json_get(descriptor, "annotations");
	AUTO(strv) char **keys = NULL;

	JSON_FOREACH(item, annotations)
	if (is_about_packing(json_key(item)))
		strv_push(&keys, json_key(item));
	STRV_FOREACH (key, keys)
		json_remove(annotations, key);
	if (keys && json_len(annotations) == 0)
		json_remove(descriptor, "annotations");
}

static int rewrite_layer(
	struct json *descriptor, bool docker, const struct manifest_layer *layer, struct err *err)
{
	const char *old = json_get_string(descriptor, "mediaType"), *type;
	struct media m;

	media_classify(old, &m);
	if (m.kind != MEDIA_KIND_LAYER && m.kind != MEDIA_KIND_GENERIC)
		return err_set(err, ERR_UNSUPPORTED,
			"a layer of type \"%.100s\" cannot be converted", old);
	if (m.encrypted)
		return err_set(err, ERR_UNSUPPORTED, "an encrypted layer cannot be converted");
	m.docker = docker;
	m.compression = layer->compression;
	type = media_layer_type(&m);
	if (!type)
		return err_set(err, ERR_UNSUPPORTED, "%s has no type for a layer packed with %s",
			docker ? "docker's manifest format" : "OCI's manifest format",
			media_compression_name(layer->compression));
	set_type(descriptor, type);
	if (docker)
		json_remove(descriptor, "annotations");
	if (!layer->repacked)
		return 0;
	json_set_string(descriptor, "digest", layer->digest.text);
	json_set_int(descriptor, "size", (int64_t)layer->size);
	json_remove(descriptor, "data");
	drop_packing(descriptor);
	return 0;
}

static int rewrite_config(struct json *doc, bool docker, struct err *err)
{
	struct json *config = json_get(doc, "config");
	const char *old = json_get_string(config, "mediaType");
	struct media m;

	media_classify(old, &m);
	if (m.kind != MEDIA_KIND_CONFIG && m.kind != MEDIA_KIND_GENERIC)
		return err_set(err, ERR_UNSUPPORTED,
			"a config of type \"%.100s\" cannot be converted", old);
	set_type(config, docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG);
	if (docker)
		json_remove(config, "annotations");
	return 0;
}

static void drop_oci_members(struct json *doc)
{
	static const char *const names[] = { "annotations", "subject", "artifactType" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		json_remove(doc, names[i]);
}

int manifest_rewrite(const char *bytes, size_t len, bool docker,
	const struct manifest_layer *layers, char **ret, struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	AUTO(json) struct json *doc = NULL;
	size_t i = 0;
	int r = manifest_parse(bytes, len, NULL, &m, err);

	if (r >= 0 && m.kind != MANIFEST_IMAGE)
		r = err_set(err, ERR_UNSUPPORTED, "an index cannot be converted");
	if (r >= 0)
		r = json_parse(bytes, len, &doc, err);
	if (r >= 0)
		r = rewrite_config(doc, docker, err);
	if (r < 0)
		return r;
	JSON_FOREACH(layer, json_get(doc, "layers"))
	{
		r = rewrite_layer(layer, docker, &layers[i++], err);
		if (r < 0)
			return r;
	}
	set_type(doc, docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST);
	if (docker)
		drop_oci_members(doc);
	*ret = json_print(doc, false);
	return 0;
}
