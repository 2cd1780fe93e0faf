#include "cmd/manifest_edit.h"

#include "base/strv.h"
#include "cmd/context.h"

void manifest_note_from(const struct manifest_note_opts *o, struct index_note *ret)
{
	*ret = (struct index_note){
		.os = o->os,
		.architecture = o->architecture,
		.variant = o->variant,
		.os_version = o->os_version,
		.os_features = o->os_features,
		.features = o->features,
		.annotations = o->annotations,
	};
}

static int add_entries(const struct manifest_edit *edit, struct manifest_list *list,
	const struct json *entries, struct err *err)
{
	JSON_FOREACH(entry, entries)
	{
		struct json *copy = json_dup(entry);
		int r = edit->note ? index_entry_note(copy, edit->note, err) : 0;

		if (r < 0) {
			json_free(copy);
			return r;
		}
		index_put(list->doc, copy);
	}
	return 0;
}

static int add_with_lease(struct store *s, const struct manifest_edit *edit, const char *name,
	char *const *images, struct digest *ret, struct err *err)
{
	struct manifest_source source = { .client = CLIENT_OPTIONS_INIT, .all = edit->all };
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(manifest_list) struct manifest_list list = { 0 };
	AUTO(json) struct json *entries = json_array_new();
	int r = registry_options_apply(edit->registry, &source.client, &creds, err);

	STRV_FOREACH (image, images)
		if (r >= 0)
			r = manifest_entries_of(s, image, &source, entries, err);
	if (r >= 0)
		r = manifest_list_begin(s, name, edit->flags, &list, err);
	if (r >= 0)
		r = add_entries(edit, &list, entries, err);
	return r < 0 ? r : manifest_list_commit(&list, ret, err);
}

int manifest_add(struct context *ctx, const struct manifest_edit *edit, const char *list,
	char *const *images, struct digest *ret_digest, struct err *err)
{
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = store_lease_begin(s, err);
	if (r < 0)
		return r;
	r = add_with_lease(s, edit, list, images, ret_digest, err);
	store_lease_end(s);
	return r;
}

static int change_with_lease(struct store *s, const struct manifest_edit *edit, const char *name,
	const struct digest *entry, struct digest *ret, struct err *err)
{
	AUTO(manifest_list) struct manifest_list list = { 0 };
	int r = manifest_list_begin(s, name, 0, &list, err);

	if (r >= 0)
		r = edit->change(&list, entry, edit->note, err);
	return r < 0 ? r : manifest_list_commit(&list, ret, err);
}

int manifest_change(struct context *ctx, const struct manifest_edit *edit, char *const *names,
	struct digest *ret_digest, struct err *err)
{
	struct manifest_source source = { .client = CLIENT_OPTIONS_INIT };
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(image_record) struct image_record rec = { 0 };
	struct digest entry;
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = registry_options_apply(edit->registry, &source.client, &creds, err);
	/* Not there: said before a registry is asked. */
	if (r >= 0)
		r = manifest_list_find(s, names[0], &rec, err);
	if (r >= 0)
		r = manifest_entry_digest(s, names[1], &source, &entry, err);
	if (r >= 0)
		r = store_lease_begin(s, err);
	if (r < 0)
		return r;
	r = change_with_lease(s, edit, names[0], &entry, ret_digest, err);
	store_lease_end(s);
	return r;
}
