#include "image/layer_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "codec/json.h"
#include "image/unpack.h"
#include "userns/idmap.h"

#define OWNERS_FILE "owners"

struct layer_unpack {
	struct layer_txn *txn;
	struct unpack *unpack;
	struct digest diff_id, chain_id, blob;
	char map_key[IDMAP_KEY_SIZE];
	bool lacks_parents;
	bool keep_owners; /* also when nothing is in it */
};

/* The parents' trees, top first; those that are not there are skipped and counted. */
struct parents {
	int *fds;
	size_t n, missing;
};

static void parents_done(struct parents *p)
{
	for (size_t i = 0; i < p->n; i++)
		(void)fd_close(p->fds[i]);
	free(p->fds);
}
DEFINE_AUTO(parents, struct parents, parents_done)

static int open_parents(struct store *s, const struct layer_unpack_args *a, const char *map_key,
	struct parents *ret, struct err *err)
{
	ret->fds = NEW_ARRAY(int, a->index + 1);
	for (size_t i = a->index; i-- > 0;) {
		char id[LAYER_ID_SIZE];
		int fd, r;

		layer_make_id(&a->chain_ids[i], map_key, id);
		r = layer_open_fs(s, id, &fd, err);
		if (r == -ERR_NOT_FOUND)
			ret->missing++;
		else if (r < 0)
			return r;
		else
			ret->fds[ret->n++] = fd;
	}
	return 0;
}

/*
 * A descriptor of its own for the sandbox: read-only, and without the flock that an ingest file's
 * descriptor carries.
 */
static int reopen_blob(int fd, struct err *err)
{
	char path[40];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, O_RDONLY | O_CLOEXEC);
	return ret < 0 ? err_sys(err, errno, "open the blob again") : ret;
}

static int start(
	struct store *s, const struct layer_unpack_args *a, struct layer_unpack *u, struct err *err)
{
	AUTO(parents) struct parents parents = { 0 };
	autofd int blob = -EBADF, owners = -EBADF;
	struct unpack_args args = { .map = a->map, .owners_fd = -1 };
	int r;

	r = open_parents(s, a, u->map_key, &parents, err);
	if (r < 0)
		return r;
	u->lacks_parents = parents.missing > 0;
	blob = reopen_blob(a->blob_fd, err);
	if (blob < 0)
		return blob;
	owners = openat(
		layer_txn_dir(u->txn), OWNERS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (owners < 0)
		return err_sys(err, errno, "create the owners file");
	args.owners_fd = owners;
	args.blob_fd = blob;
	args.tree_fd = layer_txn_tree(u->txn);
	args.lower_fds = parents.fds;
	args.n_lower = parents.n;
	return unpack_start(&args, &u->unpack, err);
}

int layer_unpack_begin(struct store *s, const struct layer_unpack_args *a,
	struct layer_unpack **ret, struct err *err)
{
	AUTO(layer_unpack) struct layer_unpack *u = NEW(struct layer_unpack);
	char id[LAYER_ID_SIZE];
	int r;

	idmap_key(a->map, u->map_key);
	u->chain_id = a->chain_ids[a->index];
	u->diff_id = *a->diff_id;
	u->keep_owners = a->map->kind == IDMAP_SINGLE;
	if (a->blob)
		u->blob = *a->blob;
	layer_make_id(&u->chain_id, u->map_key, id);
	r = layer_begin(s, id, a->flags, &u->txn, err);
	if (r != 0)
		return r;
	r = start(s, a, u, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(u);
	return 0;
}

void layer_unpack_more(struct layer_unpack *u, uint64_t total)
{
	unpack_more(u->unpack, total);
}

void layer_unpack_end(struct layer_unpack *u, uint64_t total)
{
	unpack_end(u->unpack, total);
}

int layer_unpack_pollfd(const struct layer_unpack *u)
{
	return unpack_pollfd(u->unpack);
}

bool layer_unpack_lacks_parents(const struct layer_unpack *u)
{
	return u->lacks_parents;
}

static char *make_meta(const struct layer_unpack *u, const struct unpack_result *result)
{
	AUTO(json) struct json *meta = json_object_new();

	json_set_string(meta, "diffId", u->diff_id.text);
	json_set_string(meta, "chainId", u->chain_id.text);
	if (digest_is_set(&u->blob))
		json_set_string(meta, "blob", u->blob.text);
	json_set_string(meta, "map", u->map_key);
	json_set_int(meta, "entries", (int64_t)result->entries);
	json_set_int(meta, "tarBytes", (int64_t)result->tar_bytes);
	json_set_int(meta, "fileBytes", (int64_t)result->file_bytes);
	json_set_int(meta, "ownersRecorded", (int64_t)result->owners_recorded);
	json_set_int(meta, "devicesSkipped", (int64_t)result->devices_skipped);
	json_set_bool(meta, "rootImplied", result->root_implied);
	return json_print(meta, false);
}

static void log_warnings(const struct layer_unpack *u, unsigned warnings)
{
	for (unsigned bit = 1; bit < 1U << UNPACK_WARNINGS; bit <<= 1)
		if (warnings & bit)
			log_debug("layer %.19s: %s", u->diff_id.text, unpack_warning_text(bit));
}

int layer_unpack_finish(struct layer_unpack *job, struct err *err)
{
	AUTO(layer_unpack) struct layer_unpack *u = job;
	struct unpack_result result;
	autofree char *meta = NULL;
	int r;

	r = unpack_finish(TAKE_PTR(u->unpack), &result, err);
	if (r < 0)
		return r;
	/* What it found in the parents may have been in one that was not there. */
	if (u->lacks_parents && result.asked_parents)
		return err_set(err, ERR_FORMAT, "the layer needs its parents to be unpacked");
	log_warnings(u, result.warnings);
	if (!digest_equal(&result.diff_id, &u->diff_id))
		return err_set(err, ERR_DIGEST,
			"its content has the diff id %s, the image's config says %s",
			result.diff_id.text, u->diff_id.text);
	if (!result.owners_recorded && !u->keep_owners &&
		unlinkat(layer_txn_dir(u->txn), OWNERS_FILE, 0) < 0)
		return err_sys(err, errno, "remove the empty owners file");
	meta = make_meta(u, &result);
	return layer_commit(TAKE_PTR(u->txn), meta, strlen(meta), err);
}

void layer_unpack_abort(struct layer_unpack *u)
{
	if (u->unpack)
		unpack_abort(u->unpack);
	if (u->txn)
		layer_abort(u->txn);
	free(u);
}
