/* A layer unpacked again, out of sight, to be compared with the one that is used. */
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
#include "image/check_priv.h"
#include "image/unpack.h"
#include "store/blob.h"
#include "store/layer.h"
#include "store/trash.h"
#include "sys/file.h"

#define OWNERS_MAX (256U << 20)

struct copy {
	struct store *store;
	char path[STORE_TMP_SIZE]; /* "" before it is made */
	int dir_fd, tree_fd, owners_fd;
	int *lower; /* parents, top first */
	size_t n_lower;
};

static void copy_done(struct copy *c)
{
	(void)fd_close(c->tree_fd);
	(void)fd_close(c->owners_fd);
	(void)fd_close(c->dir_fd);
	for (size_t i = 0; i < c->n_lower; i++)
		(void)fd_close(c->lower[i]);
	free(c->lower);
	if (*c->path && trash_remove(c->store, c->path, NULL, NULL) < 0)
		log_debug("check: %s stays for the sweep", c->path);
}
DEFINE_AUTO(copy, struct copy, copy_done)

static int make_place(struct copy *c, const struct idmap *map, struct err *err)
{
	char path[STORE_TMP_SIZE];
	int r = store_make_tmp_dir(c->store, "check.", path, &c->dir_fd, err);

	if (r < 0)
		return r;
	memcpy(c->path, path, sizeof(c->path));
	if (mkdirat(c->dir_fd, "fs", 0755) < 0 || fchmodat(c->dir_fd, "fs", 0755, 0) < 0)
		return err_sys(err, errno, "create %s/fs", path);
	if (map->kind == IDMAP_SINGLE) {
		c->owners_fd =
			openat(c->dir_fd, "owners", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (c->owners_fd < 0)
			return err_sys(err, errno, "create the owners file");
	}
	return file_open_dir(c->dir_fd, "fs", &c->tree_fd, err);
}

/* 0 when one of them is not there. */
static int open_parents(
	struct copy *c, const struct layer_verify_args *a, const char *key, struct err *err)
{
	c->lower = NEW_ARRAY(int, a->index + 1);
	for (size_t i = a->index; i-- > 0;) {
		char id[LAYER_ID_SIZE];
		int r;

		layer_make_id(&a->img->layers[i].chain_id, key, id);
		r = layer_open_fs(c->store, id, &c->lower[c->n_lower], err);
		if (r < 0)
			return r == -ERR_NOT_FOUND ? 0 : r;
		c->n_lower++;
	}
	return 1;
}

static int unpack_again(struct copy *c, const struct layer_verify_args *a, int blob_fd,
	struct unpack_result *ret, struct err *err)
{
	struct unpack_args args = {
		.blob_fd = blob_fd,
		.tree_fd = c->tree_fd,
		.map = a->map,
		.lower_fds = c->lower,
		.n_lower = c->n_lower,
		.owners_fd = c->owners_fd >= 0 ? c->owners_fd : -1,
	};
	struct unpack *u = NULL;
	struct stat st;
	int r;

	if (fstat(blob_fd, &st) < 0)
		return err_sys(err, errno, "stat the blob");
	r = unpack_start(&args, &u, err);
	if (r < 0)
		return r;
	unpack_end(u, (uint64_t)st.st_size);
	return unpack_finish(u, ret, err);
}

/* The file beside the tree that says whose its files really are. */
static int same_owners(struct copy *c, const char *id, char **ret_why, struct err *err)
{
	AUTO(buf) struct buf have = BUF_INIT(OWNERS_MAX);
	AUTO(buf) struct buf want = BUF_INIT(OWNERS_MAX);
	autofd int fd = -EBADF;
	int r;

	if (c->owners_fd < 0)
		return 1;
	r = layer_open_file(c->store, id, "owners", &fd, err);
	if (r == -ERR_NOT_FOUND) {
		*ret_why = xstrdup("its owners file is missing");
		return 0;
	}
	if (r >= 0)
		r = buf_read_fd(&have, fd, err);
	if (r >= 0 && lseek(c->owners_fd, 0, SEEK_SET) < 0)
		r = err_sys(err, errno, "read the owners file");
	if (r >= 0)
		r = buf_read_fd(&want, c->owners_fd, err);
	if (r < 0)
		return r;
	if (str_eq(buf_str(&have), buf_str(&want)))
		return 1;
	*ret_why = xstrdup("its owners file is another one");
	return 0;
}

static int compare(struct copy *c, const struct layer_verify_args *a, const char *id, int fs_fd,
	char **ret_why, struct err *err)
{
	autofd int again = -EBADF;
	int r;

	/* Its own description: the extractor has moved in the other one. */
	r = file_open_dir(c->dir_fd, "fs", &again, err);
	if (r >= 0)
		r = tree_compare(fs_fd, again, a->map, ret_why, err);
	return r <= 0 ? r : same_owners(c, id, ret_why, err);
}

int layer_verify(
	struct store *s, const struct layer_verify_args *a, char **ret_why, struct err *err)
{
	AUTO(copy) struct copy c = { .store = s, .dir_fd = -1, .tree_fd = -1, .owners_fd = -1 };
	char key[IDMAP_KEY_SIZE], id[LAYER_ID_SIZE];
	autofd int fs = -EBADF, blob = -EBADF;
	struct unpack_result result;
	struct err why = { 0 };
	int r;

	idmap_key(a->map, key);
	layer_make_id(&a->img->layers[a->index].chain_id, key, id);
	r = layer_open_fs(s, id, &fs, &why);
	if (r >= 0)
		r = blob_open(s, a->blob, &blob, &why);
	if (r == -ERR_NOT_FOUND)
		return 1; /* not unpacked, or removed meanwhile */
	if (r >= 0)
		r = open_parents(&c, a, key, &why);
	if (r <= 0)
		return r < 0 ? err_set(err, -r, "%s", why.msg) : 1;
	r = make_place(&c, a->map, err);
	if (r < 0)
		return r;
	r = unpack_again(&c, a, blob, &result, &why);
	if (r == -ERR_FORMAT || r == -ERR_LIMIT) {
		*ret_why = xasprintf("its blob cannot be unpacked: %s", why.msg);
		return 0;
	}
	if (r < 0)
		return err_set(err, -r, "%s", why.msg);
	if (!digest_equal(&result.diff_id, &a->img->config.diff_ids[a->index])) {
		*ret_why = xstrdup("its blob unpacks to another diff id");
		return 0;
	}
	return compare(&c, a, id, fs, ret_why, err);
}
