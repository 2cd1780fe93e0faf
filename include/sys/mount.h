/*
 * The mount API by descriptors: fsopen, fsconfig, fsmount, open_tree, move_mount, mount_setattr.
 *
 *	fs = mount_fs_open("tmpfs");
 *	mount_fs_set(fs, "mode", "755");
 *	mnt = mount_fs_mount(fs, MATTR_NOSUID | MATTR_NODEV);	created, detached; close fs
 *	mount_tree_move(mnt, target_fd);			attached, by descriptor
 *
 * The constants are our own: <sys/mount.h> of musl has none, and that of glibc clashes with the
 * kernel's. Raw system calls, no allocation, no text: returns are >= 0 or -errno; allowed between
 * clone and exec. Kernel floor 5.14; what is younger says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Attributes of one mount (MOUNT_ATTR_*). */
#define MATTR_RDONLY	  0x00000001U
#define MATTR_NOSUID	  0x00000002U
#define MATTR_NODEV	  0x00000004U
#define MATTR_NOEXEC	  0x00000008U
#define MATTR_NOATIME	  0x00000010U
#define MATTR_STRICTATIME 0x00000020U
#define MATTR__ATIME	  0x00000070U
#define MATTR_IDMAP	  0x00100000U
#define MATTR_NOSYMFOLLOW 0x00200000U

/* A new instance of a file system type, to be configured. */
int mount_fs_open(const char *type) must_check;
int mount_fs_set(int fs_fd, const char *key, const char *value) must_check;
int mount_fs_set_flag(int fs_fd, const char *key) must_check;
int mount_fs_set_fd(int fs_fd, const char *key, int fd) must_check;

/*
 * FSCONFIG_CMD_CREATE and fsmount. Returns the detached mount; fs_fd stays the caller's, for
 * mount_fs_message after a failure.
 */
int mount_fs_mount(int fs_fd, uint64_t attrs) must_check;

/* The last line that the kernel logged into fs_fd ("overlay: ..."), "" when there is none. */
void mount_fs_message(int fs_fd, char *ret, size_t size);

/*
 * A detached copy of what is at dir_fd/path ("" = dir_fd itself), with or without the mounts
 * below it. Symbolic links in the last component are followed unless nofollow.
 */
enum mount_tree_flags { MOUNT_TREE_RECURSIVE = 1 << 0, MOUNT_TREE_NOFOLLOW = 1 << 1 };
int mount_tree_clone(int dir_fd, const char *path, unsigned flags) must_check;

/* Put a detached mount onto target_fd (an O_PATH descriptor of the very place). */
int mount_tree_move(int tree_fd, int target_fd) must_check;

/* The same onto a path of the host's tree. */
int mount_tree_move_to(int tree_fd, const char *path) must_check;

/*
 * Change attributes of a mount (of all below it too when recursive): bits of `set` on, of `clear`
 * off. A change of the access-time bits needs MATTR__ATIME in clear. propagation is MS_PRIVATE,
 * MS_SLAVE or 0 (leave).
 */
int mount_tree_setattr(
	int tree_fd, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation) must_check;

/* The same on a path, for "/" at the very start. */
int mount_set_propagation(const char *path, uint64_t propagation) must_check;

/* Swap the root of this mount namespace for the mount root at new_root_fd, drop the old one. */
int mount_pivot(int new_root_fd) must_check;

/* Mount id (statx STX_MNT_ID) of what fd or dir_fd/path is on; path NULL or "" = fd itself. */
int mount_id(int dir_fd, const char *path, uint64_t *ret) must_check;
