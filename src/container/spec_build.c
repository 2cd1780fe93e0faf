#include "container/spec_build.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/mount_spec.h"
#include "codec/ulimit.h"
#include "container/sysctl.h"
#include "runtime/seccomp_profile.h"
#include "runtime/security_options.h"
#include "sys/caps.h"

#define NOFILE_SOFT_DEFAULT 1024
#define NOFILE_HARD_DEFAULT 524288

#define CAP_SYS_RESOURCE_NUMBER 24

struct mounts {
	struct mount_spec *v;
	size_t n, cap;
};

static void mounts_done(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		mount_spec_done(&m->v[i]);
	free(m->v);
}
DEFINE_AUTO(mounts, struct mounts, mounts_done)

static int parse_one(const char *option, const char *text, const char *cwd, struct mount_spec *ret,
	struct err *err)
{
	if (str_eq(option, "--volume"))
		return mount_spec_parse_volume(text, cwd, ret, err);
	if (str_eq(option, "--mount"))
		return mount_spec_parse_mount(text, cwd, ret, err);
	return mount_spec_parse_tmpfs(text, ret, err);
}

static int parse_list(
	struct mounts *m, const char *option, char *const *texts, const char *cwd, struct err *err)
{
	for (size_t i = 0; texts && texts[i]; i++) {
		int r;

		if (!*texts[i])
			return err_hint(err,
				err_set(err, ERR_USAGE, "%s: its value is empty", option),
				"a variable of the shell that is not set?");
		GROW(m->v, m->n, m->cap);
		r = parse_one(option, texts[i], cwd, &m->v[m->n], err);
		if (r < 0)
			return err_ctx(err, r, "%s %s", option, texts[i]);
		m->n++;
	}
	return 0;
}

static int add_bind(struct spec *spec, const struct mount_spec *m, struct err *err)
{
	unsigned flags = 0;

	if (m->propagation != MOUNT_PROPAGATION_DEFAULT &&
		m->propagation != MOUNT_PROPAGATION_PRIVATE &&
		m->propagation != MOUNT_PROPAGATION_RPRIVATE)
		return err_set(err, ERR_UNSUPPORTED,
			"mount %s: bind propagation %s is not supported, only rprivate is",
			m->target, mount_propagation_name(m->propagation));
	if (m->flags & MOUNT_SPEC_READ_ONLY_TOP)
		return err_set(err, ERR_UNSUPPORTED,
			"mount %s: a read-only mount with writable submounts is not supported",
			m->target);
	if (m->flags & MOUNT_SPEC_READ_ONLY)
		flags |= SPEC_MOUNT_RDONLY;
	if (m->flags & MOUNT_SPEC_NOEXEC)
		flags |= SPEC_MOUNT_NOEXEC;
	if (!(m->flags & MOUNT_SPEC_NOSUID))
		flags |= SPEC_MOUNT_SUID;
	if (!(m->flags & MOUNT_SPEC_NODEV))
		flags |= SPEC_MOUNT_DEV;
	if (m->flags & MOUNT_SPEC_NONRECURSIVE)
		flags |= SPEC_MOUNT_NO_RECURSIVE;
	if (m->flags & MOUNT_SPEC_CREATE_SOURCE)
		flags |= SPEC_MOUNT_CREATE_SOURCE;
	spec_add_bind(spec, m->source, m->target, flags);
	return 0;
}

/* "64m", already validated, or a share of memory as the kernel counts it. */
static int tmpfs_size(const char *text, uint64_t *ret, struct err *err)
{
	size_t n = strlen(text);
	struct sysinfo info;
	uint64_t percent;
	char number[8];

	if (!n || text[n - 1] != '%')
		return parse_bytes(text, ret, err);
	if (n > sizeof(number))
		return err_set(err, ERR_USAGE, "\"%s\" is not a size", text);
	memcpy(number, text, n - 1);
	number[n - 1] = '\0';
	if (parse_u64(number, 100, &percent, err) < 0)
		return -ERR_FORMAT;
	if (sysinfo(&info) < 0)
		return err_sys(err, errno, "sysinfo");
	*ret = (uint64_t)info.totalram / 100 * info.mem_unit * percent;
	return 0;
}

static int tmpfs_option(struct spec_mount *m, const char *option, struct err *err)
{
	const char *value;
	uint64_t n = 0;
	int r;

	value = str_after(option, "size=");
	if (value)
		return tmpfs_size(value, &m->size, err);
	value = str_after(option, "mode=");
	if (value)
		return parse_mode(value, &m->mode, err);
	value = str_after(option, "uid=");
	if (value) {
		r = parse_u64(value, UINT32_MAX - 1, &n, err);
		m->uid = (uint32_t)n;
		return r;
	}
	value = str_after(option, "gid=");
	if (value) {
		r = parse_u64(value, UINT32_MAX - 1, &n, err);
		m->gid = (uint32_t)n;
		return r;
	}
	value = str_after(option, "nr_inodes=");
	if (value)
		return parse_bytes(value, &m->inodes, err);
	return err_set(err, ERR_UNSUPPORTED, "tmpfs option %s is not supported", option);
}

static int add_tmpfs(struct spec *spec, const struct mount_spec *m, struct err *err)
{
	unsigned flags = 0;
	struct spec_mount *added;
	int r = 0;

	if (m->flags & MOUNT_SPEC_READ_ONLY)
		flags |= SPEC_MOUNT_RDONLY;
	if (m->flags & MOUNT_SPEC_NOEXEC)
		flags |= SPEC_MOUNT_NOEXEC;
	if (!(m->flags & MOUNT_SPEC_NOSUID))
		flags |= SPEC_MOUNT_SUID;
	if (!(m->flags & MOUNT_SPEC_NODEV))
		flags |= SPEC_MOUNT_DEV;
	spec_add_tmpfs(spec, m->target, flags, 0, 0);
	added = &spec->mounts[spec->n_mounts - 1];
	for (size_t i = 0; r >= 0 && m->tmpfs && m->tmpfs[i]; i++)
		r = tmpfs_option(added, m->tmpfs[i], err);
	return r < 0 ? err_ctx(err, r, "tmpfs %s", m->target) : 0;
}

static int add_mount(struct spec *spec, const struct mount_spec *m, struct err *err)
{
	switch (m->type) {
	case MOUNT_TYPE_BIND:
		return add_bind(spec, m, err);
	case MOUNT_TYPE_TMPFS:
		return add_tmpfs(spec, m, err);
	case MOUNT_TYPE_VOLUME:
		break;
	}
	return err_hint(err,
		err_set(err, ERR_UNSUPPORTED, "mount %s: volumes are not supported", m->target),
		"give an absolute path to bind a directory: -v /host/dir:%s", m->target);
}

static int build_mounts(const struct container_config *c, struct spec *spec, struct err *err)
{
	AUTO(mounts) struct mounts m = { 0 };
	int r;

	r = parse_list(&m, "--volume", c->volumes, c->cwd, err);
	if (r >= 0)
		r = parse_list(&m, "--mount", c->mounts, c->cwd, err);
	if (r >= 0)
		r = parse_list(&m, "--tmpfs", c->tmpfs, c->cwd, err);
	if (r >= 0)
		r = mount_specs_check(m.v, m.n, err);
	for (size_t i = 0; r >= 0 && i < m.n; i++)
		r = add_mount(spec, &m.v[i], err);
	return r;
}

static bool has_rlimit(const struct spec *spec, int resource)
{
	for (size_t i = 0; i < spec->n_rlimits; i++) {
		if (spec->rlimits[i].resource == resource)
			return true;
	}
	return false;
}

/*
 * Our defaults where the user names none: no core files (a piped core_pattern would run on the
 * host), and a soft limit of descriptors that old programs can loop over. Never above our own.
 */
static void default_rlimits(struct spec *spec)
{
	struct rlimit own;
	uint64_t hard;

	if (!has_rlimit(spec, RLIMIT_CORE))
		spec_add_rlimit(spec, RLIMIT_CORE, 0, 0);
	if (has_rlimit(spec, RLIMIT_NOFILE) || getrlimit(RLIMIT_NOFILE, &own) < 0)
		return;
	hard = own.rlim_max < NOFILE_HARD_DEFAULT ? own.rlim_max : NOFILE_HARD_DEFAULT;
	spec_add_rlimit(
		spec, RLIMIT_NOFILE, hard < NOFILE_SOFT_DEFAULT ? hard : NOFILE_SOFT_DEFAULT, hard);
}

/* Only CAP_SYS_RESOURCE of the host, not of a user namespace, raises a hard limit. */
static int check_ulimit(const struct ulimit *u, struct err *err)
{
	struct rlimit own;

	if (getrlimit(u->resource, &own) < 0 || own.rlim_max == RLIM_INFINITY ||
		u->hard <= own.rlim_max || (caps_effective() & CAPS_BIT(CAP_SYS_RESOURCE_NUMBER)))
		return 0;
	return err_set(err, EPERM, "--ulimit %s: the caller's own hard limit is %llu", u->name,
		(unsigned long long)own.rlim_max);
}

static int build_rlimits(const struct container_config *c, struct spec *spec, struct err *err)
{
	for (size_t i = 0; c->ulimits && c->ulimits[i]; i++) {
		struct ulimit u;
		int r = ulimit_parse(c->ulimits[i], &u, err);

		if (r < 0)
			return err_ctx(err, r, "--ulimit %s", c->ulimits[i]);
		r = check_ulimit(&u, err);
		if (r < 0)
			return r;
		spec_add_rlimit(spec, u.resource, u.soft, u.hard);
	}
	default_rlimits(spec);
	return 0;
}

/*
 * Without a user namespace the container gets only what we have ourselves: asking for more is an
 * error when the user did, and silently less when it is our default.
 */
static int build_capabilities(const struct container_config *c, const struct idmap *map,
	struct spec *spec, struct err *err)
{
	uint64_t base = CAPS_DEFAULT, own = UINT64_MAX, caps;
	int r;

	if (map->kind == IDMAP_NONE) {
		own = caps_bounding();
		base &= own;
	}
	r = caps_resolve(base, c->cap_add, c->cap_drop, &caps, err);
	if (r < 0)
		return r;
	if (caps & ~own) {
		autofree char *missing = caps_format(caps & ~own);
		autofree char *all = strv_join(c->cap_add, ",");

		/* ALL means all that there are. */
		if (!str_eq_nocase(all, "all") && !str_eq_nocase(all, "cap_all"))
			return err_set(err, ERR_DENIED, "--cap-add: proa does not have %s itself",
				missing);
		caps &= own;
	}
	spec->capabilities = caps;
	return 0;
}

static int build_security(
	const struct container_config *c, unsigned flags, struct spec *spec, struct err *err)
{
	AUTO(security_options) struct security_options so = { 0 };
	AUTO(seccomp_program) struct seccomp_program program = { 0 };
	int r;

	r = security_options_parse(c->security_opt, &so, err);
	if (r < 0)
		return r;
	if (so.apparmor || so.selinux_label)
		return err_set(err, ERR_UNSUPPORTED,
			"--security-opt: AppArmor and SELinux labels are not supported");
	if (so.no_new_privs)
		spec->flags |= SPEC_NO_NEW_PRIVS;
	if (so.no_landlock)
		spec->flags |= SPEC_NO_SCOPE;
	if (flags & SPEC_BUILD_CHECK_ONLY)
		return 0;
	r = seccomp_profile_choose(spec->capabilities, so.seccomp, &program, err);
	if (r < 0)
		return r;
	spec->seccomp = program;
	program = (struct seccomp_program){ 0 };
	security_options_paths(&so, &spec->masked, &spec->readonly);
	return 0;
}

/* One id: the kernel lets nobody set groups, and a group that is not there limits nothing. */
static int build_groups(const struct container_config *c, const struct idmap *map,
	struct spec *spec, struct err *err)
{
	if (c->groups && map->kind == IDMAP_SINGLE)
		return err_hint(err,
			err_set(err, ERR_UNSUPPORTED,
				"--group-add %s: groups cannot be set with a single id",
				c->groups[0]),
			"subordinate ids make it possible: see `proa doctor`");
	strv_extend(&spec->groups, c->groups);
	return 0;
}

static int build_ipc(const struct container_config *c, struct spec *spec, struct err *err)
{
	int64_t score = INT32_MIN;
	int r = 0;

	if (str_eq(c->ipc, "host"))
		spec->flags |= SPEC_HOST_IPC;
	if (str_eq(c->ipc, "none"))
		spec->flags |= SPEC_NO_SHM;
	if (c->shm_size)
		r = parse_bytes(c->shm_size, &spec->shm_size, err);
	if (r < 0)
		return err_ctx(err, r, "--shm-size %s", c->shm_size);
	if (c->oom_score_adj && parse_i64(c->oom_score_adj, -1000, 1000, &score, err) < 0)
		return err_set(err, ERR_USAGE,
			"Invalid value %s, range for oom score adj is [-1000, 1000]",
			c->oom_score_adj);
	spec->oom_score_adj = (int)score;
	return 0;
}

static int build_sysctls(const struct container_config *c, struct spec *spec, struct err *err)
{
	unsigned own = 0;

	if (spec->network != SPEC_NETWORK_HOST)
		own |= SYSCTL_OWN_NETWORK;
	if (!(spec->flags & SPEC_HOST_IPC))
		own |= SYSCTL_OWN_IPC;
	if (!(spec->flags & SPEC_HOST_UTS))
		own |= SYSCTL_OWN_UTS;
	STRV_FOREACH (arg, c->sysctls) {
		autofree char *path = NULL;
		const char *name;
		int r = sysctl_parse(arg, own, &path, err);

		if (r < 0)
			return r;
		name = str_after(path, "kernel/domainname=");
		if (name) { /* the file is the host's root's, the call is for everybody */
			free(spec->domainname);
			spec->domainname = xstrdup(name);
		} else {
			strv_push_take(&spec->sysctls, TAKE_PTR(path));
		}
	}
	return 0;
}

int spec_build(const struct container_config *c, const struct idmap *map, unsigned flags,
	struct spec *spec, struct err *err)
{
	int r;

	spec->map = *map;
	spec->network = str_eq(c->network, "none") ? SPEC_NETWORK_NONE : SPEC_NETWORK_HOST;
	spec->flags |= SPEC_DIE_WITH_PARENT;
	if (c->flags & CONTAINER_READ_ONLY)
		spec->flags |= SPEC_READ_ONLY;
	if (c->flags & CONTAINER_WITH_INIT)
		spec->flags |= SPEC_INIT;
	if (c->flags & CONTAINER_TTY)
		spec->flags |= SPEC_TERMINAL;
	if (c->flags & CONTAINER_AUTO_REMOVE)
		spec->flags |= SPEC_VOLATILE;
	strv_extend(&spec->argv, c->args);
	strv_extend(&spec->env, c->env);
	spec->cwd = xstrdup(c->workdir);
	spec->user = xstrdup(c->user);
	if (c->flags & CONTAINER_HOST_UTS)
		spec->flags |= SPEC_HOST_UTS;
	else
		spec->hostname = xstrdup(c->hostname);
	spec->domainname = xstrdup(c->domainname);
	r = build_mounts(c, spec, err);
	if (r >= 0)
		r = build_groups(c, map, spec, err);
	if (r >= 0)
		r = build_ipc(c, spec, err);
	if (r >= 0)
		r = build_sysctls(c, spec, err);
	if (r >= 0)
		r = build_rlimits(c, spec, err);
	if (r >= 0)
		r = build_capabilities(c, map, spec, err);
	if (r >= 0)
		r = build_security(c, flags, spec, err);
	return r;
}
