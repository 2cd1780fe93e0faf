/*
 * /dev: a tmpfs of ours, device nodes, the container's own ptys, and the first three descriptors.
 * There is no mode without it: an image's /dev is never used (CVE-2026-41579 and its family).
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"
#include "sys/openat.h"

#define K_TIOCSPTLCK   0x40045431
#define K_TIOCGPTPEER  0x5441
#define K_PIPEFS_MAGIC 0x50495045

int child_op_directory(struct child *c, const struct plan_op *op, struct err *err)
{
	/* The umask is 0 while setting up. */
	if (mkdirat(child_slot(c, op->into), op->path, op->mode) < 0)
		return err_sys(err, errno, "cannot make /dev/%s", op->path);
	return 0;
}

int child_op_link(struct child *c, const struct plan_op *op, struct err *err)
{
	if (symlinkat(op->source, child_slot(c, op->into), op->path) < 0)
		return err_sys(err, errno, "cannot make /dev/%s", op->path);
	return 0;
}

/* The host's node, known by its number, never by its name; 0 when this host has none. */
static int clone_device(struct child *c, const struct plan_op *op, struct err *err)
{
	char path[32];
	autofd int tree = -EBADF, file = -EBADF;
	struct stat st;
	int dev = child_slot(c, op->into), r;

	(void)snprintf(path, sizeof(path), "/dev/%s", op->path);
	tree = mount_tree_clone(AT_FDCWD, path, MOUNT_TREE_NOFOLLOW);
	if (tree < 0 || fstat(tree, &st) < 0 || !S_ISCHR(st.st_mode) ||
		st.st_rdev != makedev(op->major, op->minor)) {
		c->degraded |= CHILD_NO_DEVICE;
		return 0;
	}
	r = mount_tree_setattr(tree, false, MATTR_NOSUID | MATTR_NOEXEC, 0, 0);
	if (r < 0)
		return err_sys(err, -r, "cannot restrict %s", path);
	file = openat(dev, op->path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0666);
	if (file < 0)
		return err_sys(err, errno, "cannot make %s", path);
	r = child_attach(c, tree, file, false);
	return r < 0 ? err_sys(err, -r, "cannot attach %s", path) : 0;
}

int child_op_device(struct child *c, const struct plan_op *op, struct err *err)
{
	int dev = child_slot(c, op->into);

	if (op->flags & PLAN_CLONE)
		return clone_device(c, op, err);
	if (mknodat(dev, op->path, S_IFCHR | op->mode, makedev(op->major, op->minor)) == 0)
		return 0;
	/* Root of somebody's user namespace looks like root. */
	if (errno == EPERM)
		return clone_device(c, op, err);
	return err_sys(err, errno, "cannot make /dev/%s", op->path);
}

/*
 * A pty of the devpts that was made above, its peer by ioctl: no name in /dev/pts is looked up,
 * so nothing that a volume puts there matters (CVE-2025-52565).
 */
int child_op_console(struct child *c, const struct plan_op *op, struct err *err)
{
	int unlock = 0;
	struct statfs fs;
	autofd int master =
		openat_strict(child_slot(c, PLAN_SLOT_PTS), "ptmx", O_RDWR | O_NOCTTY, 0);

	(void)op;
	if (master < 0)
		return err_sys(err, -master, "cannot open a pty");
	if (fstatfs(master, &fs) < 0 || (unsigned long)fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(err, ERR_DENIED, "the pty is not one of devpts");
	if (ioctl(master, K_TIOCSPTLCK, &unlock) < 0)
		return err_sys(err, errno, "cannot unlock the pty");
	c->console_peer = ioctl(master, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->console_peer < 0)
		return err_sys(err, errno, "cannot open the pty's other side");
	c->console_master = TAKE_FD(master);
	return 0;
}

/*
 * Who may reopen /dev/stdout: the container's user gets pipes without a name and our own pty.
 * Files, sockets and FIFOs that have a name on the host keep their owner.
 */
static void give_stdio(const struct child *c, int fd)
{
	struct stat st;
	struct statfs fs;

	if (fd == c->console_peer) {
		(void)!fchown(fd, c->user.uid, (gid_t)-1);
		return;
	}
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || st.st_uid == c->user.uid)
		return;
	if (fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != K_PIPEFS_MAGIC)
		return;
	(void)!fchown(fd, c->user.uid, (gid_t)-1);
}

int child_op_session(struct child *c, const struct plan_op *op, struct err *err)
{
	bool terminal = c->console_peer >= 0;
	int from[3];

	(void)op;
	/* Always: a process of another session cannot take over the caller's terminal. */
	if (setsid() < 0 && errno != EPERM)
		return err_sys(err, errno, "cannot begin a session");
	if (terminal && ioctl(c->console_peer, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "cannot take the pty as controlling terminal");
	for (int i = 0; i < 3; i++) {
		int fd = terminal ? c->console_peer : c->stdio[i];

		give_stdio(c, fd);
		/* Out of the way first: one dup2 must not land on a later source. */
		from[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return err_sys(err, errno, "cannot copy descriptor %d", i);
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(from[i], i) < 0)
			return err_sys(err, errno, "cannot place descriptor %d", i);
		fd_close(from[i]);
	}
	return 0;
}
