/* docker's image document. */
#include "image/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/reference.h"
#include "image/image.h"

/* Every name of the image: tags, and the digests that registries serve it under. */
static void add_names(const struct image_list *list, const struct digest *id, struct json *doc)
{
	struct json *tags = json_set(doc, "RepoTags", json_array_new());
	struct json *digests = json_set(doc, "RepoDigests", json_array_new());
	AUTO(strv) char **seen = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct image_record *rec = &list->items[i];
		AUTO(reference) struct reference ref = { 0 };
		autofree char *name = NULL, *tagged = NULL, *by_digest = NULL;

		if (!digest_equal(&rec->image_id, id) || !rec->reference ||
			reference_parse(rec->reference, &ref, NULL) < 0)
			continue;
		if (!ref.has_digest) {
			tagged = reference_familiar(&ref);
			json_append_string(tags, tagged);
		}
		if (!rec->from_registry && !ref.has_digest)
			continue;
		name = reference_familiar_name(&ref);
		by_digest = xasprintf("%s@%s", name,
			digest_is_set(&rec->index) ? rec->index.text : rec->manifest.text);
		if (strv_contains(seen, by_digest))
			continue;
		strv_push(&seen, by_digest);
		json_append_string(digests, by_digest);
	}
}

/* Members that docker always shows, under whatever the image's own config says. */
static struct json *make_config(const struct json *raw)
{
	static const char *const null_members[] = { "Env", "Cmd", "Entrypoint", "Volumes",
		"OnBuild", "Labels", NULL };
	static const char *const empty_members[] = { "Hostname", "Domainname", "User", "Image",
		"WorkingDir", NULL };
	static const char *const false_members[] = { "AttachStdin", "AttachStdout", "AttachStderr",
		"Tty", "OpenStdin", "StdinOnce", NULL };
	struct json *config = json_object_new();

	for (size_t i = 0; empty_members[i]; i++)
		json_set_string(config, empty_members[i], "");
	for (size_t i = 0; false_members[i]; i++)
		json_set_bool(config, false_members[i], false);
	for (size_t i = 0; null_members[i]; i++)
		(void)json_set(config, null_members[i], json_null_new());
	JSON_FOREACH(item, raw)
	(void)json_set(config, json_key(item), json_dup(item));
	return config;
}

static void add_root_fs(const struct image *img, struct json *doc)
{
	struct json *root = json_set(doc, "RootFS", json_object_new());
	struct json *layers;

	json_set_string(root, "Type", "layers");
	layers = json_set(root, "Layers", json_array_new());
	for (size_t i = 0; i < img->config.n_diff_ids; i++)
		json_append_string(layers, img->config.diff_ids[i].text);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* What the newest history entry says about itself: docker's Comment. */
static const char *comment_of(const struct image *img)
{
	size_t n = img->config.n_history;

	return n ? or_empty(img->config.history[n - 1].comment) : "";
}

static void add_last_tag(const struct image_list *list, const struct digest *id, struct json *doc)
{
	struct json *metadata = json_set(doc, "Metadata", json_object_new());
	char text[CLOCK_RFC3339_SIZE] = "0001-01-01T00:00:00Z";
	int64_t newest = 0;

	for (size_t i = 0; i < list->n; i++)
		if (digest_equal(&list->items[i].image_id, id) &&
			list->items[i].created_ns > newest)
			newest = list->items[i].created_ns;
	if (newest)
		clock_format_rfc3339(newest, text);
	json_set_string(metadata, "LastTagTime", text);
}

static void fill(struct json *doc, const struct image *img, const struct image_list *list,
	const struct json *raw)
{
	const struct image_config *c = &img->config;

	json_set_string(doc, "Id", img->record.image_id.text);
	add_names(list, &img->record.image_id, doc);
	json_set_string(doc, "Parent", "");
	json_set_string(doc, "Comment", comment_of(img));
	json_set_string(doc, "Created", or_empty(c->created));
	json_set_string(doc, "DockerVersion", "");
	json_set_string(doc, "Author", or_empty(c->author));
	(void)json_set(doc, "Config", make_config(json_get(raw, "config")));
	json_set_string(doc, "Architecture", or_empty(c->architecture));
	if (!str_empty(c->variant))
		json_set_string(doc, "Variant", c->variant);
	json_set_string(doc, "Os", or_empty(c->os));
	json_set_string(doc, "Digest", img->record.manifest.text);
	add_root_fs(img, doc);
	add_last_tag(list, &img->record.image_id, doc);
}

int image_inspect(struct store *s, const char *name, const struct idmap *map, struct json **ret,
	struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	AUTO(json) struct json *doc = NULL, *raw = NULL;
	AUTO(image) struct image img = IMAGE_INIT;
	int r = image_resolve(s, name, &img, err);

	if (r >= 0)
		r = image_ref_list(s, &list, err);
	if (r >= 0)
		r = json_parse(img.config_json, img.config_len, &raw, err);
	if (r < 0)
		return r;
	doc = json_object_new();
	fill(doc, &img, &list, raw);
	json_set_int(doc, "Size", (int64_t)image_size(s, &img, map));
	*ret = TAKE_PTR(doc);
	return 0;
}
