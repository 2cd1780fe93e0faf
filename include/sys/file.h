/*
 * Files and directories by descriptor: whole reads and writes, publication by link or rename,
 * directories made when missing, trees removed, file system kinds.
 *
 * All names are relative to a directory descriptor, and every descriptor given out is O_CLOEXEC.
 * EINTR and short transfers are handled here and nowhere else. Nothing here decides where things
 * live (store/), and nothing follows a path inside a container's root (sys/openat.h does).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum file_flags {
	FILE_NO_SYNC = 1 << 0,	  /* may be lost or torn by a power cut: for what a reboot voids */
	FILE_NO_REPLACE = 1 << 1, /* -EEXIST when the name is taken */
};

/* Exactly len bytes; -ERR_FORMAT at an early end of file. */
int file_read_exact(int fd, void *ret, size_t len, struct err *err) must_check;
int file_pread_exact(int fd, void *ret, size_t len, uint64_t offset, struct err *err) must_check;

/* One read that survives EINTR: bytes, 0 at the end, or -errno. */
ssize_t file_read(int fd, void *ret, size_t len, struct err *err) must_check;

/* All of it, or an error; what was written by then stays. */
int file_write_all(int fd, const void *data, size_t len, struct err *err) must_check;

/* The whole file `name`, NUL-terminated in *ret (max is ret->max). errno kinds, -ERR_LIMIT. */
int file_load(int dirfd, const char *name, struct buf *ret, struct err *err) must_check;

/* Copy at most `max` bytes to the end of `in`; the count goes to *ret_copied when not NULL. */
int file_copy(int in, int out, uint64_t max, uint64_t *ret_copied, struct err *err) must_check;

/*
 * Make `name` hold exactly these bytes, in one step for every reader: written to
 * ".tmp.<random>" beside it, synced, renamed over it, directory synced.
 * FILE_NO_SYNC leaves out both syncs; FILE_NO_REPLACE fails with -EEXIST.
 */
struct file_content {
	const void *data;
	size_t len;
	mode_t mode; /* whatever the umask is */
};
int file_write_atomic(int dirfd, const char *name, const struct file_content *content,
	unsigned flags, struct err *err) must_check;

/* Is this the name of a leftover of file_write_atomic? Listings skip it, sweepers unlink it. */
bool file_is_temporary(const char *name);

/*
 * A file without a name in that directory's file system, open for reading and writing, mode 0600.
 * -EOPNOTSUPP where the file system has no O_TMPFILE.
 */
int file_open_unnamed(int dirfd, int *ret_fd, struct err *err) must_check;

/*
 * Give an unnamed file its name, after fchmod and (unless FILE_NO_SYNC) fsync of file and
 * directory. -EEXIST when the name is taken: somebody else published first.
 * Needs no privilege: links /proc/self/fd/N (AT_EMPTY_PATH is the owner's only since Linux 6.10).
 */
int file_link_unnamed(int fd, int dirfd, const char *name, mode_t mode, unsigned flags,
	struct err *err) must_check;

/* Create a directory unless there is one: 1 made, 0 was there. */
int file_mkdir(int dirfd, const char *name, mode_t mode, struct err *err) must_check;

/* The same for each missing component of a path, parents with the same mode. */
int file_mkdir_path(int dirfd, const char *path, mode_t mode, struct err *err) must_check;

/* Open a directory for reading: no symbolic link, and -ENOTDIR for anything else. */
int file_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err) must_check;

/* -ERR_DENIED unless fd is a directory owned by us that group and others cannot enter. */
int file_check_private_dir(int fd, const char *shown_name, struct err *err) must_check;

/* fsync of a directory that was opened for reading (names made or removed in it are kept). */
int file_sync(int fd, const char *shown_name, struct err *err) must_check;

/*
 * Let the disk begin with these bytes (len 0: to the end), and do not wait: the sync that comes
 * later finds less to do. A hint; failures do not matter and are not reported.
 */
void file_start_writeback(int fd, uint64_t offset, uint64_t len);

/* renameat2(RENAME_NOREPLACE); both names relative to their directories. -EEXIST. */
int file_rename_new(
	int olddirfd, const char *old, int newdirfd, const char *new, struct err *err) must_check;

/*
 * Remove a file or a whole tree. Absent is success. Never follows a link, never leaves the tree,
 * recursion is a loop with at most 64 open descriptors. Directories of ours that lack u+rwx get it
 * first. -EACCES or -EPERM when files of other owners are in the way: enter the user namespace
 * that owns them and call it again (store/trash.h does).
 */
int file_remove_tree(int dirfd, const char *name, struct err *err) must_check;

/* Every entry's name but "." and ".."; the caller frees with strv_free. NULL vector when empty. */
int file_list_dir(int dirfd, const char *name, char ***ret, struct err *err) must_check;

enum file_fs_kind {
	FILE_FS_LOCAL, /* ext4, xfs, btrfs, ... : everything works */
	FILE_FS_TMPFS,
	FILE_FS_OVERLAY,
	FILE_FS_NETWORK, /* nfs, cifs, 9p, lustre, ceph, fuse: no overlay upper, no foreign owners */
};
int file_fs_kind(int fd, enum file_fs_kind *ret, struct err *err) must_check;
