/*
 * Opening paths that strangers may have arranged: openat2(2) with the kernel doing the resolving.
 *
 * Two ways only. IN_ROOT: the path is taken as a process whose root is `root_fd` would take it
 * (absolute links and ".." stay inside), magic links are refused. STRICT: no link of any kind, no
 * mount point crossed, nothing above `root_fd`: for places that must be exactly what we made.
 * A container's file system is never reached by path strings, only by these.
 *
 * Returns are a descriptor (always O_CLOEXEC) or -errno, with no text: the caller knows the name.
 * All of it is raw system calls: allowed between clone and exec. Kernel >= 5.6 (ours is 5.14).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* path may begin with '/'. flags as open(2); mode for O_CREAT, else 0. -EAGAIN is retried. */
int openat_in_root(int root_fd, const char *path, int flags, mode_t mode) must_check;
int openat_strict(int dir_fd, const char *path, int flags, mode_t mode) must_check;

/* openat2 with these RESOLVE_ bits (below), for whoever needs a third way and says why. */
int openat_resolve(
	int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve) must_check;

#define OPENAT_NO_XDEV	     0x01
#define OPENAT_NO_MAGICLINKS 0x02
#define OPENAT_NO_SYMLINKS   0x04
#define OPENAT_BENEATH	     0x08
#define OPENAT_IN_ROOT	     0x10

/*
 * The directory `path` inside root_fd, every missing component made with `mode`, one at a time on
 * descriptors. A link on the way is followed inside the root (IN_ROOT); what exists is not
 * touched. Returns an O_PATH descriptor; -ENOTDIR when a component is something else.
 */
int openat_make_dirs(int root_fd, const char *path, mode_t mode) must_check;

/*
 * The same for the parents, then the last component as an empty regular file (created O_EXCL when
 * missing). A last component that is a link is followed inside the root; when it dangles, the
 * target is what gets created. Returns an O_PATH descriptor of whatever is there: check its type.
 */
int openat_make_file(int root_fd, const char *path, mode_t dir_mode, mode_t mode) must_check;

/*
 * Read a small file of a root file system for the host's use: IN_ROOT, regular, at most `size`
 * bytes (-EFBIG past that), never blocking on a FIFO. Returns the number of bytes put into buf.
 */
ssize_t openat_read_in_root(int root_fd, const char *path, void *buf, size_t size) must_check;
