/* Marking: from every reference to its blobs and layers, from every container to its layers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/image_config.h"
#include "codec/manifest.h"
#include "store/blob.h"
#include "store/container_dir.h"
#include "store/gc_priv.h"
#include "store/imagedb.h"
#include "store/layer.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define LEASE_MAX (4U << 20)

void gc_set_add(struct gc_set *set, const char *s)
{
	GROW(set->items, set->n, set->cap);
	set->items[set->n++] = xstrdup(s);
	set->sorted = false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool gc_set_has(struct gc_set *set, const char *s)
{
	if (!set->n)
		return false;
	if (!set->sorted) {
		qsort(set->items, set->n, sizeof(*set->items), compare_strings);
		set->sorted = true;
	}
	return bsearch(&s, set->items, set->n, sizeof(*set->items), compare_strings) != NULL;
}

void gc_set_done(struct gc_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->items[i]);
	free(TAKE_PTR(set->items));
	set->n = set->cap = 0;
}

void gc_mark_done(struct gc_mark *mark)
{
	gc_set_done(&mark->blobs);
	gc_set_done(&mark->chains);
	gc_set_done(&mark->layers);
}

static int read_manifest(
	struct store *s, const struct digest *digest, struct manifest *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(MANIFEST_BYTES_MAX);
	int r = blob_read_all(s, digest, &b, err);

	return r < 0 ? r : manifest_parse(buf_str(&b), b.len, NULL, ret, err);
}

static void mark_parts(const struct manifest *m, struct gc_mark *mark)
{
	if (m->kind == MANIFEST_IMAGE)
		gc_set_add(&mark->blobs, digest_hex(&m->config.digest));
	for (size_t i = 0; i < m->n_layers; i++)
		gc_set_add(&mark->blobs, digest_hex(&m->layers[i].digest));
}

static int mark_manifest(
	struct store *s, const struct digest *digest, struct gc_mark *mark, struct err *err)
{
	AUTO(manifest) struct manifest m = { 0 };
	int r = read_manifest(s, digest, &m, err);

	if (r >= 0)
		mark_parts(&m, mark);
	return r;
}

static int mark_config(
	struct store *s, const struct digest *digest, struct gc_mark *mark, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
	AUTO(image_config) struct image_config config = { 0 };
	autofree struct digest *chains = NULL;
	int r = blob_read_all(s, digest, &b, err);

	if (r >= 0)
		r = image_config_parse(buf_str(&b), b.len, &config, err);
	if (r < 0)
		return r;
	chains = NEW_ARRAY(struct digest, config.n_diff_ids + 1);
	layer_chain_ids(config.diff_ids, config.n_diff_ids, chains);
	for (size_t i = 0; i < config.n_diff_ids; i++)
		gc_set_add(&mark->chains, digest_hex(&chains[i]));
	return 0;
}

/*
 * A damaged image keeps what can still be found of it. But what could not be read this time only
 * (no descriptors left, an I/O error) must not make its layers look unused: then nothing is
 * collected.
 */
static int tolerate(int r, const struct err *why, struct err *err)
{
	bool damaged = r == -ENOENT || r == -ERR_NOT_FOUND || r == -ERR_FORMAT ||
		       r == -ERR_DIGEST || r == -ERR_UNSUPPORTED || r == -ERR_LIMIT;

	if (r >= 0)
		return 0;
	if (damaged) {
		log_debug("gc: %s", why->msg);
		return 0;
	}
	if (err)
		*err = *why;
	return r;
}

/* A manifest list keeps of its images what is here of them. */
static int mark_list(
	struct store *s, const struct digest *digest, struct gc_mark *mark, struct err *err)
{
	AUTO(manifest) struct manifest list = { 0 };
	struct err why = { 0 };
	int r = read_manifest(s, digest, &list, &why);

	r = tolerate(r, &why, err);
	for (size_t i = 0; r >= 0 && i < list.n_children; i++) {
		const struct digest *child = &list.children[i].digest;

		gc_set_add(&mark->blobs, digest_hex(child));
		r = tolerate(mark_manifest(s, child, mark, &why), &why, err);
	}
	return r;
}

static int mark_image(
	struct store *s, const struct image_record *rec, struct gc_mark *mark, struct err *err)
{
	struct err why = { 0 };
	int r;

	gc_set_add(&mark->blobs, digest_hex(&rec->image_id));
	gc_set_add(&mark->blobs, digest_hex(&rec->manifest));
	if (digest_is_set(&rec->index))
		gc_set_add(&mark->blobs, digest_hex(&rec->index));
	if (image_record_is_list(rec))
		return mark_list(s, &rec->manifest, mark, err);
	r = tolerate(mark_manifest(s, &rec->manifest, mark, &why), &why, err);
	return r < 0 ? r : tolerate(mark_config(s, &rec->image_id, mark, &why), &why, err);
}

static int mark_images(struct store *s, struct gc_mark *mark, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(s, &list, err);

	for (size_t i = 0; r >= 0 && i < list.n; i++)
		r = mark_image(s, &list.items[i], mark, err);
	return r;
}

static int mark_containers(struct store *s, struct gc_mark *mark, struct err *err)
{
	AUTO(container_uses) struct container_uses uses = { 0 };
	int r = container_dir_uses(s, &uses, err);

	for (size_t i = 0; r >= 0 && i < uses.n; i++)
		STRV_FOREACH (id, uses.items[i].layers)
			gc_set_add(&mark->layers, id);
	return r;
}

static void mark_lease_line(struct gc_mark *mark, const char *line)
{
	const char *name;

	if ((name = str_after(line, "b ")))
		gc_set_add(&mark->blobs, name);
	else if ((name = str_after(line, "l ")))
		gc_set_add(&mark->layers, name);
}

static int mark_lease(struct store *s, const char *path, struct gc_mark *mark, struct err *err)
{
	autofd int fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	AUTO(buf) struct buf b = BUF_INIT(LEASE_MAX);
	AUTO(strv) char **lines = NULL;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", path);
	if (lock_fd(fd, LOCK_SHARED | LOCK_NOWAIT, NULL) >= 0)
		return 0; /* its holder is dead; the sweeper removes it */
	r = buf_read_fd(&b, fd, err);
	if (r < 0)
		return err_ctx(err, r, "%s", path);
	lines = strv_split(buf_str(&b), '\n');
	STRV_FOREACH (line, lines)
		mark_lease_line(mark, line);
	return 0;
}

static int mark_leases(struct store *s, struct gc_mark *mark, struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(s->fd, "tmp", &names, err);

	STRV_FOREACH (name, names) {
		autofree char *path = xasprintf("tmp/%s", name);

		if (r >= 0 && str_after(name, "lease."))
			r = mark_lease(s, path, mark, err);
	}
	return r;
}

int gc_mark_all(struct store *s, struct gc_mark *mark, struct err *err)
{
	int r = mark_images(s, mark, err);

	if (r >= 0)
		r = mark_containers(s, mark, err);
	if (r >= 0)
		r = mark_leases(s, mark, err);
	return r;
}
