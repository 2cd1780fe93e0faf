#include "container/inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/mount_spec.h"
#include "container/container.h"
#include "container/state.h"
#include "image/image.h"
#include "store/usage.h"

#define SHM_SIZE_DEFAULT (64 << 20)

#define NEVER "0001-01-01T00:00:00Z" /* how docker writes a time that has not come */

static void set_time(struct json *o, const char *key, int64_t ns)
{
	char text[CLOCK_RFC3339_SIZE];

	if (ns)
		clock_format_rfc3339(ns, text);
	json_set_string(o, key, ns ? text : NEVER);
}

/* docker writes null for a list that is not there. */
static void set_list(struct json *o, const char *key, char *const *v)
{
	if (v)
		json_set_strv(o, key, v);
	else
		(void)json_set(o, key, json_null_new());
}

static struct json *make_state(const struct container_state *st)
{
	struct json *o = json_object_new();

	json_set_string(o, "Status", container_status_name(st->status));
	json_set_bool(o, "Running", st->status == CONTAINER_RUNNING);
	json_set_bool(o, "Paused", false);
	json_set_bool(o, "Restarting", false);
	json_set_bool(o, "OOMKilled", false);
	json_set_bool(o, "Dead", false);
	json_set_int(o, "Pid", st->process.pid);
	json_set_int(o, "ExitCode", st->exit_code);
	json_set_string(o, "Error", st->error ? st->error : "");
	set_time(o, "StartedAt", st->started_ns);
	set_time(o, "FinishedAt", st->status == CONTAINER_RUNNING ? 0 : st->finished_ns);
	return o;
}

/* "/data:size=64m" as a member of docker's object: target to options. */
static struct json *make_tmpfs(char *const *tmpfs)
{
	struct json *o = json_object_new();

	for (size_t i = 0; tmpfs && tmpfs[i]; i++) {
		const char *colon = strchr(tmpfs[i], ':');
		autofree char *target =
			colon ? xstrndup(tmpfs[i], (size_t)(colon - tmpfs[i])) : xstrdup(tmpfs[i]);

		json_set_string(o, target, colon ? colon + 1 : "");
	}
	return o;
}

/* Checked when the container was created. */
static int64_t number_or(const char *text, int64_t other)
{
	int64_t n;

	return text && parse_i64(text, INT32_MIN, INT32_MAX, &n, NULL) >= 0 ? n : other;
}

static int64_t shm_size(const struct container_config *c)
{
	uint64_t n = SHM_SIZE_DEFAULT;

	if (c->shm_size && parse_bytes(c->shm_size, &n, NULL) < 0)
		n = SHM_SIZE_DEFAULT;
	return (int64_t)n;
}

static struct json *make_exposed(char *const *ports)
{
	struct json *o = json_object_new();

	STRV_FOREACH (port, ports)
		(void)json_set(o, port, json_object_new());
	return o;
}

static struct json *make_host_config(const struct container_config *c)
{
	struct json *o = json_object_new(), *restart;

	set_list(o, "Binds", c->volumes);
	json_set_string(o, "NetworkMode", c->network);
	restart = json_set(o, "RestartPolicy", json_object_new());
	json_set_string(restart, "Name", "no");
	json_set_int(restart, "MaximumRetryCount", 0);
	json_set_int(o, "Memory", 0);
	json_set_int(o, "NanoCpus", 0);
	json_set_bool(o, "AutoRemove", (c->flags & CONTAINER_AUTO_REMOVE) != 0);
	set_list(o, "CapAdd", c->cap_add);
	set_list(o, "CapDrop", c->cap_drop);
	set_list(o, "Dns", c->dns);
	set_list(o, "DnsOptions", c->dns_options);
	set_list(o, "DnsSearch", c->dns_search);
	set_list(o, "ExtraHosts", c->extra_hosts);
	set_list(o, "GroupAdd", c->groups);
	json_set_string(o, "IpcMode", c->ipc ? c->ipc : "private");
	json_set_int(o, "OomScoreAdj", number_or(c->oom_score_adj, 0));
	json_set_bool(o, "Privileged", false);
	json_set_bool(o, "ReadonlyRootfs", (c->flags & CONTAINER_READ_ONLY) != 0);
	set_list(o, "SecurityOpt", c->security_opt);
	json_set_string(o, "UTSMode", c->flags & CONTAINER_HOST_UTS ? "host" : "");
	json_set_int(o, "ShmSize", shm_size(c));
	json_set_string_map(o, "Sysctls", c->sysctls);
	(void)json_set(o, "Tmpfs", make_tmpfs(c->tmpfs));
	set_list(o, "Ulimits", c->ulimits);
	json_set_bool(o, "Init", (c->flags & CONTAINER_WITH_INIT) != 0);
	return o;
}

static struct json *make_config(const struct container_config *c)
{
	bool in = (c->flags & CONTAINER_INTERACTIVE) != 0;
	struct json *o = json_object_new();

	json_set_string(o, "Hostname", c->hostname ? c->hostname : "");
	json_set_string(o, "Domainname", c->domainname ? c->domainname : "");
	json_set_string(o, "User", c->user ? c->user : "");
	json_set_bool(o, "AttachStdin", in);
	json_set_bool(o, "AttachStdout", true);
	json_set_bool(o, "AttachStderr", true);
	json_set_bool(o, "Tty", (c->flags & CONTAINER_TTY) != 0);
	json_set_bool(o, "OpenStdin", in);
	json_set_bool(o, "StdinOnce", in);
	json_set_strv(o, "Env", c->env);
	set_list(o, "Cmd", c->cmd);
	json_set_string(o, "Image", c->image ? c->image : "");
	json_set_string(o, "WorkingDir", c->workdir ? c->workdir : "");
	set_list(o, "Entrypoint", c->entrypoint);
	json_set_string_map(o, "Labels", c->labels);
	if (c->exposed)
		(void)json_set(o, "ExposedPorts", make_exposed(c->exposed));
	if (c->stop_signal)
		json_set_string(o, "StopSignal", c->stop_signal);
	if (c->stop_timeout)
		json_set_int(o, "StopTimeout", number_or(c->stop_timeout, 0));
	return o;
}

static void add_mount(struct json *list, const struct mount_spec *m)
{
	struct json *o = json_object_new();

	json_set_string(o, "Type", mount_type_name(m->type));
	json_set_string(o, "Source", m->source ? m->source : "");
	json_set_string(o, "Destination", m->target);
	json_set_string(o, "Mode", "");
	json_set_bool(o, "RW", !(m->flags & MOUNT_SPEC_READ_ONLY));
	json_set_string(o, "Propagation", m->type == MOUNT_TYPE_BIND ? "rprivate" : "");
	(void)json_append(list, o);
}

/* What was accepted at creation parses again; tmpfs of --tmpfs is shown in HostConfig only. */
struct json *container_mounts(const struct container_config *c)
{
	struct json *list = json_array_new();

	for (size_t i = 0; c->volumes && c->volumes[i]; i++) {
		AUTO(mount_spec) struct mount_spec m = { 0 };

		if (mount_spec_parse_volume(c->volumes[i], c->cwd, &m, NULL) >= 0)
			add_mount(list, &m);
	}
	for (size_t i = 0; c->mounts && c->mounts[i]; i++) {
		AUTO(mount_spec) struct mount_spec m = { 0 };

		if (mount_spec_parse_mount(c->mounts[i], c->cwd, &m, NULL) >= 0)
			add_mount(list, &m);
	}
	return list;
}

int container_size(struct store *s, const struct container_config *c, const struct idmap *map,
	struct container_size *ret, struct err *err)
{
	autofree char *upper = xasprintf("containers/%s/upper", c->id);
	char *paths[] = { upper, NULL };
	AUTO(image) struct image img = IMAGE_INIT;
	struct usage sum = { 0 };
	int r = usage_measure(s, paths, map, &sum, err);

	if (r < 0)
		return r;
	ret->written = ret->all = sum.apparent;
	if (c->image_id && image_resolve(s, c->image_id, &img, NULL) >= 0)
		ret->all += image_size(s, &img, map);
	return 0;
}

static void set_run_file(struct json *o, struct store *s, const struct container_config *c,
	const char *key, const char *file)
{
	autofree char *path = xasprintf("%s/%s/%s", store_rundir_path(s), c->id, file);

	json_set_string(o, key, path);
}

int container_inspect(struct store *s, const char *name_or_id, struct json **ret, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(container_state) struct container_state st = { 0 };
	const struct container_config *config = &c.config;
	autofree char *name = NULL;
	struct json *o, *part;
	int r;

	r = container_open(s, name_or_id, &c, err);
	if (r >= 0)
		r = container_state_read(s, &c.dir, &st, err);
	if (r < 0)
		return r;
	name = xasprintf("/%s", config->name ? config->name : "");
	o = json_object_new();
	json_set_string(o, "Id", config->id);
	set_time(o, "Created", config->created_ns);
	json_set_string(o, "Path", config->args[0]);
	json_set_strv(o, "Args", config->args + 1);
	(void)json_set(o, "State", make_state(&st));
	json_set_string(o, "Image", config->image_id ? config->image_id : "");
	if (st.status == CONTAINER_RUNNING) {
		set_run_file(o, s, config, "ResolvConfPath", "resolv.conf");
		set_run_file(o, s, config, "HostnamePath", "hostname");
		set_run_file(o, s, config, "HostsPath", "hosts");
	}
	json_set_string(o, "Name", name);
	json_set_string(o, "Driver", config->rootfs ? "directory" : "overlay");
	json_set_string(o, "Platform", "linux");
	json_set_int(o, "RestartCount", 0);
	json_set_string(o, "LogPath", "");
	part = json_set(o, "GraphDriver", json_object_new());
	json_set_string(part, "Name", config->rootfs ? "directory" : "overlay");
	part = json_set(o, "NetworkSettings", json_object_new());
	json_set_string(part, "IPAddress", "");
	(void)json_set(part, "Ports", json_object_new());
	(void)json_set(part, "Networks", json_object_new());
	json_set_string(o, "Rootfs", config->rootfs ? config->rootfs : "");
	json_set_string(o, "IDMap", config->map_key ? config->map_key : "");
	(void)json_set(o, "HostConfig", make_host_config(config));
	(void)json_set(o, "Mounts", container_mounts(config));
	(void)json_set(o, "Config", make_config(config));
	*ret = o;
	return 0;
}
