#include "codec/index_edit.h"

#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/media.h"

struct json *index_new(void)
{
	struct json *doc = json_object_new();

	json_set_int(doc, "schemaVersion", 2);
	json_set_string(doc, "mediaType", MEDIA_OCI_INDEX);
	(void)json_set(doc, "manifests", json_array_new());
	return doc;
}

static bool has_digest(const struct json *entry, const char *digest)
{
	const char *have = json_get_string(entry, "digest");

	return have && str_eq(have, digest);
}

struct json *index_find(const struct json *doc, const struct digest *digest)
{
	JSON_FOREACH(entry, json_get(doc, "manifests"))
	{
		if (has_digest(entry, digest->text))
			return entry;
	}
	return NULL;
}

/* The entries anew, with `entry` (NULL: nothing) in the place of the one with this digest. */
static bool replace(struct json *doc, const char *digest, struct json *entry)
{
	struct json *entries = json_array_new();
	bool found = false;

	JSON_FOREACH(old, json_get(doc, "manifests"))
	{
		bool hit = has_digest(old, digest);

		if (!hit)
			(void)json_append(entries, json_dup(old));
		else if (entry && !found)
			(void)json_append(entries, entry);
		found |= hit;
	}
	if (entry && !found)
		(void)json_append(entries, entry);
	(void)json_set(doc, "manifests", entries);
	return found;
}

void index_put(struct json *doc, struct json *entry)
{
	autofree char *digest = xstrdup(json_get_string(entry, "digest"));

	(void)replace(doc, digest ? digest : "", entry);
}

int index_remove(struct json *doc, const struct digest *digest, struct err *err)
{
	if (replace(doc, digest->text, NULL))
		return 0;
	return err_set(err, ERR_NOT_FOUND, "%s is not in the list", digest->text);
}

struct json *index_entry_new(const char *media_type, const struct digest *digest, uint64_t size)
{
	struct json *entry = json_object_new();

	json_set_string(entry, "mediaType", media_type);
	json_set_string(entry, "digest", digest->text);
	json_set_int(entry, "size", (int64_t)size);
	return entry;
}

/* The entry's platform, made when it is not there. */
static struct json *platform_of(struct json *entry)
{
	struct json *platform = json_get(entry, "platform");

	if (json_is_object(platform))
		return platform;
	return json_set(entry, "platform", json_object_new());
}

void index_entry_set_platform(struct json *entry, const struct json *config)
{
	static const char *const members[] = { "architecture", "os", "os.version", "os.features",
		"variant", NULL };

	for (size_t i = 0; members[i]; i++) {
		const struct json *v = json_get(config, members[i]);
		bool empty = json_is_string(v) && !*json_string(v);

		if ((json_is_string(v) && !empty) || json_is_array(v))
			(void)json_set(platform_of(entry), members[i], json_dup(v));
	}
}

static void note_string(struct json *entry, const char *key, const char *value)
{
	if (!value)
		return;
	if (*value)
		json_set_string(platform_of(entry), key, value);
	else
		json_remove(platform_of(entry), key);
}

static int note_annotation(struct json *entry, const char *text, struct err *err)
{
	const char *value = strchr(text, '=');
	autofree char *key = xstrndup(text, value ? (size_t)(value - text) : 0);
	struct json *annotations = json_get(entry, "annotations");

	if (!*key)
		return err_set(
			err, ERR_USAGE, "invalid annotation '%s': KEY=VALUE is wanted", text);
	if (!json_is_object(annotations))
		annotations = json_set(entry, "annotations", json_object_new());
	json_set_string(annotations, key, value + 1);
	return 0;
}

int index_entry_note(struct json *entry, const struct index_note *note, struct err *err)
{
	note_string(entry, "os", note->os);
	note_string(entry, "architecture", note->architecture);
	note_string(entry, "variant", note->variant);
	note_string(entry, "os.version", note->os_version);
	if (note->os_features && *note->os_features)
		json_set_strv(platform_of(entry), "os.features", note->os_features);
	if (note->features && *note->features)
		json_set_strv(platform_of(entry), "features", note->features);
	STRV_FOREACH (text, note->annotations) {
		int r = note_annotation(entry, text, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* docker's format knows no annotations. */
static bool fits_docker(const struct json *doc)
{
	const struct json *entries = json_get(doc, "manifests");

	JSON_FOREACH(entry, entries)
	{
		struct media media;

		media_classify(json_get_string(entry, "mediaType"), &media);
		if (!media.docker || json_get(entry, "annotations"))
			return false;
	}
	return json_len(entries) > 0 && !json_get(doc, "annotations");
}

char *index_format(const struct json *doc)
{
	AUTO(json) struct json *out = json_object_new();

	json_set_int(out, "schemaVersion", 2);
	json_set_string(out, "mediaType", fits_docker(doc) ? MEDIA_DOCKER_LIST : MEDIA_OCI_INDEX);
	JSON_FOREACH(member, doc)
	{
		if (!json_get(out, json_key(member)))
			(void)json_set(out, json_key(member), json_dup(member));
	}
	return json_print(out, false);
}
