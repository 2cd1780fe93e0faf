/*
 * What is ours inside the container: proc, sys, dev and what hides parts of them. Every target is
 * found with STRICT from a descriptor of a mount that we made, never by a path of the image.
 */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"
#include "sys/openat.h"

/*
 * The kernel gives no fresh proc (or sysfs) to a user namespace when the one it can see has mounts
 * on it, as inside another container. A clone shows no more than what is seen already.
 */
static int clone_outer(struct child *c, const struct plan_op *op, struct err *err)
{
	bool proc = op->slot == PLAN_SLOT_PROC;
	autofd int fd = mount_tree_clone(AT_FDCWD, proc ? "/proc" : "/sys", MOUNT_TREE_RECURSIVE);
	int r;

	if (fd < 0)
		return err_sys(err, -fd, "cannot clone the outer %s", proc ? "/proc" : "/sys");
	r = mount_tree_setattr(fd, true, op->attrs, 0, MS_PRIVATE);
	if (r < 0)
		return err_sys(err, -r, "cannot restrict %s", proc ? "/proc" : "/sys");
	c->degraded |= proc ? CHILD_OUTER_PROC : CHILD_NO_SYSFS;
	child_set_slot(c, op->slot, TAKE_FD(fd));
	return 0;
}

static int fs_failed(struct child *c, const struct plan_op *op, int r, struct err *err)
{
	if ((op->slot == PLAN_SLOT_PROC || op->slot == PLAN_SLOT_SYS) && r == -EPERM)
		return clone_outer(c, op, err);
	if (op->flags & PLAN_OPTIONAL) {
		c->degraded |= op->slot == PLAN_SLOT_MQUEUE ? CHILD_NO_MQUEUE : CHILD_NO_CGROUP;
		return 0;
	}
	return err_sys(err, -r, "cannot mount %s", op->source);
}

int child_op_fs(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int fs = mount_fs_open(op->source);
	int r;

	if (fs < 0)
		return fs_failed(c, op, fs, err);
	r = mount_fs_set(fs, "source", op->source); /* what df and mount show */
	for (unsigned i = 0; i < op->n_options && r >= 0; i++) {
		const struct plan_option *o = &op->options[i];

		r = o->value ? mount_fs_set(fs, o->key, o->value) : mount_fs_set_flag(fs, o->key);
		/* Root of somebody's user namespace that does not map the tty group. */
		if (r == -EINVAL && str_eq(o->key, "gid"))
			r = 0;
	}
	if (r >= 0)
		r = mount_fs_mount(fs, op->attrs);
	if (r < 0)
		return fs_failed(c, op, r, err);
	child_set_slot(c, op->slot, r);
	return 0;
}

static bool is_device(int fd, uint32_t major, uint32_t minor)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

int child_op_source(struct child *c, const struct plan_op *op, struct err *err)
{
	bool recursive = op->flags & PLAN_RECURSIVE;
	autofd int fd = mount_tree_clone(AT_FDCWD, op->path, recursive ? MOUNT_TREE_RECURSIVE : 0);
	int r;

	/* EINVAL: mounts below that the kernel does not let this namespace take off. */
	if (fd == -EINVAL && !recursive)
		return err_set(err, ERR_UNSUPPORTED,
			"cannot bind %s without the mounts below it as this user", op->path);
	if (fd == -ENOENT && op->flags & PLAN_OPTIONAL)
		return 0;
	if (fd < 0)
		return err_sys(err, -fd, "bind source %s", op->path);
	if (op->slot == PLAN_SLOT_NULL && !is_device(fd, 1, 3))
		return err_set(err, ERR_DENIED, "%s of this host is not the null device", op->path);
	r = mount_tree_setattr(fd, recursive, op->attrs, 0, MS_PRIVATE);
	if (r < 0)
		return err_sys(err, -r, "cannot restrict the mount of %s", op->path);
	child_set_slot(c, op->slot, TAKE_FD(fd));
	return 0;
}

/*
 * STRICT; but a directory of the host that is used as root may have the host's mounts on it
 * (--rootfs /), which no image can make.
 */
static int open_strict(const struct child *c, const struct plan_op *op)
{
	int into = child_slot(c, op->into);

	if (op->into == PLAN_SLOT_ROOT && c->spec->root.kind == SPEC_ROOT_DIRECTORY)
		return openat_resolve(into, op->path, O_PATH | O_DIRECTORY, 0,
			OPENAT_BENEATH | OPENAT_NO_SYMLINKS);
	return openat_strict(into, op->path, O_PATH | O_DIRECTORY, 0);
}

/* A directory that is ours to mount on: real, not behind a link, made when missing. */
static int open_mount_point(const struct child *c, const struct plan_op *op, struct err *err)
{
	int fd = open_strict(c, op);

	if (fd == -ENOENT && op->into == PLAN_SLOT_ROOT) {
		if (mkdirat(child_slot(c, op->into), op->path, 0755) < 0)
			return err_sys(err, errno, "cannot make /%s in the root", op->path);
		fd = open_strict(c, op);
	}
	if (fd == -ELOOP || fd == -ENOTDIR)
		return err_set(err, ERR_DENIED,
			"/%s of the image has to be a directory, and is not one", op->path);
	return fd < 0 ? err_sys(err, -fd, "cannot open mount point %s", op->path) : fd;
}

/* Masks can only be put on what is attached (before 6.15); the tree moves on with them. */
int child_op_stage(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = mount_tree_move_to(child_slot(c, op->slot), op->path);

	return r < 0 ? err_sys(err, -r, "cannot attach over %s", op->path) : 0;
}

/*
 * The first use attaches the mask itself, later ones clone it from there: kernels before 6.15 copy
 * only mounts that are attached in the caller's namespace.
 */
static int take_mask(struct child *c, int slot, bool *used)
{
	int fd = child_slot(c, slot);

	if (!*used) {
		*used = true;
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	}
	return mount_tree_clone(fd, "", 0);
}

/* No cgroup2 of our own: nothing is better than the host's tree in a clone of its /sys. */
static int hide_cgroups(struct child *c, int at, struct err *err)
{
	autofd int mask = -EBADF;
	int r;

	if (c->slots[PLAN_SLOT_EMPTY] < 0)
		return 0;
	mask = take_mask(c, PLAN_SLOT_EMPTY, &c->empty_used);
	r = mask < 0 ? mask : child_attach(c, mask, at, false);
	return r < 0 ? err_sys(err, -r, "cannot hide the host's cgroups") : 0;
}

static int attach_cgroup(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int at = openat_resolve(child_slot(c, op->into), op->path, O_PATH | O_DIRECTORY, 0,
		OPENAT_BENEATH | OPENAT_NO_SYMLINKS);
	int r;

	if (at == -ENOENT)
		return 0;
	if (at < 0)
		return err_sys(err, -at, "cannot open /sys/%s", op->path);
	if (c->slots[op->slot] < 0)
		return hide_cgroups(c, at, err);
	r = child_attach(c, c->slots[op->slot], at, false);
	return r < 0 ? err_sys(err, -r, "cannot attach /sys/%s", op->path) : 0;
}

/* With the host's network /sys is a clone as planned, without being less than was asked for. */
static bool is_clone(const struct child *c, int slot)
{
	if (slot == PLAN_SLOT_SYS)
		return c->spec->network == SPEC_NETWORK_HOST || c->degraded & CHILD_NO_SYSFS;
	return slot == PLAN_SLOT_PROC && c->degraded & CHILD_OUTER_PROC;
}

int child_op_attach(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int at = -EBADF;
	int r;

	/* Behind mounts of the host, when /sys is a clone of its. */
	if (op->slot == PLAN_SLOT_CGROUP)
		return attach_cgroup(c, op, err);
	if (c->slots[op->slot] < 0) /* optional, and not there */
		return 0;
	at = open_mount_point(c, op, err);
	if (at < 0)
		return at;
	r = child_attach(c, child_slot(c, op->slot), at, is_clone(c, op->slot));
	return r < 0 ? err_sys(err, -r, "cannot attach %s", op->path) : 0;
}

/*
 * STRICT; but a clone has the mounts of what it is a clone of: selinuxfs, or the masks of a
 * surrounding container. They are covered as well. Still no link is followed.
 */
static int open_to_mask(const struct child *c, const struct plan_op *op)
{
	int tree = child_slot(c, op->into);
	int fd = openat_strict(tree, op->path, O_PATH, 0);

	if (fd == -EXDEV && is_clone(c, op->into))
		fd = openat_resolve(tree, op->path, O_PATH, 0, OPENAT_BENEATH | OPENAT_NO_SYMLINKS);
	return fd;
}

int child_op_mask(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int at = open_to_mask(c, op), mask = -EBADF;
	struct stat st;
	int r;

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at < 0)
		return err_sys(err, -at, "cannot open %s to mask it", op->path);
	if (fstat(at, &st) < 0)
		return err_sys(err, errno, "cannot stat %s", op->path);
	if (S_ISDIR(st.st_mode))
		mask = take_mask(c, PLAN_SLOT_EMPTY, &c->empty_used);
	else
		mask = take_mask(c, PLAN_SLOT_NULL, &c->null_used);
	if (mask < 0)
		return err_sys(err, -mask, "cannot clone a mask");
	r = child_attach(c, mask, at, false);
	return r < 0 ? err_sys(err, -r, "cannot mask %s", op->path) : 0;
}

int child_op_readonly(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int at = openat_strict(child_slot(c, op->into), op->path, O_PATH, 0), mnt = -EBADF;
	int r;

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (at == -EXDEV && c->degraded & (CHILD_OUTER_PROC | CHILD_NO_SYSFS))
		return 0;
	if (at < 0)
		return err_sys(err, -at, "cannot open %s", op->path);
	mnt = mount_tree_clone(at, "", 0);
	if (mnt < 0)
		return err_sys(err, -mnt, "cannot clone %s", op->path);
	r = mount_tree_setattr(
		mnt, false, MATTR_RDONLY | MATTR_NOSUID | MATTR_NODEV | MATTR_NOEXEC, 0, 0);
	if (r >= 0)
		r = child_attach(c, mnt, at, false);
	return r < 0 ? err_sys(err, -r, "cannot make %s read-only", op->path) : 0;
}
