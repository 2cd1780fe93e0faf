#include "container/create.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/env.h"
#include "codec/passwd.h"
#include "codec/resolv.h"
#include "codec/run_command.h"
#include "container/names.h"
#include "container/remove.h"
#include "container/root_attributes.h"
#include "container/spec_build.h"

#define NAME_ATTEMPTS	 20
#define SHORT_ID_LEN	 12
#define HOSTNAME_MAX_LEN 64

/* The command line, and what inspect shows as its two parts. */
static int fill_command(struct container_config *c, const struct container_options *o,
	const struct image_config *image, struct err *err)
{
	int r;

	r = run_command_merge(image->entrypoint, image->cmd, o->entrypoint, o->args, &c->args, err);
	if (r < 0)
		return r;
	if (o->entrypoint && *o->entrypoint)
		strv_push(&c->entrypoint, o->entrypoint);
	else if (!o->entrypoint)
		c->entrypoint = strv_dup(image->entrypoint);
	c->cmd = strv_dup(o->args && o->args[0] ? o->args : o->entrypoint ? NULL : image->cmd);
	return 0;
}

/*
 * With the host's network the host's name stands, as docker has it; otherwise the short id.
 */
static int fill_hostname(
	struct container_config *c, const struct container_options *o, struct err *err)
{
	char name[HOSTNAME_MAX_LEN + 1] = "";

	if (o->hostname) {
		int r = hostname_check(o->hostname, err);

		if (r < 0)
			return r;
		c->hostname = xstrdup(o->hostname);
	} else if (str_eq(c->network, "host")) {
		if (gethostname(name, sizeof(name) - 1) < 0)
			return err_sys(err, errno, "gethostname");
		c->hostname = xstrdup(name);
	} else {
		c->hostname = xstrndup(c->id, SHORT_ID_LEN);
	}
	return 0;
}

static void fill_env(struct container_config *c, const struct container_options *o,
	const struct image_config *image)
{
	size_t dropped = 0;

	c->env = env_build(
		&(struct env_build){
			.image = image->env,
			.user = o->env,
			.hostname = c->hostname,
			.tty = (o->flags & CONTAINER_TTY) != 0,
		},
		&dropped);
	if (dropped)
		log_warn("%zu entries of the image's environment are not KEY=value: left out",
			dropped);
}

/* The image's labels, then the user's, which win. */
static void fill_labels(struct container_config *c, const struct container_options *o,
	const struct image_config *image)
{
	strv_extend(&c->labels, image->labels);
	for (size_t i = 0; o->labels && o->labels[i]; i++) {
		autofree char *with_value =
			strchr(o->labels[i], '=') ? NULL : xasprintf("%s=", o->labels[i]);

		strv_env_set(&c->labels, with_value ? with_value : o->labels[i]);
	}
}

static int fill_workdir(struct container_config *c, const struct container_options *o,
	const struct image_config *image, struct err *err)
{
	const char *dir = o->workdir ? o->workdir : image->workdir;

	if (str_empty(dir))
		return 0;
	if (!path_is_absolute(dir))
		return err_set(err, ERR_USAGE,
			"the working directory '%s' is invalid, it needs to be an absolute path",
			dir);
	c->workdir = path_clean("/", dir);
	return 0;
}

static void fill_origin(struct container_config *c, const struct container_options *o,
	const struct image *image, const struct idmap *map)
{
	char key[IDMAP_KEY_SIZE];

	idmap_key(map, key);
	c->map_key = xstrdup(key);
	c->image = xstrdup(o->image);
	c->rootfs = xstrdup(o->rootfs);
	if (!image)
		return;
	c->image_id = xstrdup(image->record.image_id.text);
	for (size_t i = 0; i < image->n_layers; i++)
		strv_push(&c->layers, image->layers[i].id);
}

static void fill_lists(struct container_config *c, const struct container_options *o)
{
	strv_extend(&c->volumes, o->volumes);
	strv_extend(&c->mounts, o->mounts);
	strv_extend(&c->tmpfs, o->tmpfs);
	strv_extend(&c->cap_add, o->cap_add);
	strv_extend(&c->cap_drop, o->cap_drop);
	strv_extend(&c->security_opt, o->security_opt);
	strv_extend(&c->ulimits, o->ulimits);
	strv_extend(&c->groups, o->groups);
}

/* Everything but id and name. */
static int fill_config(struct container_config *c, const struct container_options *o,
	const struct image *image, const struct idmap *map, struct err *err)
{
	static const struct image_config nothing = { 0 };
	const struct image_config *config = image ? &image->config : &nothing;
	const char *user = o->user ? o->user : config->user;
	int r;

	c->created_ns = clock_wall_ns();
	c->flags = o->flags;
	/* Relative sources of mounts mean the directory that the user is in now. */
	c->cwd = getcwd(NULL, 0);
	if (!c->cwd)
		return err_sys(err, errno, "getcwd");
	c->network = xstrdup(o->network);
	fill_origin(c, o, image, map);
	fill_lists(c, o);
	fill_labels(c, o, config);
	c->user = str_empty(user) ? NULL : xstrdup(user);
	c->stop_signal = str_empty(config->stop_signal) ? NULL : xstrdup(config->stop_signal);
	r = passwd_check_spec(c->user, err);
	if (r >= 0)
		r = fill_workdir(c, o, config, err);
	if (r >= 0)
		r = fill_command(c, o, config, err);
	if (r >= 0)
		r = fill_hostname(c, o, err);
	if (r < 0)
		return r;
	fill_env(c, o, config);
	return 0;
}

static int check_options(const struct container_config *c, const struct idmap *map, struct err *err)
{
	AUTO(spec) struct spec spec;

	spec_init(&spec);
	return spec_build(c, map, SPEC_BUILD_CHECK_ONLY, &spec, err);
}

static int create_dir(struct store *s, struct container *c, struct err *err)
{
	autofree char *text = container_config_format(&c->config);
	unsigned flags = 0;

	if (c->config.flags & CONTAINER_AUTO_REMOVE)
		flags |= CONTAINER_EPHEMERAL;
	if (c->config.rootfs)
		flags |= CONTAINER_NO_OVERLAY;
	return container_dir_create(s,
		&(struct container_new){
			.id = c->config.id,
			.name = c->config.name,
			.config = text,
			.config_len = strlen(text),
			.flags = flags,
		},
		&c->dir, err);
}

/* A name of ours may be taken: another is tried. The user's is an error. */
static int create_named(struct store *s, struct container *c, const char *wanted,
	const struct idmap *map, struct err *err)
{
	int r = 0;

	if (wanted) {
		r = container_dir_check_name(wanted, err);
		if (r < 0)
			return r;
		c->config.name = xstrdup(wanted);
		r = create_dir(s, c, err);
		if (r != -ERR_EXISTS)
			return r;
		/* The name may belong to one that should be gone. */
		container_remove_lost(s, map);
		return create_dir(s, c, err);
	}
	for (unsigned i = 0; i < NAME_ATTEMPTS; i++) {
		char name[NAME_SIZE];

		names_generate(i, name);
		free(c->config.name);
		c->config.name = xstrdup(name);
		r = create_dir(s, c, err);
		if (r != -ERR_EXISTS)
			return r;
	}
	return r;
}

int container_create(struct store *s, const struct container_options *o, const struct image *image,
	const struct idmap *map, struct container *ret, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	char id[CONTAINER_ID_LEN + 1];
	int r;

	container_dir_new_id(id);
	c.config.id = xstrdup(id);
	r = fill_config(&c.config, o, image, map, err);
	if (r >= 0)
		r = check_options(&c.config, map, err);
	if (r >= 0)
		r = create_named(s, &c, o->name, map, err);
	if (r >= 0 && c.config.layers) {
		r = root_attributes_copy(s, &c, map, err);
		if (r < 0 && container_dir_remove(s, &c.dir, c.config.name, map, NULL) < 0) {
			/* the next sweep takes what is left: the first failure is the one to tell */
		}
	}
	if (r < 0)
		return r;
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}
