#include "sys/mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers shared by all architectures, for C libraries older than the calls. */
#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

enum {
	K_FSOPEN_CLOEXEC = 1,
	K_FSMOUNT_CLOEXEC = 1,
	K_FSCONFIG_SET_FLAG = 0,
	K_FSCONFIG_SET_STRING = 1,
	K_FSCONFIG_SET_FD = 5,
	K_FSCONFIG_CMD_CREATE = 6,
	K_OPEN_TREE_CLONE = 1,
	K_AT_RECURSIVE = 0x8000,
	K_MOVE_MOUNT_F_EMPTY_PATH = 0x04,
	K_MOVE_MOUNT_T_EMPTY_PATH = 0x40,
	K_STATX_MNT_ID = 0x1000,
	K_MNT_DETACH = 2,
};

struct mount_attr_k {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* The kernel's struct statx: the member for the mount id is missing in older C libraries. */
struct statx_k {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	uint64_t times[8];
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint64_t spare[13];
};
_Static_assert(sizeof(struct statx_k) == 256, "statx is 256 bytes in the kernel");

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int mount_fs_open(const char *type)
{
	return result(syscall(SYS_fsopen, type, K_FSOPEN_CLOEXEC));
}

int mount_fs_set(int fs_fd, const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, fs_fd, K_FSCONFIG_SET_STRING, key, value, 0));
}

int mount_fs_set_flag(int fs_fd, const char *key)
{
	return result(syscall(SYS_fsconfig, fs_fd, K_FSCONFIG_SET_FLAG, key, NULL, 0));
}

int mount_fs_set_fd(int fs_fd, const char *key, int fd)
{
	return result(syscall(SYS_fsconfig, fs_fd, K_FSCONFIG_SET_FD, key, NULL, fd));
}

int mount_fs_mount(int fs_fd, uint64_t attrs)
{
	if (syscall(SYS_fsconfig, fs_fd, K_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return result(syscall(SYS_fsmount, fs_fd, K_FSMOUNT_CLOEXEC, (unsigned)attrs));
}

void mount_fs_message(int fs_fd, char *ret, size_t size)
{
	char line[256];
	ssize_t n;

	ret[0] = '\0';
	/* Each read gives one message, "e text" for errors; none is ENODATA. */
	while ((n = read(fs_fd, line, sizeof(line) - 1)) > 2) {
		if (line[n - 1] == '\n')
			n--;
		line[n] = '\0';
		(void)snprintf(ret, size, "%s", line + 2);
	}
}

int mount_tree_clone(int dir_fd, const char *path, unsigned flags)
{
	unsigned how = K_OPEN_TREE_CLONE | O_CLOEXEC;

	if (!*path)
		how |= AT_EMPTY_PATH;
	if (flags & MOUNT_TREE_RECURSIVE)
		how |= K_AT_RECURSIVE;
	if (flags & MOUNT_TREE_NOFOLLOW)
		how |= AT_SYMLINK_NOFOLLOW;
	return result(syscall(SYS_open_tree, dir_fd, path, how));
}

int mount_tree_move(int tree_fd, int target_fd)
{
	return result(syscall(SYS_move_mount, tree_fd, "", target_fd, "",
		K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH));
}

int mount_tree_move_to(int tree_fd, const char *path)
{
	return result(
		syscall(SYS_move_mount, tree_fd, "", AT_FDCWD, path, K_MOVE_MOUNT_F_EMPTY_PATH));
}

int mount_tree_setattr(
	int tree_fd, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation)
{
	struct mount_attr_k a = {
		.attr_set = set,
		.attr_clr = clear,
		.propagation = propagation,
	};
	unsigned flags = AT_EMPTY_PATH | (recursive ? K_AT_RECURSIVE : 0);

	return result(syscall(SYS_mount_setattr, tree_fd, "", flags, &a, sizeof(a)));
}

int mount_set_propagation(const char *path, uint64_t propagation)
{
	struct mount_attr_k a = { .propagation = propagation };

	return result(syscall(SYS_mount_setattr, AT_FDCWD, path, K_AT_RECURSIVE, &a, sizeof(a)));
}

int mount_pivot(int new_root_fd)
{
	/* The old root ends up stacked on the new one's "/", which is where "." still is. */
	if (fchdir(new_root_fd) < 0)
		return -errno;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (syscall(SYS_umount2, ".", K_MNT_DETACH) < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

int mount_id(int dir_fd, const char *path, uint64_t *ret)
{
	struct statx_k stx = { 0 };
	bool self = !path || !*path;

	if (syscall(SYS_statx, dir_fd, self ? "" : path,
		    (self ? AT_EMPTY_PATH : 0) | AT_SYMLINK_NOFOLLOW, K_STATX_MNT_ID, &stx) < 0)
		return -errno;
	if (!(stx.mask & K_STATX_MNT_ID))
		return -EOPNOTSUPP;
	*ret = stx.mnt_id;
	return 0;
}
