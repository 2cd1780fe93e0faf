#include "container/create.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/env.h"
#include "codec/passwd.h"
#include "codec/resolv.h"
#include "codec/run_command.h"
#include "container/exposed.h"
#include "container/names.h"
#include "container/remove.h"
#include "container/root_attributes.h"
#include "container/spec_build.h"
#include "store/imagedb.h"
#include "sys/signal.h"

#define NAME_ATTEMPTS	 20
#define SHORT_ID_LEN	 12
#define HOSTNAME_MAX_LEN 64

/* The command line, and what inspect shows as its two parts. */
static int fill_command(struct container_config *c, const struct container_options *o,
	const struct image_config *image, struct err *err)
{
	int r;

	r = run_command_merge(image->entrypoint, image->cmd, o->entrypoint, o->args, &c->args, err);
	if (r < 0 && !o->args[0] && !o->entrypoint)
		return err_hint(err, r,
			"%s names none, so one has to follow it: proa run %s COMMAND",
			o->rootfs ? "a directory" : "the image",
			o->rootfs ? "--rootfs DIR" : o->image);
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
 * With the host's network or names the host's name stands, as docker has it; otherwise the short id.
 */
static int fill_hostname(
	struct container_config *c, const struct container_options *o, struct err *err)
{
	char name[HOSTNAME_MAX_LEN + 1] = "";
	bool shared = (o->flags & CONTAINER_HOST_UTS) != 0;

	if (shared && (o->hostname || o->domainname))
		return err_set(err, ERR_USAGE, "conflicting options: hostname and the UTS mode");
	if (o->domainname) {
		int r = hostname_check(o->domainname, err);

		if (r < 0)
			return r;
		c->domainname = xstrdup(o->domainname);
	}
	if (o->hostname) {
		int r = hostname_check(o->hostname, err);

		if (r < 0)
			return r;
		c->hostname = xstrdup(o->hostname);
	} else if (shared || str_eq(c->network, "host")) {
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

/* docker's name for the machine itself. */
#define HOST_GATEWAY "host-gateway"

static int fill_extra_hosts(
	struct container_config *c, const struct container_options *o, struct err *err)
{
	STRV_FOREACH (arg, o->extra_hosts) {
		size_t n = strcspn(arg, ":=");
		bool gateway = arg[n] && str_eq(arg + n + 1, HOST_GATEWAY);
		int r;

		if (gateway && !str_eq(c->network, "host"))
			return err_set(err, ERR_UNSUPPORTED,
				"--add-host %s: without a network the host cannot be reached", arg);
		if (gateway)
			strv_pushf(&c->extra_hosts, "%.*s:127.0.0.1", (int)n, arg);
		else
			strv_push(&c->extra_hosts, arg);
		r = hosts_check_extra(c->extra_hosts[strv_len(c->extra_hosts) - 1], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_one_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return false;
	return *s;
}

/* They become lines of resolv.conf: one word each. */
static int fill_dns(struct container_config *c, const struct container_options *o, struct err *err)
{
	STRV_FOREACH (server, o->dns) {
		int r = resolv_check_server(server, err);

		if (r < 0)
			return r;
	}
	STRV_FOREACH (domain, o->dns_search)
		if (!is_one_word(domain))
			return err_set(err, ERR_USAGE, "--dns-search: \"%s\" is no domain", domain);
	STRV_FOREACH (option, o->dns_options)
		if (!is_one_word(option))
			return err_set(err, ERR_USAGE, "--dns-option: \"%s\" is no option", option);
	strv_extend(&c->dns, o->dns);
	strv_extend(&c->dns_search, o->dns_search);
	strv_extend(&c->dns_options, o->dns_options);
	return 0;
}

static int fill_stop(struct container_config *c, const struct container_options *o,
	const struct image_config *image, struct err *err)
{
	const char *sig = o->stop_signal ? o->stop_signal : image->stop_signal;
	int64_t seconds;

	if (o->stop_signal && signal_parse(o->stop_signal, NULL) < 0)
		return err_set(err, ERR_USAGE, "invalid signal: %s", o->stop_signal);
	c->stop_signal = str_empty(sig) ? NULL : xstrdup(sig);
	if (o->stop_timeout && parse_i64(o->stop_timeout, -1, INT32_MAX, &seconds, err) < 0)
		return err_set(err, ERR_USAGE,
			"invalid --stop-timeout \"%s\": want seconds, -1 for ever",
			o->stop_timeout);
	c->stop_timeout = xstrdup(o->stop_timeout);
	return 0;
}

static int fill_exposed(struct container_config *c, const struct container_options *o,
	const struct image_config *image, struct err *err)
{
	/* What an image declares is shown as far as it can be read, and is no reason to stop. */
	STRV_FOREACH (port, image->exposed)
		if (exposed_add(&c->exposed, port, NULL) < 0)
			log_debug("the image exposes \"%.100s\", which is no port", port);
	STRV_FOREACH (port, o->exposed) {
		int r = exposed_add(&c->exposed, port, err);

		if (r < 0)
			return r;
	}
	return 0;
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
	strv_extend(&c->sysctls, o->sysctls);
	c->ipc = xstrdup(o->ipc);
	c->shm_size = xstrdup(o->shm_size);
	c->oom_score_adj = xstrdup(o->oom_score_adj);
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
	r = passwd_check_spec(c->user, err);
	if (r >= 0)
		r = fill_stop(c, o, config, err);
	if (r >= 0)
		r = fill_exposed(c, o, config, err);
	if (r >= 0)
		r = fill_extra_hosts(c, o, err);
	if (r >= 0)
		r = fill_dns(c, o, err);
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
	if (image)
		image_ref_touch(s, &image->record);
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}
