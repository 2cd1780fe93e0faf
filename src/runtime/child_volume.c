/*
 * The user's mounts. Targets are paths of the image: resolved once, inside the root, to a
 * descriptor, and mounted on by that descriptor (CVE-2021-30465, CVE-2017-1002101).
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"
#include "sys/openat.h"

#ifndef CGROUP2_SUPER_MAGIC
#define CGROUP2_SUPER_MAGIC 0x63677270
#endif
#ifndef DEVPTS_SUPER_MAGIC
#define DEVPTS_SUPER_MAGIC 0x1cd1
#endif
#ifndef SECURITYFS_MAGIC
#define SECURITYFS_MAGIC 0x73636673
#endif
#define K_MQUEUE_MAGIC 0x19800202

/* A link of the image may lead anywhere inside the root, but not into the kernel's own trees. */
static bool is_kernel_fs(int fd)
{
	static const unsigned long magics[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
		CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, SECURITYFS_MAGIC, K_MQUEUE_MAGIC };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if ((unsigned long)fs.f_type == magics[i])
			return true;
	return false;
}

/* The root of a mount that is ours: of the container, or /dev. */
static bool is_our_root(const struct child *c, int fd)
{
	static const int ours[] = { PLAN_SLOT_ROOT, PLAN_SLOT_DEV };
	struct stat st, own;

	if (fstat(fd, &st) < 0)
		return true;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (fstat(c->slots[ours[i]], &own) < 0)
			return true;
		if (st.st_dev == own.st_dev && st.st_ino == own.st_ino)
			return true;
	}
	return false;
}

static int check_target(const struct child *c, int fd, const char *path, struct err *err)
{
	if (is_kernel_fs(fd) || is_our_root(c, fd))
		return err_set(err, ERR_DENIED,
			"nothing may be mounted on %s: it leads to a file system of the kernel, "
			"/dev or the root itself",
			path);
	return 0;
}

static int open_target(const struct child *c, const char *path, bool directory, struct err *err)
{
	int root = child_slot(c, PLAN_SLOT_ROOT);
	autofd int fd = directory ? openat_make_dirs(root, path, 0755)
				  : openat_make_file(root, path, 0755, 0644);
	struct stat st;
	int r;

	if (fd == -ENOTDIR && directory)
		return err_set(err, ERR_USAGE,
			"cannot mount a directory on %s, which is not a directory: check the "
			"types of host path and container path",
			path);
	if (fd < 0)
		return err_sys(err, -fd, "cannot open or make the mount point %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot stat %s", path);
	if (!directory && S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE,
			"cannot mount a file on %s, which is a directory: check the types of host "
			"path and container path",
			path);
	r = check_target(c, fd, path, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* Mounts first, then files, which are always one mount. */
static bool is_recursive(const struct child *c, int number)
{
	size_t i = (size_t)number;

	return i < c->spec->n_mounts && !(c->spec->mounts[i].flags & SPEC_MOUNT_NO_RECURSIVE);
}

int child_op_bind(struct child *c, const struct plan_op *op, struct err *err)
{
	int source = child_slot(c, op->slot), r;
	autofd int at = -EBADF;
	struct stat st;

	if (fstat(source, &st) < 0)
		return err_sys(err, errno, "cannot stat the source of %s", op->path);
	at = open_target(c, op->path, S_ISDIR(st.st_mode), err);
	if (op->flags & PLAN_OPTIONAL && (at == -EROFS || at == -EACCES))
		return 0;
	if (at < 0)
		return at;
	r = child_attach(c, source, at, is_recursive(c, op->slot - PLAN_SLOT_BIND));
	return r < 0 ? err_sys(err, -r, "cannot mount on %s", op->path) : 0;
}

/* Docker's rule: the mode that was asked for, else that of the directory underneath, else 1777. */
static int set_mode(int fs, const struct plan_op *op, bool existed, int at)
{
	uint32_t mode = op->mode;
	char text[16];
	struct stat st;

	if (!mode && existed && fstat(at, &st) == 0)
		mode = st.st_mode & 07777;
	if (!mode)
		mode = 01777;
	(void)snprintf(text, sizeof(text), "%o", mode);
	return mount_fs_set(fs, "mode", text);
}

int child_op_tmpfs(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int before =
		openat_in_root(child_slot(c, PLAN_SLOT_ROOT), op->path, O_PATH | O_DIRECTORY, 0);
	autofd int at = open_target(c, op->path, true, err);
	autofd int fs = -EBADF, mnt = -EBADF;
	int r = 0;

	if (at < 0)
		return at;
	fs = mount_fs_open("tmpfs");
	if (fs < 0)
		return err_sys(err, -fs, "tmpfs");
	r = mount_fs_set(fs, "source", "tmpfs");
	if (r >= 0)
		r = set_mode(fs, op, before >= 0, at);
	for (unsigned i = 0; i < op->n_options && r >= 0; i++)
		r = mount_fs_set(fs, op->options[i].key, op->options[i].value);
	if (r < 0)
		return err_sys(err, -r, "tmpfs options of %s", op->path);
	mnt = mount_fs_mount(fs, op->attrs);
	if (mnt < 0)
		return err_sys(err, -mnt, "cannot make the tmpfs for %s", op->path);
	r = child_attach(c, mnt, at, false);
	return r < 0 ? err_sys(err, -r, "cannot mount on %s", op->path) : 0;
}
