/* Container directories and names. Nothing here removes a container or any file of one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "store/check_priv.h"
#include "store/container_priv.h"
#include "store/layer.h"
#include "sys/file.h"

#define CONFIG_MAX (8U << 20)

/* What a finding says about one container. */
struct subject {
	struct check *check;
	struct container_dir dir;
	char thing[48]; /* "container 0123456789ab" */
	char remove[32];
};

static bool has_dir(const struct subject *x, const char *name)
{
	struct stat st;

	return fstatat(x->dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* state.json is there once it has ended, or a start has failed. */
static void check_state(struct subject *x)
{
	AUTO(buf) struct buf b = BUF_INIT(CONFIG_MAX);
	AUTO(json) struct json *doc = NULL;
	struct err why = { 0 };
	int r = container_dir_read(&x->dir, "state.json", &b, &why);

	if (r == -ENOENT)
		return;
	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, &doc, &why);
	if (r < 0)
		check_found(x->check, x->thing, x->remove, "state.json: %s", why.msg);
}

static int check_layer_of(struct subject *x, const char *id, const char *image, struct err *err)
{
	autofree char *pull = image ? xasprintf("proa pull %s", image) : NULL;
	int r = layer_has(x->check->store, id, err);

	if (r == 0)
		check_found(x->check, x->thing, pull ? pull : x->remove,
			"layer %s, which it was made from, is not there", id);
	return r;
}

static int check_layers_of(struct subject *x, const struct json *config, struct err *err)
{
	AUTO(strv) char **layers = NULL;
	const char *image = json_get_string(config, "image");
	int r = json_want_strv(config, "layers", &layers, err);

	STRV_FOREACH (id, layers)
		if (r >= 0)
			r = check_layer_of(x, id, image, err);
	if (r < 0 || !layers || !*layers)
		return r;
	if (!has_dir(x, "upper") || !has_dir(x, "work"))
		check_found(x->check, x->thing, x->remove, "it has lost its writable layer");
	return 0;
}

/* Its keeper removes it at this moment: not ours to judge. */
static bool is_going(const struct subject *x)
{
	char path[STORE_PATH_SIZE];

	container_path(x->dir.id, true, path);
	return lock_is_current(x->check->store->fd, path, x->dir.fd, NULL) != 1;
}

static int check_name_of(struct subject *x, const struct json *config, struct err *err)
{
	const char *name = NULL;
	int r = json_want_string(config, "name", &name, err);

	if (r < 0 || !name)
		return r;
	if (container_dir_check_name(name, NULL) < 0)
		return err_set(err, ERR_FORMAT, "its name is malformed");
	if (container_name_leads_to(x->check->store, name, x->dir.id))
		return 0;
	/* Removing gives back the name first, with the lock held. */
	if (container_dir_is_alive(&x->dir, NULL) == 1 || is_going(x))
		return 0;
	check_found(x->check, x->thing, CHECK_CURE_REPAIR, "its name %s does not lead to it", name);
	if ((x->check->flags & CHECK_REPAIR) &&
		container_name_claim(x->check->store, name, x->dir.id, NULL) >= 0)
		check_repaired(x->check);
	return 0;
}

static int read_config(struct subject *x, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(CONFIG_MAX);
	int r = container_dir_read(&x->dir, "config.json", &b, err);

	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, ret, err);
	return r;
}

static int check_config(struct subject *x, struct err *err)
{
	AUTO(json) struct json *config = NULL;
	struct err why = { 0 };
	char cure[160];
	int r = read_config(x, &config, &why);

	if (r >= 0)
		r = check_layers_of(x, config, &why);
	if (r >= 0)
		r = check_name_of(x, config, &why);
	if (r >= 0 || is_going(x))
		return 0;
	if (r != -ENOENT && r != -ERR_FORMAT && r != -ERR_LIMIT) {
		if (err)
			*err = why;
		return err_ctx(err, r, "%s", x->thing);
	}
	(void)snprintf(cure, sizeof(cure),
		"copy what you need from containers/%.12s*/upper in the store, then %s", x->dir.id,
		x->remove);
	check_found(x->check, x->thing, cure, "%s", why.msg);
	return 0;
}

static int check_container(struct check *c, const char *name, struct err *err)
{
	struct subject x = { .check = c, .dir = CONTAINER_DIR_INIT };
	autofree char *path = NULL;
	int r;

	if (*name == '.' && strlen(name + 1) == CONTAINER_ID_LEN)
		return 0; /* being made; swept when its maker is dead */
	if (strlen(name) != CONTAINER_ID_LEN || !str_is_hex_lower(name, CONTAINER_ID_LEN)) {
		path = xasprintf("containers/%s", name);
		check_found(c, path, "look at it and move it elsewhere", "it is no container");
		return 0;
	}
	r = container_dir_open(c->store, name, &x.dir, err);
	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	c->n_containers++;
	(void)snprintf(x.thing, sizeof(x.thing), "container %.12s", name);
	(void)snprintf(x.remove, sizeof(x.remove), "proa rm -f %.12s", name);
	r = check_config(&x, err);
	if (r >= 0)
		check_state(&x);
	container_dir_done(&x.dir);
	return r;
}

static int check_name(struct check *c, const char *name, struct err *err)
{
	autofree char *path = NULL;

	(void)err;
	/* Without the exclusive lock somebody may be between taking a name and his directory. */
	if (!(c->flags & CHECK_REPAIR) || !container_name_is_void(c->store, name))
		return 0;
	path = xasprintf("names/%s", name);
	check_stray(c, path, "it leads to no container");
	return 0;
}

int check_containers(struct check *c, struct err *err)
{
	int r = check_each(c, "containers", check_container, err);

	return r < 0 ? r : check_each(c, "names", check_name, err);
}
