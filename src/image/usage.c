#include "image/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/manifest.h"
#include "image/image.h"
#include "store/blob.h"
#include "store/container_dir.h"
#include "store/usage.h"
#include "sys/file.h"

/* A blob or a layer: what is measured, and counted once. */
struct part {
	const char *path; /* "blobs/sha256/HEX", "layers/HEX.KEY"; may carry the mark of a boot */
	uint64_t bytes;
	unsigned users; /* images */
	bool active;	/* of an image that has containers, or of a container itself */
};

struct parts {
	char **paths; /* sorted */
	struct part *v;
	size_t n;
};

static void parts_done(struct parts *p)
{
	strv_free(p->paths);
	free(p->v);
}
DEFINE_AUTO(parts, struct parts, parts_done)

void image_usage_done(struct image_usage *u)
{
	free(TAKE_PTR(u->items));
	u->n = 0;
}

static int add_dir(struct store *s, const char *dir, char ***paths, size_t *n, struct err *err)
{
	AUTO(strv) char **names = NULL;
	size_t have = *n, more;
	int r = file_list_dir(store_dirfd(s), dir, &names, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	more = strv_len(names);
	*paths = xrealloc_array(*paths, have + more + 1, sizeof(**paths));
	for (size_t i = 0; i < more; i++)
		(*paths)[have + i] = xasprintf("%s/%s", dir, names[i]);
	(*paths)[have + more] = NULL;
	*n = have + more;
	return 0;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int parts_read(struct store *s, const struct idmap *map, struct parts *ret, struct err *err)
{
	autofree struct usage *sums = NULL;
	int r = add_dir(s, "blobs/sha256", &ret->paths, &ret->n, err);

	if (r >= 0)
		r = add_dir(s, "layers", &ret->paths, &ret->n, err);
	if (r >= 0)
		r = add_dir(s, "ingest", &ret->paths, &ret->n, err);
	if (r < 0)
		return r;
	sums = NEW_ARRAY(struct usage, ret->n + 1);
	ret->v = NEW_ARRAY(struct part, ret->n + 1);
	if (ret->n)
		qsort(ret->paths, ret->n, sizeof(*ret->paths), compare_strings);
	r = usage_measure(s, ret->paths, map, sums, err);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = (struct part){ .path = ret->paths[i], .bytes = sums[i].disk };
	return r;
}

/* The first part whose path does not sort before `path`. */
static size_t lower_bound(const struct parts *p, const char *path)
{
	size_t lo = 0, hi = p->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(p->v[mid].path, path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* What one image uses; a part is marked once for it. */
struct marker {
	struct parts *parts;
	bool *seen;
	bool active;
	struct image_usage_item *item;
};

/* All parts that begin like this: under either name, of every owner map. */
static void mark_prefix(struct marker *m, const char *prefix)
{
	for (size_t i = lower_bound(m->parts, prefix); i < m->parts->n; i++) {
		struct part *part = &m->parts->v[i];

		if (!str_after(part->path, prefix))
			return;
		if (m->seen[i])
			continue;
		m->seen[i] = true;
		part->users++;
		part->active |= m->active;
		m->item->size += part->bytes;
	}
}

static void mark_blob(struct marker *m, const struct digest *d)
{
	autofree char *prefix = xasprintf("blobs/sha256/%s", digest_hex(d));

	if (digest_is_set(d))
		mark_prefix(m, prefix);
}

static void mark_manifest(struct store *s, struct marker *m, const struct digest *d)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	AUTO(manifest) struct manifest manifest = { 0 };

	mark_blob(m, d);
	if (blob_read_all(s, d, &b, NULL) < 0 ||
		manifest_parse(buf_str(&b), b.len, NULL, &manifest, NULL) < 0)
		return;
	if (manifest.kind == MANIFEST_IMAGE)
		mark_blob(m, &manifest.config.digest);
	for (size_t i = 0; i < manifest.n_layers; i++)
		mark_blob(m, &manifest.layers[i].digest);
	for (size_t i = 0; i < manifest.n_children; i++)
		mark_blob(m, &manifest.children[i].digest);
}

static void mark_record(struct store *s, struct marker *m, const struct image_record *rec)
{
	AUTO(image) struct image img = IMAGE_INIT;

	mark_blob(m, &rec->index);
	mark_blob(m, &rec->image_id);
	mark_manifest(s, m, &rec->manifest);
	if (image_from_record(s, rec, &img, NULL) < 0)
		return;
	for (size_t i = 0; i < img.n_layers; i++) {
		autofree char *prefix =
			xasprintf("layers/%s.", digest_hex(&img.layers[i].chain_id));

		mark_prefix(m, prefix);
	}
}

static bool has_container(const struct container_uses *uses, const struct digest *id)
{
	for (size_t i = 0; i < uses->n; i++)
		if (uses->items[i].image_id && str_eq(uses->items[i].image_id, id->text))
			return true;
	return false;
}

/* What the image shares can be told once all are marked. */
static uint64_t shared_of(const struct parts *p, const bool *seen)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < p->n; i++)
		if (seen[i] && p->v[i].users > 1)
			bytes += p->v[i].bytes;
	return bytes;
}

static void mark_images(struct store *s, const struct image_list *list,
	const struct container_uses *uses, struct parts *parts, struct image_usage *ret)
{
	bool **seen = NEW_ARRAY(bool *, list->n + 1);

	for (size_t i = 0; i < list->n; i++) {
		const struct image_record *rec = &list->items[i];
		struct image_usage_item *item = NULL;
		size_t at = 0;

		while (at < ret->n && !digest_equal(&ret->items[at].image_id, &rec->image_id))
			at++;
		item = &ret->items[at];
		if (at == ret->n) {
			*item = (struct image_usage_item){
				.image_id = rec->image_id,
				.active = has_container(uses, &rec->image_id),
			};
			seen[ret->n++] = NEW_ARRAY(bool, parts->n + 1);
			ret->active += item->active;
		}
		mark_record(s,
			&(struct marker){ .parts = parts,
				.seen = seen[at],
				.active = item->active,
				.item = item },
			rec);
	}
	for (size_t i = 0; i < ret->n; i++) {
		ret->items[i].shared = shared_of(parts, seen[i]);
		free(seen[i]);
	}
	free(seen);
}

/* Layers that only a container keeps, its image being gone. */
static void mark_containers(const struct container_uses *uses, struct parts *parts)
{
	for (size_t i = 0; i < uses->n; i++)
		STRV_FOREACH (id, uses->items[i].layers) {
			autofree char *prefix = xasprintf("layers/%s", id);
			size_t at = lower_bound(parts, prefix);

			for (; at < parts->n && str_after(parts->v[at].path, prefix); at++)
				parts->v[at].active = true;
		}
}

int image_usage(struct store *s, const struct idmap *map, struct image_usage *ret, struct err *err)
{
	AUTO(container_uses) struct container_uses uses = { 0 };
	AUTO(image_list) struct image_list list = { 0 };
	AUTO(parts) struct parts parts = { 0 };
	struct image_usage u = { 0 };
	int r = image_ref_list(s, &list, err);

	if (r >= 0)
		r = container_dir_uses(s, &uses, err);
	if (r >= 0)
		r = parts_read(s, map, &parts, err);
	if (r < 0)
		return r;
	u.items = NEW_ARRAY(struct image_usage_item, list.n + 1);
	mark_images(s, &list, &uses, &parts, &u);
	mark_containers(&uses, &parts);
	for (size_t i = 0; i < parts.n; i++) {
		u.total += parts.v[i].bytes;
		if (!parts.v[i].active)
			u.reclaimable += parts.v[i].bytes;
	}
	*ret = u;
	return 0;
}

const struct image_usage_item *image_usage_find(
	const struct image_usage *u, const struct digest *image_id)
{
	for (size_t i = 0; i < u->n; i++)
		if (digest_equal(&u->items[i].image_id, image_id))
			return &u->items[i];
	return NULL;
}
