/* The frames of unpacked layers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "store/check_priv.h"
#include "store/layer.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define META_MAX (64U << 10)

/* "HEX.KEY" or that with the mark of this boot; the part before the mark goes to ret. */
static bool is_layer_name(struct store *s, const char *name, char ret_id[LAYER_ID_SIZE])
{
	size_t len = strlen(name);

	if (store_split_mark(s, name, &len) == 2 || len >= LAYER_ID_SIZE ||
		len < DIGEST_HEX_LEN + 2 || !str_is_hex_lower(name, DIGEST_HEX_LEN) ||
		name[DIGEST_HEX_LEN] != '.')
		return false;
	memcpy(ret_id, name, len);
	ret_id[len] = '\0';
	return true;
}

/* Does meta.json speak of this very layer? */
static int check_meta(struct check *c, const char *path, const char *id, struct err *err)
{
	autofree char *file = xasprintf("%s/meta.json", path);
	AUTO(buf) struct buf b = BUF_INIT(META_MAX);
	AUTO(json) struct json *meta = NULL;
	const char *chain = NULL, *map = NULL, *diff = NULL;
	struct digest chain_id, diff_id;
	int r = file_load(c->store->fd, file, &b, err);

	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, &meta, err);
	if (r >= 0)
		r = json_want_string(meta, "chainId", &chain, err);
	if (r >= 0)
		r = json_want_string(meta, "map", &map, err);
	if (r >= 0)
		r = json_want_string(meta, "diffId", &diff, err);
	if (r >= 0)
		r = digest_parse(chain ? chain : "", &chain_id, err);
	if (r >= 0)
		r = digest_parse(diff ? diff : "", &diff_id, err);
	if (r < 0)
		return err_ctx(err, r, "meta.json");
	if (!str_after(id, digest_hex(&chain_id)) || !map || !str_eq(map, id + DIGEST_HEX_LEN + 1))
		return err_set(err, ERR_FORMAT, "meta.json is that of layer %.19s", chain);
	return 0;
}

static int check_frame(struct check *c, const char *path, const char *id, struct err *err)
{
	autofree char *fs = xasprintf("%s/fs", path);
	struct stat st;

	if (fstatat(c->store->fd, fs, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "fs");
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_FORMAT, "fs is no directory");
	return check_meta(c, path, id, err);
}

static int check_layer(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("layers/%s", name), *thing = NULL;
	char id[LAYER_ID_SIZE];
	struct err why = { 0 };
	int r;

	(void)err;
	if (file_is_temporary(name))
		return 0;
	if (!is_layer_name(c->store, name, id)) {
		check_stray(c, path, "it is no layer");
		return 0;
	}
	c->n_layers++;
	r = check_frame(c, path, id, &why);
	/* Published under its last name while we looked. */
	if (r >= 0 || faccessat(c->store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	thing = xasprintf("layer %s", id);
	check_found(c, thing, CHECK_CURE_REPAIR, "%s", why.msg);
	if ((c->flags & CHECK_REPAIR) && check_discard_layer(c, id, &why) >= 0)
		check_repaired(c);
	return 0;
}

int check_layers(struct check *c, struct err *err)
{
	return check_each(c, "layers", check_layer, err);
}

/* Its files lie below a container's: as long as somebody has them open they stay. */
static int discard_unless_open(struct check *c, const char *path, struct err *err)
{
	autofree char *fs = xasprintf("%s/fs", path);
	autofd int fd = openat(c->store->fd, fs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && lock_fd(fd, LOCK_EXCLUSIVE | LOCK_NOWAIT, NULL) == -EAGAIN)
		return err_set(err, ERR_IN_USE, "a running container uses it");
	return check_discard(c, path, err);
}

int check_discard_layer(struct check *c, const char *id, struct err *err)
{
	char path[STORE_PATH_SIZE], marked[STORE_PATH_SIZE];
	int r;

	(void)snprintf(path, sizeof(path), "layers/%s", id);
	store_pending_path(c->store, path, marked);
	r = discard_unless_open(c, path, err);
	return r < 0 ? r : discard_unless_open(c, marked, err);
}
