/* The file format of an image record. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/json.h"
#include "store/imagedb_priv.h"

void image_record_done(struct image_record *r)
{
	free(TAKE_PTR(r->reference));
}

void image_record_copy(const struct image_record *r, struct image_record *ret)
{
	*ret = *r;
	ret->reference = xstrdup(r->reference);
}

char *imagedb_format(const struct image_record *r)
{
	AUTO(json) struct json *doc = json_object_new();
	char created[CLOCK_RFC3339_SIZE];

	if (r->reference)
		json_set_string(doc, "reference", r->reference);
	json_set_string(doc, "imageId", r->image_id.text);
	json_set_string(doc, "manifest", r->manifest.text);
	if (digest_is_set(&r->index))
		json_set_string(doc, "index", r->index.text);
	json_set_bool(doc, "fromRegistry", r->from_registry);
	clock_format_rfc3339(r->created_ns, created);
	json_set_string(doc, "created", created);
	return json_print(doc, false);
}

static int want_digest(const struct json *doc, const char *key, struct digest *ret, struct err *err)
{
	const char *text = NULL;
	int r = json_want_string(doc, key, &text, err);

	if (r <= 0)
		return r;
	r = digest_parse(text, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", key) : 1;
}

static int parse_members(const struct json *doc, struct image_record *rec, struct err *err)
{
	const char *reference = NULL, *created = NULL;
	int r;

	r = want_digest(doc, "imageId", &rec->image_id, err);
	if (r == 0)
		r = err_set(err, ERR_FORMAT, "imageId is missing");
	if (r >= 0)
		r = want_digest(doc, "manifest", &rec->manifest, err);
	if (r == 0)
		r = err_set(err, ERR_FORMAT, "manifest is missing");
	if (r >= 0)
		r = want_digest(doc, "index", &rec->index, err);
	if (r >= 0)
		r = json_want_bool(doc, "fromRegistry", &rec->from_registry, err);
	if (r >= 0)
		r = json_want_string(doc, "created", &created, err);
	if (r > 0)
		r = clock_parse_rfc3339(created, &rec->created_ns, err);
	if (r >= 0)
		r = json_want_string(doc, "reference", &reference, err);
	if (r < 0)
		return r;
	rec->reference = xstrdup(reference);
	return 0;
}

int imagedb_parse(const char *text, size_t len, struct image_record *ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	struct image_record rec = { 0 };
	int r = json_parse(text, len, &doc, err);

	if (r >= 0)
		r = parse_members(doc, &rec, err);
	if (r < 0)
		return r;
	*ret = rec;
	return 0;
}
