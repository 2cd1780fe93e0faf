/* Mark and sweep. Marking is in gc_mark.c; this file holds the lock and moves the victims. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/gc.h"
#include "store/gc_priv.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "store/usage.h"
#include "sys/file.h"

void gc_result_done(struct gc_result *r)
{
	strv_free(TAKE_PTR(r->chain_ids));
	strv_free(TAKE_PTR(r->blobs));
}

struct collection {
	struct store *store;
	struct gc_mark mark;
	struct gc_result result;
	char **trashed; /* names in trash/ */
	unsigned flags; /* enum gc_flags */
};

static void collection_done(struct collection *c)
{
	gc_mark_done(&c->mark);
	gc_result_done(&c->result);
	strv_free(c->trashed);
}
DEFINE_AUTO(collection, struct collection, collection_done)

static int discard(struct collection *c, const char *path, struct err *err)
{
	char name[TRASH_NAME_SIZE];
	int r = trash_move(c->store, path, name, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	strv_push(&c->trashed, name);
	return 1;
}

/* Everything of a name before the mark of a boot. The caller frees it. */
static char *unmarked(struct store *s, const char *name)
{
	size_t len = strlen(name);

	(void)store_split_mark(s, name, &len);
	return xstrndup(name, len);
}

static int collect_blob(struct collection *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("blobs/sha256/%s", name);
	autofree char *hex = unmarked(c->store, name);
	struct stat st;
	int r;

	if (gc_set_has(&c->mark.blobs, hex))
		return 0;
	if (fstatat(c->store->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat %s", path);
	r = discard(c, path, err);
	if (r <= 0)
		return r;
	strv_pushf(&c->result.blobs, "sha256:%s", hex);
	c->result.blob_bytes += (uint64_t)st.st_size;
	return 0;
}

/*
 * Whoever has opened it through layer_open_fs holds it shared: leave it to a later run. One whose
 * root is closed to us (EACCES) cannot be held by anybody: see layer_open_fs.
 */
static bool is_open_somewhere(struct store *s, const char *path, int *ret_fd)
{
	autofree char *fs = xasprintf("%s/fs", path);
	autofd int fd = openat(s->fd, fs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno != ENOENT && errno != EACCES;
	if (lock_fd(fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) == -EAGAIN)
		return true;
	*ret_fd = TAKE_FD(fd);
	return false;
}

static int collect_layer(struct collection *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("layers/%s", name);
	autofree char *id = unmarked(c->store, name);
	autofree char *chain = xstrndup(id, strcspn(id, "."));
	autofree char *digest = xasprintf("sha256:%s", chain);
	autofd int held = -EBADF;
	int r;

	if (gc_set_has(&c->mark.chains, chain) || gc_set_has(&c->mark.layers, id))
		return 0;
	if (is_open_somewhere(c->store, path, &held)) {
		log_debug("gc: %s is in use", path);
		return 0;
	}
	r = discard(c, path, err);
	if (r > 0 && !strv_contains(c->result.chain_ids, digest))
		strv_push(&c->result.chain_ids, digest);
	return r < 0 ? r : 0;
}

/* What is remembered of a layer's packing goes with the layer; nobody writes one meanwhile. */
static int collect_packed(struct collection *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf(STORE_PACKED "/%s", name);
	autofree char *hex = xstrndup(name, strcspn(name, "."));

	if (gc_set_has(&c->mark.blobs, hex))
		return 0;
	if (unlinkat(c->store->fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove %s", path);
	return 0;
}

static int collect_dir(struct collection *c, const char *dir,
	int (*collect)(struct collection *, const char *, struct err *), struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(c->store->fd, dir, &names, err);

	if (r == -ENOENT)
		return 0;
	STRV_FOREACH (name, names)
		if (r >= 0)
			r = collect(c, name, err);
	return r;
}

/* Who fills one holds its lock. */
static int collect_download(struct collection *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("ingest/%s", name);
	autofd int fd = openat(c->store->fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lock_fd(fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) < 0)
		return 0;
	return discard(c, path, err);
}

static int collect_all(struct collection *c, struct err *err)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	int r = store_lock(c->store, LOCK_EXCLUSIVE, &l, err);

	if (r >= 0)
		r = gc_mark_all(c->store, &c->mark, err);
	if (r >= 0)
		r = collect_dir(c, "layers", collect_layer, err);
	if (r >= 0)
		r = collect_dir(c, "blobs/sha256", collect_blob, err);
	if (r >= 0 && (c->flags & GC_DOWNLOADS))
		r = collect_dir(c, "ingest", collect_download, err);
	if (r >= 0)
		r = collect_dir(c, STORE_PACKED, collect_packed, err);
	return r;
}

/* What lies in trash now is what was moved there: measure it before it goes. */
static int measure(struct collection *c, const struct idmap *map, struct err *err)
{
	AUTO(strv) char **paths = NULL;
	size_t n = strv_len(c->trashed);
	autofree struct usage *sums = NEW_ARRAY(struct usage, n + 1);
	int r;

	STRV_FOREACH (name, c->trashed)
		strv_pushf(&paths, "trash/%s", name);
	r = usage_measure(c->store, paths, map, sums, err);
	for (size_t i = 0; i < n; i++)
		c->result.disk_bytes += sums[i].disk;
	return r;
}

/* What a power cut brings back has to be whole: no content goes before its name is gone for good. */
static int sync_trash(struct store *s, struct err *err)
{
	autofd int fd = -EBADF;
	int r = file_open_dir(s->fd, "trash", &fd, err);

	return r < 0 ? r : file_sync(fd, "trash", err);
}

static int run(
	struct collection *c, const struct idmap *map, struct gc_result *ret, struct err *err)
{
	struct err why = { 0 };
	int r;

	/* Looking a blob up under a lease takes the store lock, which is ours exclusively by then. */
	assert_that(c->store->lease.fd < 0);
	r = collect_all(c, err);
	if (map && measure(c, map, &why) < 0)
		log_debug("gc: %s", why.msg);
	if (c->trashed && sync_trash(c->store, &why) < 0) {
		log_debug("gc: %s", why.msg);
		strv_free(TAKE_PTR(c->trashed)); /* left to the next sweep */
	}
	STRV_FOREACH (name, c->trashed)
		if (trash_delete(c->store, name, map, &why) < 0)
			log_debug("gc: %s", why.msg);
	if (r < 0)
		return err_ctx(err, r, "garbage collection");
	*ret = c->result;
	c->result = (struct gc_result){ 0 };
	return 0;
}

int gc_run(struct store *s, struct gc_result *ret, struct err *err)
{
	AUTO(collection) struct collection c = { .store = s };

	return run(&c, NULL, ret, err);
}

int gc_run_measured(struct store *s, unsigned flags, const struct idmap *map, struct gc_result *ret,
	struct err *err)
{
	AUTO(collection) struct collection c = { .store = s, .flags = flags };

	return run(&c, map, ret, err);
}
