/* docker's manifest inspect. */
#include "image/manifest_show.h"

#include <string.h>

#include "base/alloc.h"
#include "codec/auth_file.h"
#include "codec/index_edit.h"
#include "codec/json.h"
#include "image/manifest_priv.h"
#include "registry/reach.h"

struct show {
	const struct manifest_show *q;
	struct reference ref;
	struct manifest_reader reader;
};

/* The members that follow the descriptor: the manifest, as bytes and as a document. */
static int add_content(struct json *item, const struct manifest_document *d, struct err *err)
{
	autofree char *raw = base64_encode(d->bytes, d->len);
	struct json *doc = NULL;
	struct media media;
	int r = json_parse(d->bytes, d->len, &doc, err);

	if (r < 0)
		return r;
	media_classify(d->parsed.media_type, &media);
	json_set_string(item, "Raw", raw);
	(void)json_set(item, media.docker ? "SchemaV2Manifest" : "OCIManifest", doc);
	return 0;
}

/* `descriptor` is taken. */
static struct json *item_new(char *ref, struct json *descriptor)
{
	struct json *item = json_object_new();

	json_set_string(item, "Ref", ref);
	(void)json_set(item, "Descriptor", descriptor);
	return item;
}

static int verbose_image(const struct show *show, const struct manifest_document *d,
	struct json **ret, struct err *err)
{
	autofree char *full = reference_format(&show->ref);
	AUTO(json) struct json *item = NULL;
	struct json *descriptor = NULL;
	int r = manifest_describe(&show->reader, d, &descriptor, err);

	if (r < 0)
		return r;
	item = item_new(full, descriptor);
	r = add_content(item, d, err);
	if (r >= 0)
		*ret = TAKE_PTR(item);
	return r;
}

/* docker keeps the tag: "host/x:1@sha256:...". */
static char *entry_name(const struct reference *ref, const char *digest)
{
	autofree char *base = ref->has_digest ? reference_repository(ref) : reference_format(ref);

	return xasprintf("%s@%s", base, digest);
}

/* One entry of an index. What a list of one's own names may be in a registry only. */
static int add_entry(
	const struct show *show, const struct json *entry, struct json *items, struct err *err)
{
	AUTO(manifest_document) struct manifest_document d = { 0 };
	const char *digest = json_get_string(entry, "digest");
	autofree char *full = entry_name(&show->ref, digest ? digest : "");
	struct json *item = json_append(items, item_new(full, json_dup(entry)));
	int r = manifest_read(&show->reader, digest ? digest : "", &d, err);

	if (r == -ERR_NOT_FOUND && !show->reader.client)
		return 0;
	return r < 0 ? err_ctx(err, r, "entry %s", digest ? digest : "without digest")
		     : add_content(item, &d, err);
}

static int verbose_index(
	const struct show *show, const struct json *doc, struct json **ret, struct err *err)
{
	AUTO(json) struct json *items = json_array_new();
	int r = 0;

	JSON_FOREACH(entry, json_get(doc, "manifests"))
	{
		if (r >= 0)
			r = add_entry(show, entry, items, err);
	}
	if (r >= 0)
		*ret = TAKE_PTR(items);
	return r;
}

static int show_document(const struct show *show, const struct manifest_document *d,
	struct json **ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r;

	if (show->q->verbose && d->parsed.kind == MANIFEST_IMAGE)
		return verbose_image(show, d, ret, err);
	r = json_parse(d->bytes, d->len, &doc, err);
	if (r < 0)
		return r;
	if (show->q->verbose)
		return verbose_index(show, doc, ret, err);
	*ret = TAKE_PTR(doc);
	return 0;
}

/* One manifest of a list that is here. */
static int show_entry(
	struct show *show, const struct manifest_document *list, struct json **ret, struct err *err)
{
	struct manifest_source source = { .client = show->q->client };
	AUTO(manifest_document) struct manifest_document d = { 0 };
	AUTO(json) struct json *doc = NULL;
	struct digest digest;
	int r = manifest_entry_digest(show->reader.store, show->q->entry, &source, &digest, err);

	if (r >= 0)
		r = json_parse(list->bytes, list->len, &doc, err);
	if (r < 0)
		return r;
	if (!index_find(doc, &digest))
		return err_set(
			err, ERR_NOT_FOUND, "%s has no manifest %s", show->q->name, digest.text);
	r = manifest_read(&show->reader, digest.text, &d, err);
	return r < 0 ? r : show_document(show, &d, ret, err);
}

static int show_list(
	struct show *show, const struct image_record *rec, struct json **ret, struct err *err)
{
	AUTO(manifest_document) struct manifest_document d = { 0 };
	int r = manifest_read(&show->reader, rec->index.text, &d, err);

	if (r < 0)
		return r;
	if (show->q->entry)
		return show_entry(show, &d, ret, err);
	return show_document(show, &d, ret, err);
}

static int show_remote(struct show *show, struct json **ret, struct err *err)
{
	AUTO(manifest_document) struct manifest_document d = { 0 };
	AUTO(client) struct client *client = NULL;
	const struct reference *ref = &show->ref;
	int r = registry_reach(&show->q->client, ref, &client, err);

	if (r < 0)
		return r;
	show->reader.client = client;
	r = manifest_read(&show->reader, ref->has_digest ? ref->digest.text : ref->tag, &d, err);
	return r < 0 ? r : show_document(show, &d, ret, err);
}

int manifest_show(
	struct store *s, const struct manifest_show *q, struct json **ret, struct err *err)
{
	struct show show = { .q = q, .reader = { .store = s } };
	AUTO(image_record) struct image_record rec = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(q->name, &ref, err);

	if (r < 0)
		return r;
	show.ref = ref;
	/* No list is named by a digest. */
	r = ref.has_digest && !q->entry ? -ERR_NOT_FOUND
					: manifest_list_find(s, q->name, &rec, err);
	if (r == -ERR_NOT_FOUND && !q->entry)
		r = show_remote(&show, ret, err);
	else if (r >= 0)
		r = show_list(&show, &rec, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", q->name) : 0;
}
