/*
 * The root file system: made from layers or a directory, put over "/", swapped in.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"
#include "sys/openat.h"

int child_op_private(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = mount_set_propagation("/", MS_PRIVATE);

	(void)c;
	(void)op;
	return r < 0 ? err_sys(err, -r, "cannot make the mounts private") : 0;
}

/*
 * The same directory that the parent has open, through a mount of this namespace: the kernel takes
 * no layer from another one. Owner, permissions and path are the caller's; the comparison is
 * against a directory that was replaced meanwhile.
 */
static int open_dir(const struct child_dir *d, struct err *err)
{
	autofd int fd = open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", d->path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot stat %s", d->path);
	if (st.st_dev != d->dev || st.st_ino != d->ino)
		return err_set(err, ERR_WRONG_STATE, "%s was replaced while the container started",
			d->path);
	return TAKE_FD(fd);
}

/* "This kernel is too old for that way", where 0 is success and less is a failure. */
#define TRY_NEXT 1

/* Descriptors are the first choice (6.13), their names in /proc the second (lowerdir+, 6.7). */
static int set_dir(int fs, const char *key, int fd, bool by_name)
{
	char name[40];

	if (!by_name)
		return mount_fs_set_fd(fs, key, fd);
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return mount_fs_set(fs, key, name);
}

static int add_layer(const struct child_dir *d, int fs, bool by_name, struct err *err)
{
	autofd int fd = open_dir(d, err);
	int r;

	if (fd < 0)
		return fd;
	r = set_dir(fs, "lowerdir+", fd, by_name);
	if (r == -EINVAL)
		return TRY_NEXT;
	return r < 0 ? err_sys(err, -r, "overlay: layer %s", d->path) : 0;
}

static int add_upper(const struct child *c, int fs, bool by_name, struct err *err)
{
	autofd int upper = open_dir(&c->upper, err);
	autofd int work = upper < 0 ? -EBADF : open_dir(&c->work, err);
	int r;

	if (upper < 0 || work < 0)
		return upper < 0 ? upper : work;
	r = set_dir(fs, "upperdir", upper, by_name);
	if (r >= 0)
		r = set_dir(fs, "workdir", work, by_name);
	return r < 0 ? err_sys(err, -r, "overlay: upper directory %s", c->upper.path) : 0;
}

static int set_dirs(
	const struct child *c, const struct plan_op *op, int fs, bool by_name, struct err *err)
{
	bool lookup = op->flags & PLAN_LOOKUP;
	int r = 0;

	if (lookup && c->upper.path)
		r = add_layer(&c->upper, fs, by_name, err);
	for (size_t i = 0; i < c->spec->root.n_lower && r == 0; i++)
		r = add_layer(&c->lower[i], fs, by_name, err);
	if (r == 0 && c->upper.path && !lookup)
		r = add_upper(c, fs, by_name, err);
	return r;
}

/*
 * userxattr for root too: a layer then means the same whoever unpacked it. The rest switches off
 * what a crafted layer could use to reach another's files (redirects, metacopy).
 */
static int set_options(int fs, const struct plan_op *op)
{
	static const char *const options[][2] = {
		{ "redirect_dir", "nofollow" },
		{ "metacopy", "off" },
		{ "index", "off" },
		{ "xino", "off" },
	};
	int r = mount_fs_set(fs, "source", "overlay");

	if (r >= 0)
		r = mount_fs_set_flag(fs, "userxattr");

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && r >= 0; i++)
		r = mount_fs_set(fs, options[i][0], options[i][1]);
	if (r >= 0 && op->flags & PLAN_VOLATILE)
		r = mount_fs_set_flag(fs, "volatile");
	return r;
}

static int explain(int errnum, const char *words, const struct child *c, struct err *err)
{
	const char *dir = c->upper.path ? c->upper.path : c->lower[0].path;
	int r;

	r = err_set(err, ERR_UNSUPPORTED, "cannot mount overlay: %s%s%s", err_name(errnum),
		*words ? ": " : "", words);
	if (errnum == ENODEV)
		return err_hint(err, r, "this kernel has no overlay file system: modprobe overlay");
	if (errnum == EPERM || errnum == EACCES)
		return err_hint(err, r,
			"an unprivileged user may mount overlay since Linux 5.11; on Ubuntu "
			"kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile "
			"with 'userns,' is needed");
	return err_hint(err, r,
		"the file system of %s has to carry an overlay (ext4, xfs, btrfs, tmpfs; not "
		"overlay, NFS, FUSE): choose another with --root",
		dir);
}

/* The mount into *ret_fd, TRY_NEXT, or a failure. */
static int overlay_by_fs(
	const struct child *c, const struct plan_op *op, bool by_name, int *ret_fd, struct err *err)
{
	autofd int fs = mount_fs_open("overlay");
	char words[200];
	int r;

	if (fs < 0)
		return explain(-fs, "", c, err);
	r = set_dirs(c, op, fs, by_name, err);
	if (r != 0)
		return r;
	r = set_options(fs, op);
	if (r >= 0)
		r = mount_fs_mount(fs, op->attrs);
	if (r < 0) {
		mount_fs_message(fs, words, sizeof(words));
		return explain(-r, words, c, err);
	}
	*ret_fd = r;
	return 0;
}

/*
 * Kernels before 6.7: one string for mount(2), which takes a page where fsconfig takes 256 bytes.
 * It cannot mount detached: the upper directory (in this namespace only) is the place.
 */
static int overlay_by_mount(const struct child *c, const struct plan_op *op, struct err *err)
{
	char text[4000];
	int fds[200];
	size_t len, n = c->spec->root.n_lower;
	autofd int upper = -EBADF, work = -EBADF;
	int r;

	if (!c->upper.path)
		return err_set(
			err, ERR_UNSUPPORTED, "a root without an upper directory needs Linux 6.7");
	if (n > sizeof(fds) / sizeof(fds[0]))
		return err_set(err, ERR_LIMIT, "%zu layers are too many for this kernel", n);
	len = (size_t)snprintf(text, sizeof(text),
		"userxattr,redirect_dir=nofollow,metacopy=off,"
		"index=off,xino=off%s,lowerdir=",
		op->flags & PLAN_VOLATILE ? ",volatile" : "");
	for (size_t i = 0; i < n; i++) {
		fds[i] = open_dir(&c->lower[i], err); /* closed by exec, or with the process */
		if (fds[i] < 0)
			return fds[i];
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s/proc/self/fd/%d", i ? ":" : "", fds[i]);
		if (len >= sizeof(text))
			return err_set(err, ERR_LIMIT, "too many layers for this kernel");
	}
	upper = open_dir(&c->upper, err);
	work = upper < 0 ? -EBADF : open_dir(&c->work, err);
	if (upper < 0 || work < 0)
		return upper < 0 ? upper : work;
	len += (size_t)snprintf(text + len, sizeof(text) - len,
		",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	if (len >= sizeof(text))
		return err_set(err, ERR_LIMIT, "too many layers for this kernel");
	if (mount("overlay", c->upper.path, "overlay",
		    MS_NODEV | (op->attrs & MATTR_NOSUID ? MS_NOSUID : 0), text) < 0)
		return explain(errno, "", c, err);
	r = mount_tree_clone(AT_FDCWD, c->upper.path, 0);
	return r < 0 ? err_sys(err, -r, "cannot clone the overlay") : r;
}

int child_op_overlay(struct child *c, const struct plan_op *op, struct err *err)
{
	int fd = -EBADF;
	int r = overlay_by_fs(c, op, false, &fd, err);

	if (r == TRY_NEXT)
		r = overlay_by_fs(c, op, true, &fd, err);
	if (r == TRY_NEXT)
		r = fd = overlay_by_mount(c, op, err);
	if (r < 0)
		return r;
	child_set_slot(c, op->slot, fd);
	return 0;
}

/*
 * Over "/" itself, so that no directory of the host is needed as a place. Lookups of "/" still
 * start below it: this process keeps the host's tree until the pivot.
 */
int child_op_root_attach(struct child *c, const struct plan_op *op, struct err *err)
{
	int root = child_slot(c, op->slot), r;

	r = child_note_mount(c, root, c->spec->root.kind == SPEC_ROOT_DIRECTORY);
	if (r >= 0)
		r = mount_tree_move_to(root, "/");
	return r < 0 ? err_sys(err, -r, "cannot attach the root file system") : 0;
}

int child_op_pivot(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = mount_pivot(child_slot(c, PLAN_SLOT_ROOT));

	(void)op;
	return r < 0 ? err_sys(err, -r, "cannot change the root") : 0;
}

int child_op_root_rdonly(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = mount_tree_setattr(child_slot(c, PLAN_SLOT_ROOT), false, MATTR_RDONLY, 0, 0);

	(void)op;
	return r < 0 ? err_sys(err, -r, "cannot make the root read-only") : 0;
}
