#include "cmd/create_options.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "cmd/context.h"
#include "cmd/pull_image.h"
#include "codec/env.h"
#include "codec/platform.h"
#include "container/create.h"
#include "image/image.h"
#include "sys/file.h"

static const char *const pull_values[] = { "missing", "always", "never", NULL };
static const char *const network_values[] = { "host", "none", NULL };
static const char *const ipc_values[] = { "private", "host", "none", NULL };
static const char *const uts_values[] = { "private", "host", NULL };

const struct create_opts create_defaults = {
	.pull = CREATE_PULL_MISSING,
	.sig_proxy = true,
	.tls_verify = true,
};

#define LATER(what) "this version of proa does not have " what

/* Options that run and create share, in alphabetical order of their long names. */
#define COMMON_ROWS(T)                                                                             \
	OPT_LIST(T, extra_hosts, 0, "add-host", "NAME:ADDRESS",                                    \
		"Add a line to /etc/hosts; the address host-gateway is the host"),                 \
		OPT_STRING(T, authfile, 0, "authfile", "FILE",                                     \
			"Read registry credentials from this file", .complete = COMPLETE_FILE),    \
		OPT_LIST(T, cap_add, 0, "cap-add", "CAP", "Add a Linux capability, or ALL"),       \
		OPT_LIST(T, cap_drop, 0, "cap-drop", "CAP", "Drop a Linux capability, or ALL"),    \
		OPT_STRING(T, cert_dir, 0, "cert-dir", "DIR", "Certificates for the registry",     \
			.complete = COMPLETE_DIR),                                                 \
		OPT_STRING(T, cidfile, 0, "cidfile", "FILE",                                       \
			"Write the container's id to this file, which must not exist",             \
			.complete = COMPLETE_FILE),                                                \
		OPT_STRING(                                                                        \
			T, creds, 0, "creds", "USER[:PASSWORD]", "Credentials for the registry"),  \
		OPT_LIST(T, dns, 0, "dns", "ADDRESS", "Name server, instead of the host's"),       \
		OPT_LIST(T, dns_options, 0, "dns-option", "OPTION",                                \
			"Option of the resolver, instead of the host's"),                          \
		OPT_HIDDEN(T, dns_options, char **, OPTION_LIST, 0, "dns-opt"),                    \
		OPT_LIST(T, dns_search, 0, "dns-search", "DOMAIN",                                 \
			"Search domain, instead of the host's; . for none"),                       \
		OPT_STRING(T, domainname, 0, "domainname", "NAME",                                 \
			"NIS domain name of the container"),                                       \
		OPT_STRING(T, entrypoint, 0, "entrypoint", "COMMAND",                              \
			"Replace the image's entrypoint; \"\" removes it"),                        \
		OPT_LIST(T, env, 'e', "env", "KEY[=VALUE]",                                        \
			"Set an environment variable; without a value, take the caller's"),        \
		OPT_LIST(T, env_file, 0, "env-file", "FILE",                                       \
			"Read environment variables from a file", .complete = COMPLETE_FILE),      \
		OPT_FLAG(T, env_host, 0, "env-host", "Take the caller's whole environment"),       \
		OPT_LIST(T, exposed, 0, "expose", "PORT[/PROTOCOL]",                               \
			"Record that the container listens on a port or range; inspect shows it"), \
		OPT_LIST(T, groups, 0, "group-add", "GROUP", "Add a supplementary group"),         \
		OPT_STRING(T, hostname, 'h', "hostname", "NAME", "Host name of the container"),    \
		OPT_FLAG(T, init, 0, "init",                                                       \
			"Run an init as process 1 that forwards signals and reaps processes"),     \
		OPT_FLAG(T, interactive, 'i', "interactive", "Keep standard input open"),          \
		OPT_ENUM(T, ipc, 0, "ipc", "MODE", ipc_values,                                     \
			"Shared memory and queues: private, host (the caller's) or none "          \
			"(private, no /dev/shm)",                                                  \
			.default_text = "private"),                                                \
		OPT_LIST(T, labels, 'l', "label", "KEY[=VALUE]", "Set a label on the container"),  \
		OPT_LIST(T, label_files, 0, "label-file", "FILE",                                  \
			"Read labels from a file, one a line", .complete = COMPLETE_FILE),         \
		OPT_LIST(T, mounts, 0, "mount", "type=TYPE,target=DIR[,...]",                      \
			"Attach a mount: type=bind with source=PATH, or type=tmpfs"),              \
		OPT_STRING(T, name, 0, "name", "NAME", "Name of the container"),                   \
		OPT_ENUM(T, network, 0, "network", "MODE", network_values,                         \
			"Network: host (shared with the caller) or none", .default_text = "host"), \
		OPT_HIDDEN(T, network, int, OPTION_ENUM, 0, "net", .values = network_values),      \
		OPT_STRING(T, oom_score_adj, 0, "oom-score-adj", "NUMBER",                         \
			"Who is ended first when memory runs out: -1000 to 1000, last to first"),  \
		OPT_STRING(                                                                        \
			T, platform, 0, "platform", "OS/ARCH[/VARIANT]", "Platform of the image"), \
		OPT_ENUM(T, pull, 0, "pull", "POLICY", pull_values,                                \
			"Pull the image before running: missing, always or never",                 \
			.default_text = "missing"),                                                \
		OPT_FLAG(T, quiet, 'q', "quiet", "Do not show the progress of a pull"),            \
		OPT_FLAG(T, read_only, 0, "read-only", "Make the root file system read-only"),     \
		OPT_FLAG(T, remove, 0, "rm", "Remove the container when it exits"),                \
		OPT_FLAG(T, rootfs, 0, "rootfs",                                                   \
			"The first operand is a directory to use as root file system; mount "      \
			"points and files of /etc that it lacks are made in it"),                  \
		OPT_LIST(T, security_opt, 0, "security-opt", "OPTION",                             \
			"Security option: no-new-privileges, seccomp=FILE|unconfined, "            \
			"systempaths=unconfined, mask=PATH, unmask=PATH, landlock=unconfined"),    \
		OPT_STRING(T, shm_size, 0, "shm-size", "BYTES", "Size of /dev/shm",                \
			.default_text = "64m"),                                                    \
		OPT_STRING(T, stop_signal, 0, "stop-signal", "SIGNAL",                             \
			"Signal that asks the container to stop"),                                 \
		OPT_STRING(T, stop_timeout, 0, "stop-timeout", "SECONDS",                          \
			"How long it may take to stop before it is killed"),                       \
		OPT_LIST(T, sysctls, 0, "sysctl", "KEY=VALUE",                                     \
			"Kernel setting of the container's own namespaces"),                       \
		OPT_FLAG(T, tls_verify, 0, "tls-verify",                                           \
			"Check the registry's certificate; =false also allows plain HTTP"),        \
		OPT_LIST(T, tmpfs, 0, "tmpfs", "DIR[:OPTIONS]", "Mount a tmpfs"),                  \
		OPT_FLAG(T, tty, 't', "tty", "Give the container a terminal"),                     \
		OPT_LIST(T, ulimits, 0, "ulimit", "NAME=SOFT[:HARD]", "Set a resource limit"),     \
		OPT_STRING(T, user, 'u', "user", "USER[:GROUP]", "User, by name or number"),       \
		OPT_ENUM(T, uts, 0, "uts", "MODE", uts_values,                                     \
			"Host and domain name: private, or host (the caller's)",                   \
			.default_text = "private"),                                                \
		OPT_LIST(T, volumes, 'v', "volume", "SOURCE:TARGET[:OPTIONS]",                     \
			"Bind a file or directory of the host; OPTIONS: ro, noexec, suid, dev "    \
			"(nosuid and nodev are the default)",                                      \
			.complete = COMPLETE_FILE),                                                \
		OPT_STRING(T, workdir, 'w', "workdir", "DIR",                                      \
			"Working directory inside the container"),                                 \
		OPT_UNSUPPORTED('d', "detach", OPTION_FLAG, LATER("detached containers")),         \
		OPT_UNSUPPORTED('p', "publish", OPTION_STRING,                                     \
			LATER("a private network; ports of --network host are the host's")),       \
		OPT_UNSUPPORTED('P', "publish-all", OPTION_FLAG,                                   \
			LATER("a private network; ports of --network host are the host's")),       \
		OPT_UNSUPPORTED('m', "memory", OPTION_STRING, LATER("memory limits")),             \
		OPT_UNSUPPORTED(0, "cpus", OPTION_STRING, LATER("processor limits")),              \
		OPT_UNSUPPORTED(0, "pids-limit", OPTION_STRING, LATER("process limits")),          \
		OPT_UNSUPPORTED(0, "restart", OPTION_STRING, LATER("restart policies")),           \
		OPT_UNSUPPORTED(0, "privileged", OPTION_FLAG, LATER("privileged containers")),     \
		OPT_UNSUPPORTED(0, "annotation", OPTION_STRING, LATER("annotations")),             \
		OPT_UNSUPPORTED(0, "cgroupns", OPTION_STRING,                                      \
			LATER("a choice of cgroup namespace: it is always private")),              \
		OPT_UNSUPPORTED(0, "cpu-shares", OPTION_STRING, LATER("processor limits")),        \
		OPT_UNSUPPORTED(0, "cpuset-cpus", OPTION_STRING, LATER("processor limits")),       \
		OPT_UNSUPPORTED(0, "detach-keys", OPTION_STRING, LATER("detaching")),              \
		OPT_UNSUPPORTED(0, "device", OPTION_STRING, LATER("devices of the host")),         \
		OPT_UNSUPPORTED(0, "gpus", OPTION_STRING, LATER("devices of the host")),           \
		OPT_UNSUPPORTED(0, "health-cmd", OPTION_STRING, LATER("health checks")),           \
		OPT_UNSUPPORTED(0, "link", OPTION_STRING, LATER("links between containers")),      \
		OPT_UNSUPPORTED(0, "log-driver", OPTION_STRING, LATER("logs")),                    \
		OPT_UNSUPPORTED(0, "log-opt", OPTION_STRING, LATER("logs")),                       \
		OPT_UNSUPPORTED(0, "mac-address", OPTION_STRING, LATER("a private network")),      \
		OPT_UNSUPPORTED(0, "memory-swap", OPTION_STRING, LATER("memory limits")),          \
		OPT_UNSUPPORTED(0, "network-alias", OPTION_STRING, LATER("a private network")),    \
		OPT_UNSUPPORTED(0, "no-healthcheck", OPTION_FLAG,                                  \
			LATER("health checks, so there is none to turn off")),                     \
		OPT_UNSUPPORTED(0, "pid", OPTION_STRING,                                           \
			LATER("a choice of process namespace: it is always private")),             \
		OPT_UNSUPPORTED(0, "userns", OPTION_STRING, LATER("a choice of user namespace")),  \
		OPT_UNSUPPORTED(0, "volumes-from", OPTION_STRING, LATER("volumes"))

const struct option_spec run_options[] = {
	COMMON_ROWS(struct create_opts),
	OPT_LIST(struct create_opts, attach, 'a', "attach", "STREAM",
		"Attach stdin, stdout or stderr only, instead of all"),
	OPT_FLAG(struct create_opts, sig_proxy, 0, "sig-proxy", "Pass signals on to the container",
		.default_text = "true"),
	OPTION_END,
};

const struct option_spec create_options[] = {
	COMMON_ROWS(struct create_opts),
	OPTION_END,
};

static unsigned flags_of(const struct create_opts *o)
{
	unsigned flags = 0;

	if (o->tty)
		flags |= CONTAINER_TTY;
	if (o->interactive)
		flags |= CONTAINER_INTERACTIVE;
	if (o->remove)
		flags |= CONTAINER_AUTO_REMOVE;
	if (o->read_only)
		flags |= CONTAINER_READ_ONLY;
	if (o->init)
		flags |= CONTAINER_WITH_INIT;
	if (uts_values[o->uts] != uts_values[0])
		flags |= CONTAINER_HOST_UTS;
	return flags;
}

/* The caller's, then files, then -e, as docker and podman order them. */
static int collect_env(const struct create_opts *o, char ***ret, struct err *err)
{
	AUTO(strv) char **env = NULL;

	if (o->env_host)
		strv_extend(&env, environ);
	for (size_t i = 0; o->env_file && o->env_file[i]; i++) {
		AUTO(buf) struct buf text = BUF_INIT(ENV_FILE_BYTES_MAX);
		int r = file_load(AT_FDCWD, o->env_file[i], &text, err);

		if (r >= 0)
			r = env_file_parse(buf_str(&text), text.len, environ, &env, err);
		if (r < 0)
			return err_ctx(err, r, "--env-file %s", o->env_file[i]);
	}
	for (size_t i = 0; o->env && o->env[i]; i++) {
		int r = env_option_parse(o->env[i], environ, &env, err);

		if (r < 0)
			return err_ctx(err, r, "--env %s", o->env[i]);
	}
	*ret = TAKE_PTR(env);
	return 0;
}

/* A file of labels has the grammar of an env file, but never looks at the caller's environment. */
static int collect_labels(const struct create_opts *o, char ***ret, struct err *err)
{
	static char *const nothing[] = { NULL };
	AUTO(strv) char **labels = NULL;

	for (size_t i = 0; o->label_files && o->label_files[i]; i++) {
		AUTO(buf) struct buf text = BUF_INIT(ENV_FILE_BYTES_MAX);
		int r = file_load(AT_FDCWD, o->label_files[i], &text, err);

		if (r >= 0)
			r = env_file_parse(buf_str(&text), text.len, nothing, &labels, err);
		if (r < 0)
			return err_ctx(err, r, "--label-file %s", o->label_files[i]);
	}
	strv_extend(&labels, o->labels);
	*ret = TAKE_PTR(labels);
	return 0;
}

static int pull(struct context *ctx, const struct create_opts *o, const char *name, struct err *err)
{
	AUTO(image_record) struct image_record record = { 0 };
	const struct pull_image_options p = {
		.platform = o->platform,
		.registry = { .authfile = o->authfile,
			.creds = o->creds,
			.cert_dir = o->cert_dir,
			.tls_verify = o->tls_verify },
		.quiet = o->quiet,
	};
	struct pull_result result = { 0 };
	int r;

	r = pull_image(ctx, name, &p, &result, err);
	record = result.record;
	return r;
}

static int no_such_image(const char *name, struct err *err)
{
	return err_hint(err,
		err_set(err, ERR_NOT_FOUND, "image %s is not here, and --pull=never was given",
			name),
		"proa pull %s", name);
}

/* Does the local image suit --platform? Without the option, any image does. */
static int check_platform(
	const struct image *image, const char *platform, bool *ret_suits, struct err *err)
{
	struct platform want;
	int r;

	*ret_suits = true;
	if (!platform)
		return 0;
	r = platform_parse(platform, &want, err);
	if (r < 0)
		return err_ctx(err, r, "--platform");
	*ret_suits = platform_rank(&want, &image->config.platform) >= 0;
	return 0;
}

/* 1: here and suitable. 0: has to be pulled. */
static int find_local(struct context *ctx, const struct create_opts *o, const char *name,
	struct image *ret, struct err *err)
{
	bool suits = false;
	struct store *s;
	int r;

	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = image_resolve(s, name, ret, err);
	if (r == -ERR_NOT_FOUND)
		return 0;
	if (r >= 0)
		r = check_platform(ret, o->platform, &suits, err);
	if (r < 0 || suits)
		return r < 0 ? r : 1;
	image_done(ret);
	*ret = (struct image)IMAGE_INIT;
	return 0;
}

/*
 * The image, pulled by policy. The store is locked (shared) when this returns, so that nobody
 * collects the image's layers before the container refers to them; it is not during the pull.
 */
static int get_image(struct context *ctx, const struct create_opts *o, const char *name,
	struct image *ret, struct lock *lock, struct err *err)
{
	struct store *s;
	int r;

	r = context_store(ctx, &s, err);
	if (r < 0)
		return r;
	if (o->pull != CREATE_PULL_ALWAYS) {
		r = store_lock(s, LOCK_SHARED, lock, err);
		if (r >= 0)
			r = find_local(ctx, o, name, ret, err);
		if (r != 0)
			return r;
		lock_done(lock);
	}
	if (o->pull == CREATE_PULL_NEVER)
		return no_such_image(name, err);
	r = pull(ctx, o, name, err);
	if (r >= 0)
		r = store_lock(s, LOCK_SHARED, lock, err);
	if (r >= 0)
		r = image_resolve(s, name, ret, err);
	return r;
}

/* Made before the container, so that nothing is created when it cannot be. */
static int open_cidfile(const struct create_opts *o, int *ret_fd, struct err *err)
{
	if (!o->cidfile)
		return 0;
	*ret_fd = open(o->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*ret_fd < 0 && errno == EEXIST)
		return err_set(err, EEXIST,
			"container ID file found, make sure the other container isn't running or "
			"delete %s",
			o->cidfile);
	return *ret_fd < 0 ? err_sys(err, errno, "--cidfile %s", o->cidfile) : 0;
}

static int write_cidfile(const struct create_opts *o, int fd, const char *id, struct err *err)
{
	int r = o->cidfile ? file_write_all(fd, id, strlen(id), err) : 0;

	return r < 0 ? err_ctx(err, r, "--cidfile %s", o->cidfile) : 0;
}

static int create_locked(struct context *ctx, const struct create_opts *o,
	struct container_options *co, struct container *ret, struct err *err)
{
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(lock) struct lock lock = LOCK_INIT;
	const struct idmap *map;
	struct store *s;
	int r;

	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r < 0)
		return r;
	if (o->rootfs)
		return container_create(s, co, NULL, map, ret, err);
	r = get_image(ctx, o, co->image, &image, &lock, err);
	if (r >= 0)
		r = image_ensure_layers(s, &image, map, err);
	if (r < 0)
		return r;
	return container_create(s, co, &image, map, ret, err);
}

int create_from_options(struct context *ctx, const struct create_opts *o, char **argv,
	struct container *ret, struct err *err)
{
	AUTO(strv) char **env = NULL, **labels = NULL;
	autofree char *rootfs = NULL;
	autofd int cidfile = -EBADF;
	struct container_options co = {
		.name = str_empty(o->name) ? NULL : o->name,
		.image = o->rootfs ? NULL : argv[0],
		.entrypoint = o->entrypoint,
		.args = argv + 1,
		.workdir = o->workdir,
		.user = o->user,
		.hostname = str_empty(o->hostname) ? NULL : o->hostname,
		.network = network_values[o->network],
		.volumes = o->volumes,
		.mounts = o->mounts,
		.tmpfs = o->tmpfs,
		.cap_add = o->cap_add,
		.cap_drop = o->cap_drop,
		.security_opt = o->security_opt,
		.ulimits = o->ulimits,
		.groups = o->groups,
		.domainname = str_empty(o->domainname) ? NULL : o->domainname,
		.ipc = ipc_values[o->ipc],
		.shm_size = o->shm_size,
		.oom_score_adj = o->oom_score_adj,
		.stop_signal = o->stop_signal,
		.stop_timeout = o->stop_timeout,
		.sysctls = o->sysctls,
		.dns = o->dns,
		.dns_search = o->dns_search,
		.dns_options = o->dns_options,
		.extra_hosts = o->extra_hosts,
		.exposed = o->exposed,
		.flags = flags_of(o),
	};
	int r;

	r = collect_env(o, &env, err);
	if (r >= 0)
		r = collect_labels(o, &labels, err);
	if (r < 0)
		return r;
	co.env = env;
	co.labels = labels;
	if (o->rootfs) {
		rootfs = realpath(argv[0], NULL);
		if (!rootfs)
			return err_sys(err, errno, "--rootfs %s", argv[0]);
		co.rootfs = rootfs;
	}
	r = open_cidfile(o, &cidfile, err);
	if (r < 0)
		return r;
	r = create_locked(ctx, o, &co, ret, err);
	if (r < 0 && o->cidfile)
		(void)unlink(o->cidfile);
	return r < 0 ? r : write_cidfile(o, cidfile, ret->config.id, err);
}
