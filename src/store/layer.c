/* Unpacked layers. */
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
#include "store/layer.h"
#include "store/store_priv.h"
#include "store/trash.h"
#include "sys/file.h"

struct layer_txn {
	struct store *store;
	char id[LAYER_ID_SIZE];
	struct lock lock; /* locks/layer-ID */
	int dir_fd;	  /* flocked: tells the sweeper that the maker lives */
	int tree_fd;
	char path[STORE_PATH_SIZE]; /* tmp/layer.X, "" before it is made */
};

void layer_chain_ids(const struct digest *diff_ids, size_t n, struct digest *ret_chain_ids)
{
	for (size_t i = 0; i < n; i++)
		digest_chain(i ? &ret_chain_ids[i - 1] : NULL, &diff_ids[i], &ret_chain_ids[i]);
}

void layer_make_id(const struct digest *chain_id, const char *map_key, char ret[LAYER_ID_SIZE])
{
	int n = snprintf(ret, LAYER_ID_SIZE, "%s.%s", digest_hex(chain_id), map_key);

	assert_that(n > 0 && n < LAYER_ID_SIZE);
}

/* A descriptor, or -kind without text for what is absent. */
static int open_in_layer(
	struct store *s, const char *id, const char *suffix, int flags, struct err *err)
{
	char path[STORE_PATH_SIZE];
	int r = store_cover(s, "l", id, err);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "layers/%s", id);
	r = store_open_published(s, path, suffix, flags);
	if (r >= 0 || r == -ERR_NOT_FOUND || r == -EACCES)
		return r;
	return err_sys(err, -r, "open layer %s", id);
}

int layer_has(struct store *s, const char *id, struct err *err)
{
	autofd int fd = open_in_layer(s, id, "", O_PATH | O_DIRECTORY, err);

	if (fd == -ERR_NOT_FOUND)
		return 0;
	return fd < 0 ? fd : 1;
}

int layer_open_fs(struct store *s, const char *id, int *ret_fd, struct err *err)
{
	autofd int fd = open_in_layer(s, id, "/fs", O_RDONLY | O_DIRECTORY, err);
	int r;

	if (fd == -EACCES) {
		/* The layer says that its root belongs to a subordinate id and is closed to others:
		 * there is no lock then, and the scan of containers alone protects it. */
		fd = open_in_layer(s, id, "/fs", O_PATH | O_DIRECTORY, err);
		if (fd >= 0) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
	if (fd == -ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "layer %s is not in the store", id);
	if (fd < 0)
		return err_ctx(err, fd, "layer %s", id);
	r = lock_fd(fd, LOCK_SHARED | LOCK_NOWAIT, err);
	if (r == -EAGAIN)
		return err_set(err, ERR_NOT_FOUND, "layer %s is being removed", id);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int layer_open_file(struct store *s, const char *id, const char *name, int *ret_fd, struct err *err)
{
	char suffix[STORE_PATH_SIZE];
	int fd;

	(void)snprintf(suffix, sizeof(suffix), "/%s", name);
	fd = open_in_layer(s, id, suffix, O_RDONLY | O_NOCTTY, err);
	if (fd == -ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "layer %s is not in the store", id);
	if (fd < 0)
		return err_ctx(err, fd, "layer %s", id);
	*ret_fd = fd;
	return 0;
}

int layer_read_meta(struct store *s, const char *id, struct buf *ret, struct err *err)
{
	autofd int fd = -EBADF;
	int r = layer_open_file(s, id, "meta.json", &fd, err);

	if (r < 0)
		return r;
	r = buf_read_fd(ret, fd, err);
	return r < 0 ? err_ctx(err, r, "layer %s", id) : 0;
}

int layer_open_owners(struct store *s, const char *id, int *ret_fd, struct err *err)
{
	int fd = open_in_layer(s, id, "/owners", O_RDONLY | O_NOCTTY, err);

	if (fd == -ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND, "layer %s has no record of owners", id);
	if (fd < 0)
		return err_ctx(err, fd, "layer %s", id);
	*ret_fd = fd;
	return 0;
}

static void txn_free(struct layer_txn *txn)
{
	char name[STORE_PATH_SIZE];

	(void)fd_close(txn->tree_fd);
	(void)fd_close(txn->dir_fd);
	(void)snprintf(name, sizeof(name), "locks/layer-%s", txn->id);
	if (txn->lock.fd >= 0)
		lock_unlink(&txn->lock, txn->store->fd, name);
	free(txn);
}

static int make_tree(struct layer_txn *txn, struct err *err)
{
	int r = store_make_tmp_dir(txn->store, "layer.", txn->path, &txn->dir_fd, err);

	if (r < 0)
		return r;
	if (mkdirat(txn->dir_fd, "fs", 0755) < 0)
		return err_sys(err, errno, "create %s/fs", txn->path);
	r = file_open_dir(txn->dir_fd, "fs", &txn->tree_fd, err);
	if (r < 0)
		return r;
	/* Whatever the umask is: this is the container's root directory. */
	if (fchmod(txn->tree_fd, 0755) < 0)
		return err_sys(err, errno, "chmod %s/fs", txn->path);
	return 0;
}

int layer_begin(
	struct store *s, const char *id, unsigned flags, struct layer_txn **ret, struct err *err)
{
	AUTO(layer_txn) struct layer_txn *txn = NULL;
	char name[STORE_PATH_SIZE];
	int r = layer_has(s, id, err);

	if (r != 0)
		return r;
	txn = NEW(struct layer_txn);
	txn->store = s;
	txn->lock.fd = txn->dir_fd = txn->tree_fd = -EBADF;
	if (!str_copy(txn->id, sizeof(txn->id), id))
		return err_set(err, ERR_FORMAT, "layer id %s is too long", id);
	(void)snprintf(name, sizeof(name), "locks/layer-%s", id);
	r = lock_file(s->fd, name, LOCK_EXCLUSIVE | (flags & LAYER_NOWAIT ? LOCK_NOWAIT : 0),
		&txn->lock, err);
	if (r < 0)
		return r;
	r = layer_has(s, id, err);
	if (r != 0)
		return r;
	r = make_tree(txn, err);
	if (r < 0)
		return err_ctx(err, r, "layer");
	*ret = TAKE_PTR(txn);
	return 0;
}

int layer_txn_tree(const struct layer_txn *txn)
{
	return txn->tree_fd;
}

int layer_txn_dir(const struct layer_txn *txn)
{
	return txn->dir_fd;
}

static int publish(struct layer_txn *txn, struct err *err)
{
	char path[STORE_PATH_SIZE], marked[STORE_PATH_SIZE];
	int r;

	(void)snprintf(path, sizeof(path), "layers/%s", txn->id);
	store_pending_path(txn->store, path, marked);
	r = file_rename_new(txn->store->fd, txn->path, txn->store->fd, marked, err);
	if (r < 0 && r != -EEXIST)
		return r;
	if (r == 0)
		txn->path[0] = '\0';
	store_add_pending(txn->store, path);
	return 0;
}

int layer_commit(struct layer_txn *txn, const char *meta, size_t meta_len, struct err *err)
{
	const struct file_content content = { .data = meta, .len = meta_len, .mode = 0600 };
	int r = file_write_atomic(txn->dir_fd, "meta.json", &content, FILE_NO_SYNC, err);

	if (r >= 0)
		r = publish(txn, err);
	if (r < 0)
		r = err_ctx(err, r, "layer %s", txn->id);
	layer_abort(txn);
	return r;
}

void layer_abort(struct layer_txn *txn)
{
	if (!txn)
		return;
	/* What fails is left to the next sweep, which finds its lock free. */
	if (*txn->path && trash_remove(txn->store, txn->path, NULL, NULL) < 0)
		log_debug("store: %s stays for the sweep", txn->path);
	txn_free(txn);
}
