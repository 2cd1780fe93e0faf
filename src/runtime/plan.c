/*
 * The order below is the start sequence. What decides it:
 *
 *  - Paths of the host are opened while the caller's own groups are still ours, and before any
 *    path of the container is looked at.
 *  - Our own procfs exists before anything else needs one: nothing is ever opened as "/proc/...".
 *  - With ranges, all that works without a written map comes before MAP_WAIT: newuidmap takes as
 *    long as the whole rest. A file cannot be made before (EOVERFLOW), nor an overlay (the kernel
 *    makes its work directory in it, with rights over mapped ids only); other mounts can.
 *  - With one id, the user has to be known before the map: the user inside is the caller.
 *  - /proc, /sys, /dev go onto real directories of the root (STRICT), the user's mounts after
 *    them, the pivot after these, and only then is anything inside run or looked up by path.
 */
#include "runtime/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/passwd.h"
#include "sys/mount.h"

#define ATTRS_SAFE  (MATTR_NOSUID | MATTR_NODEV | MATTR_NOEXEC)
#define SHM_DEFAULT (64ULL << 20)
#define TTY_GROUP   5

/* One allocation for nearly every plan: growing would move pages of it several times. */
#define PLAN_OPS_EXPECTED 64

static struct plan_op *add(struct plan *p, enum plan_op_kind kind)
{
	struct plan_op *op;

	GROW(p->ops, p->n_ops, p->cap_ops);
	op = &p->ops[p->n_ops++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	return op;
}

static void set_option(struct plan_op *op, const char *key, const char *value)
{
	assert_that(op->n_options < PLAN_MAX_OPTIONS);
	op->options[op->n_options++] = (struct plan_option){ key, value };
}

/* A text that lives as long as the plan. */
static const char *keep(struct plan *p, char *text)
{
	strv_push_take(&p->strings, text);
	return text;
}

static struct plan_op *add_fs(struct plan *p, int slot, const char *type, uint64_t attrs)
{
	struct plan_op *op = add(p, PLAN_FS);

	op->slot = slot;
	op->source = type;
	op->attrs = attrs;
	return op;
}

static struct plan_op *add_source(struct plan *p, int slot, const char *path, uint64_t attrs)
{
	struct plan_op *op = add(p, PLAN_SOURCE);

	op->slot = slot;
	op->path = path;
	op->attrs = attrs;
	return op;
}

static struct plan_op *add_at(struct plan *p, enum plan_op_kind kind, int into, const char *path)
{
	struct plan_op *op = add(p, kind);

	op->into = into;
	op->path = path;
	return op;
}

static void add_attach(struct plan *p, int slot, int into, const char *path)
{
	add_at(p, PLAN_ATTACH, into, path)->slot = slot;
}

static uint64_t mount_attrs(unsigned flags)
{
	uint64_t a = 0;

	if (!(flags & SPEC_MOUNT_SUID))
		a |= MATTR_NOSUID;
	if (!(flags & SPEC_MOUNT_DEV))
		a |= MATTR_NODEV;
	if (flags & SPEC_MOUNT_RDONLY)
		a |= MATTR_RDONLY;
	if (flags & SPEC_MOUNT_NOEXEC)
		a |= MATTR_NOEXEC;
	if (flags & SPEC_MOUNT_NOSYMFOLLOW)
		a |= MATTR_NOSYMFOLLOW;
	return a;
}

static bool has_own_network(const struct spec *s)
{
	return s->network == SPEC_NETWORK_NONE;
}

static bool has_masks(const struct spec *s)
{
	return !(s->flags & SPEC_PRIVILEGED) && (s->masked || s->readonly);
}

/* Clones of the host's mounts, opened with the caller's own rights. */
static void plan_sources(const struct spec *s, struct plan *p)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		struct plan_op *op;

		if (m->kind != SPEC_MOUNT_BIND)
			continue;
		op = add_source(p, PLAN_SLOT_BIND + (int)i, m->source, mount_attrs(m->flags));
		if (!(m->flags & SPEC_MOUNT_NO_RECURSIVE))
			op->flags |= PLAN_RECURSIVE;
	}
	for (size_t i = 0; i < s->n_files; i++)
		add_source(
			p, PLAN_SLOT_BIND + (int)(s->n_mounts + i), s->files[i].source, ATTRS_SAFE);
}

static struct plan_op *add_overlay(const struct spec *s, struct plan *p, int slot)
{
	struct plan_op *op = add(p, PLAN_OVERLAY);

	op->slot = slot;
	op->attrs = MATTR_NODEV;
	if (s->flags & SPEC_NO_NEW_PRIVS)
		op->attrs |= MATTR_NOSUID;
	return op;
}

static void plan_root(const struct spec *s, struct plan *p)
{
	struct plan_op *op;

	if (s->root.kind == SPEC_ROOT_OVERLAY) {
		op = add_overlay(s, p, PLAN_SLOT_ROOT);
		if (s->flags & SPEC_VOLATILE)
			op->flags |= PLAN_VOLATILE;
	}
	add(p, PLAN_ROOT_ATTACH)->slot = PLAN_SLOT_ROOT;
}

/* A directory is the root as it is: cloned with the other paths of the host. */
static void plan_root_source(const struct spec *s, struct plan *p)
{
	uint64_t attrs = MATTR_NODEV;

	if (s->root.kind != SPEC_ROOT_DIRECTORY)
		return;
	if (s->flags & SPEC_NO_NEW_PRIVS)
		attrs |= MATTR_NOSUID;
	add_source(p, PLAN_SLOT_ROOT, s->root.directory, attrs)->flags |= PLAN_RECURSIVE;
}

/* "", "U:G" in numbers: the ids are known without the image's files. */
static bool user_is_known(const char *user, uint32_t *ret_uid, uint32_t *ret_gid)
{
	const char *colon;
	autofree char *first = NULL;
	uint64_t uid = 0, gid = 0;

	if (str_empty(user)) {
		*ret_uid = *ret_gid = 0;
		return true;
	}
	colon = strchr(user, ':');
	if (!colon)
		return false;
	first = xstrndup(user, (size_t)(colon - user));
	if (!str_is_digits(first) || !str_is_digits(colon + 1) ||
		parse_u64(first, PASSWD_ID_MAX, &uid, NULL) < 0 ||
		parse_u64(colon + 1, PASSWD_ID_MAX, &gid, NULL) < 0)
		return false;
	*ret_uid = (uint32_t)uid;
	*ret_gid = (uint32_t)gid;
	return true;
}

/* One id: the user inside is the caller, whoever that is. */
static void plan_map_self(const struct spec *s, struct plan *p)
{
	uint32_t uid, gid;
	struct plan_op *op;

	if (user_is_known(s->user, &uid, &gid)) {
		op = add(p, PLAN_MAP_SELF);
		op->uid = uid;
		op->gid = gid;
		return;
	}
	if (s->root.kind == SPEC_ROOT_OVERLAY) {
		add_overlay(s, p, PLAN_SLOT_LOOKUP)->flags |= PLAN_LOOKUP;
		add(p, PLAN_USER)->into = PLAN_SLOT_LOOKUP;
	} else {
		add(p, PLAN_USER)->into = PLAN_SLOT_ROOT;
	}
	add(p, PLAN_MAP_SELF)->flags |= PLAN_FROM_USER;
}

static void plan_sys(const struct spec *s, struct plan *p)
{
	uint64_t rdonly = s->flags & SPEC_PRIVILEGED ? 0 : MATTR_RDONLY;

	/* A sysfs of one's own shows the network namespace it was made in, and needs owning it. */
	if (has_own_network(s))
		add_fs(p, PLAN_SLOT_SYS, "sysfs", ATTRS_SAFE | rdonly);
	else
		add_source(p, PLAN_SLOT_SYS, "/sys", ATTRS_SAFE | rdonly)->flags |= PLAN_RECURSIVE;
	add_fs(p, PLAN_SLOT_CGROUP, "cgroup2", ATTRS_SAFE | rdonly)->flags |= PLAN_OPTIONAL;
}

static bool has_shm(const struct spec *s)
{
	return !(s->flags & SPEC_NO_SHM);
}

/* Shared memory and message queues of POSIX are files: those of the host for its IPC namespace. */
static void plan_shm(const struct spec *s, struct plan *p)
{
	uint64_t size = s->shm_size ? s->shm_size : SHM_DEFAULT;
	struct plan_op *op;

	if (s->flags & SPEC_HOST_IPC || !has_shm(s))
		return;
	op = add_fs(p, PLAN_SLOT_SHM, "tmpfs", ATTRS_SAFE);
	set_option(op, "mode", "1777");
	set_option(op, "size", keep(p, xasprintf("%llu", (unsigned long long)size)));
}

static void plan_ipc(const struct spec *s, struct plan *p)
{
	if (!(s->flags & SPEC_HOST_IPC)) {
		add_fs(p, PLAN_SLOT_MQUEUE, "mqueue", ATTRS_SAFE)->flags |= PLAN_OPTIONAL;
		return;
	}
	add_source(p, PLAN_SLOT_MQUEUE, "/dev/mqueue", ATTRS_SAFE)->flags |= PLAN_OPTIONAL;
	add_source(p, PLAN_SLOT_SHM, "/dev/shm", ATTRS_SAFE);
}

static void plan_tmpfs(const struct spec *s, struct plan *p)
{
	struct plan_op *op;

	op = add_fs(p, PLAN_SLOT_DEV, "tmpfs", MATTR_NOSUID | MATTR_NOEXEC | MATTR_STRICTATIME);
	set_option(op, "mode", "755");
	set_option(op, "size", "65536k");
	plan_shm(s, p);
	if (!has_masks(s))
		return;
	op = add_fs(p, PLAN_SLOT_EMPTY, "tmpfs", ATTRS_SAFE | MATTR_RDONLY);
	set_option(op, "mode", "555");
	set_option(op, "size", "4k");
	set_option(op, "nr_inodes", "2");
}

/* Everything that needs no file made and no id mapped. */
static void plan_before_map(const struct spec *s, struct plan *p)
{
	add(p, PLAN_PRIVATE);
	add_fs(p, PLAN_SLOT_PROC, "proc", ATTRS_SAFE);
	plan_sources(s, p);
	plan_root_source(s, p);
	plan_sys(s, p);
	add_source(p, PLAN_SLOT_NULL, "/dev/null", MATTR_RDONLY | MATTR_NOSUID | MATTR_NOEXEC);
	plan_ipc(s, p);
	if (has_own_network(s))
		add(p, PLAN_LOOPBACK);
	plan_tmpfs(s, p);
	add(p, PLAN_KEYRING);
}

static void plan_map(const struct spec *s, struct plan *p)
{
	switch (s->map.kind) {
	case IDMAP_SINGLE:
		plan_map_self(s, p);
		break;
	case IDMAP_RANGES:
		add(p, PLAN_MAP_WAIT);
		add(p, PLAN_BECOME_ROOT);
		break;
	case IDMAP_NONE:
		add(p, PLAN_BECOME_ROOT);
		break;
	}
	if (s->oom_score_adj != INT32_MIN)
		add(p, PLAN_OOM_SCORE)->source = keep(p, xasprintf("%d", s->oom_score_adj));
	add(p, PLAN_HIDE);
}

static void add_sysctl(struct plan *p, const char *path, const char *value, unsigned flags)
{
	struct plan_op *op = add_at(p, PLAN_SYSCTL, PLAN_SLOT_PROC, path);

	op->source = value;
	op->flags = flags;
}

static void plan_sysctls(const struct spec *s, struct plan *p)
{
	/* A user namespace inside would reach kernel code that only root's tools exercise. */
	if (s->map.kind != IDMAP_NONE && !(s->flags & SPEC_NESTED))
		add_sysctl(p, "sys/user/max_user_namespaces", "0", PLAN_OPTIONAL);
	if (has_own_network(s))
		add_sysctl(p, "sys/net/ipv4/ping_group_range", "0 0", PLAN_OPTIONAL);
	STRV_FOREACH (sysctl, s->sysctls) {
		const char *value = strchr(sysctl, '=');

		assert_that(value);
		add_sysctl(p, keep(p, xasprintf("sys/%.*s", (int)(value - sysctl), sysctl)),
			value + 1, 0);
	}
}

static void add_device(struct plan *p, const char *name, uint32_t minor, uint32_t major)
{
	struct plan_op *op = add_at(p, PLAN_DEVICE, PLAN_SLOT_DEV, name);

	op->major = major;
	op->minor = minor;
	op->mode = 0666;
}

static void add_link(struct plan *p, const char *name, const char *target)
{
	add_at(p, PLAN_LINK, PLAN_SLOT_DEV, name)->source = target;
}

static void plan_dev_content(const struct spec *s, struct plan *p)
{
	size_t first = p->n_ops;

	add_device(p, "null", 3, 1);
	add_device(p, "zero", 5, 1);
	add_device(p, "full", 7, 1);
	add_device(p, "random", 8, 1);
	add_device(p, "urandom", 9, 1);
	add_device(p, "tty", 0, 5);
	if (s->map.kind != IDMAP_NONE)
		for (size_t i = first; i < p->n_ops; i++)
			p->ops[i].flags |= PLAN_CLONE;
	add_link(p, "fd", "/proc/self/fd");
	add_link(p, "stdin", "/proc/self/fd/0");
	add_link(p, "stdout", "/proc/self/fd/1");
	add_link(p, "stderr", "/proc/self/fd/2");
	add_link(p, "ptmx", "pts/ptmx");
	/* The pty is the first of a fresh devpts. A name cannot be swapped for another device. */
	if (s->flags & SPEC_TERMINAL)
		add_link(p, "console", "pts/0");
}

static void plan_dev(const struct spec *s, struct plan *p)
{
	struct plan_op *op;
	uint32_t host_gid;

	op = add_fs(p, PLAN_SLOT_PTS, "devpts", MATTR_NOSUID | MATTR_NOEXEC);
	set_option(op, "newinstance", NULL);
	set_option(op, "ptmxmode", "0666");
	set_option(op, "mode", "0620");
	if (idmap_gid_to_host(&s->map, TTY_GROUP, &host_gid))
		set_option(op, "gid", "5");

	add_attach(p, PLAN_SLOT_DEV, PLAN_SLOT_ROOT, "dev");
	add_at(p, PLAN_DIRECTORY, PLAN_SLOT_DEV, "pts")->mode = 0755;
	if (has_shm(s))
		add_at(p, PLAN_DIRECTORY, PLAN_SLOT_DEV, "shm")->mode = 01777;
	add_at(p, PLAN_DIRECTORY, PLAN_SLOT_DEV, "mqueue")->mode = 01777;
	add_attach(p, PLAN_SLOT_PTS, PLAN_SLOT_DEV, "pts");
	if (has_shm(s))
		add_attach(p, PLAN_SLOT_SHM, PLAN_SLOT_DEV, "shm");
	add_attach(p, PLAN_SLOT_MQUEUE, PLAN_SLOT_DEV, "mqueue");
	plan_dev_content(s, p);
}

/* "/proc/acpi" to the slot of proc and "acpi"; NULL for the mount point itself. */
static const char *split_special(const char *path, int *ret_slot)
{
	const char *rest = str_after(path, "/proc/");

	*ret_slot = PLAN_SLOT_PROC;
	if (!rest) {
		rest = str_after(path, "/sys/");
		*ret_slot = PLAN_SLOT_SYS;
	}
	return rest && *rest ? rest : NULL;
}

static void add_special(struct plan *p, enum plan_op_kind kind, char *const *paths)
{
	STRV_FOREACH (path, paths) {
		int slot;
		const char *rest = split_special(path, &slot);

		if (rest)
			add_at(p, kind, slot, rest);
	}
}

static void plan_masks(const struct spec *s, struct plan *p)
{
	if (has_masks(s))
		add_special(p, PLAN_MASK, s->masked);
}

static void plan_readonly(const struct spec *s, struct plan *p)
{
	if (has_masks(s))
		add_special(p, PLAN_READONLY, s->readonly);
}

/*
 * With ranges there is time before the map is written: the masks are put on then, while the two
 * trees hang over the host's own, in this namespace only.
 */
static void plan_staged(struct plan *p, int slot, const char *path)
{
	struct plan_op *op = add(p, PLAN_STAGE);

	op->slot = slot;
	op->path = path;
}

/* What the user asked for, as one list to be sorted: mounts first, then files. */
struct target {
	const char *path;
	size_t depth, number;
};

static int by_depth(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1];
	return n;
}

/* A mount of the user's on that very path takes the place of our file. */
static bool is_covered(const struct spec *s, const char *target)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (str_eq(s->mounts[i].target, target))
			return true;
	return false;
}

static void add_tmpfs(struct plan *p, const struct spec_mount *m)
{
	struct plan_op *op = add_at(p, PLAN_TMPFS, PLAN_SLOT_ROOT, m->target);

	op->attrs = mount_attrs(m->flags);
	op->mode = m->mode;
	if (m->size)
		set_option(op, "size", keep(p, xasprintf("%llu", (unsigned long long)m->size)));
	if (m->inodes)
		set_option(
			op, "nr_inodes", keep(p, xasprintf("%llu", (unsigned long long)m->inodes)));
	if (m->uid)
		set_option(op, "uid", keep(p, xasprintf("%u", m->uid)));
	if (m->gid)
		set_option(op, "gid", keep(p, xasprintf("%u", m->gid)));
}

static void add_target(const struct spec *s, struct plan *p, const struct target *t)
{
	struct plan_op *op;

	if (t->number < s->n_mounts && s->mounts[t->number].kind == SPEC_MOUNT_TMPFS) {
		add_tmpfs(p, &s->mounts[t->number]);
		return;
	}
	if (t->number >= s->n_mounts && is_covered(s, t->path))
		return;
	op = add_at(p, PLAN_BIND, PLAN_SLOT_ROOT, t->path);
	op->slot = PLAN_SLOT_BIND + (int)t->number;
	/* Inside a read-only volume of the user's there is no place for a file of ours. */
	if (t->number >= s->n_mounts)
		op->flags |= PLAN_OPTIONAL;
}

static void plan_targets(const struct spec *s, struct plan *p)
{
	size_t n = s->n_mounts + s->n_files;
	autofree struct target *list = NEW_ARRAY(struct target, n ? n : 1);

	for (size_t i = 0; i < n; i++) {
		const char *path =
			i < s->n_mounts ? s->mounts[i].target : s->files[i - s->n_mounts].target;

		list[i] = (struct target){ path, depth_of(path), i };
	}
	qsort(list, n, sizeof(*list), by_depth);
	for (size_t i = 0; i < n; i++)
		add_target(s, p, &list[i]);
}

static bool has_op(const struct plan *p, enum plan_op_kind kind)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == kind)
			return true;
	return false;
}

static void plan_inside(const struct spec *s, struct plan *p)
{
	if (s->flags & SPEC_TERMINAL)
		add(p, PLAN_CONSOLE);
	add(p, PLAN_PIVOT);
	add(p, PLAN_CHECK);
	if (s->flags & SPEC_READ_ONLY)
		add(p, PLAN_ROOT_RDONLY);
	if (s->hostname)
		add(p, PLAN_HOSTNAME)->path = s->hostname;
	if (s->domainname)
		add(p, PLAN_DOMAINNAME)->path = s->domainname;
	if (!has_op(p, PLAN_USER))
		add(p, PLAN_USER)->into = PLAN_SLOT_ROOT;
	add(p, PLAN_WORKDIR)->path = s->cwd ? s->cwd : "/";
	for (size_t i = 0; i < s->n_rlimits; i++)
		add(p, PLAN_RLIMIT)->index = i;
	add(p, PLAN_SESSION);
	add(p, PLAN_READY);
	if (!has_own_network(s) && !(s->flags & SPEC_NO_SCOPE))
		add(p, PLAN_SCOPE);
	add(p, PLAN_DROP);
	if (s->flags & SPEC_INIT)
		add(p, PLAN_INIT);
	add(p, PLAN_EXEC);
}

int plan_make(const struct spec *s, struct plan **ret, struct err *err)
{
	AUTO(plan) struct plan *p = NULL;
	size_t slots = PLAN_SLOT_BIND + s->n_mounts + s->n_files;

	if (slots > 4096)
		return err_set(err, ERR_LIMIT, "too many mounts (%zu)", s->n_mounts);
	p = NEW(struct plan);
	p->n_slots = (unsigned)slots;
	p->cap_ops = PLAN_OPS_EXPECTED + 2 * slots;
	p->ops = NEW_ARRAY(struct plan_op, p->cap_ops);
	plan_before_map(s, p);
	if (s->map.kind == IDMAP_RANGES) {
		plan_staged(p, PLAN_SLOT_PROC, "/proc");
		plan_staged(p, PLAN_SLOT_SYS, "/sys");
		plan_masks(s, p);
	}
	plan_map(s, p);
	plan_root(s, p);
	plan_sysctls(s, p);
	add_attach(p, PLAN_SLOT_PROC, PLAN_SLOT_ROOT, "proc");
	add_attach(p, PLAN_SLOT_SYS, PLAN_SLOT_ROOT, "sys");
	add_attach(p, PLAN_SLOT_CGROUP, PLAN_SLOT_SYS, "fs/cgroup");
	plan_dev(s, p);
	if (s->map.kind != IDMAP_RANGES)
		plan_masks(s, p);
	plan_readonly(s, p);
	plan_targets(s, p);
	plan_inside(s, p);
	*ret = TAKE_PTR(p);
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	strv_free(p->strings);
	free(p->ops);
	free(p);
}
