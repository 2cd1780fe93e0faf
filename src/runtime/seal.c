/*
 * Keeping a container from writing the program that started it (CVE-2019-5736): an entry point
 * "/proc/self/exe" runs our executable inside, and whoever holds it can wait for the last process
 * and reopen it for writing. What a container can reach is therefore a copy nobody can write:
 *
 *  - root: a detached read-only clone of the executable's mount. Once every descriptor of the clone
 *    is closed there is no way to clear the flag. Costs one exec.
 *  - everybody else, when an id of the map could write the file or its directory: a memfd with
 *    write seals. Costs one exec and one copy.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"
#include "runtime/runtime.h"
#include "sys/mount.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif
#define K_SEALS	    (0x1 | 0x2 | 0x4 | 0x8) /* seal, shrink, grow, write */
#define K_ST_RDONLY 1
#define MARK	    "PROA_SEALED"

/*
 * A read-only mount alone is none: an administrator who remounts /usr for an update makes it
 * writable for whoever holds a descriptor. Ours is the one that was made for the exec before, and
 * that nothing has a name for.
 */
static bool is_sealed(int exe, bool by_us)
{
	struct statfs fs;
	int seals = fcntl(exe, F_GET_SEALS);

	if (seals >= 0 && (seals & K_SEALS) == K_SEALS)
		return true;
	return by_us && fstatfs(exe, &fs) == 0 && fs.f_flags & K_ST_RDONLY;
}

/*
 * Could a process with ids of this map write it, or give itself the right to? In a directory that
 * others may write, the sticky bit keeps them from replacing what is not theirs.
 */
static bool is_writable(const struct idmap *map, const struct stat *st)
{
	uint32_t inside;

	if (idmap_uid_from_host(map, st->st_uid, &inside))
		return true;
	if (st->st_mode & S_IWGRP && idmap_gid_from_host(map, st->st_gid, &inside))
		return true;
	return st->st_mode & S_IWOTH && !(S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);
}

/* For a program that only root may write, in a directory of root's: four calls, no descriptor. */
static bool needs_seal(const struct idmap *map)
{
	char path[PATH_MAX], *slash;
	struct stat st;
	ssize_t n;

	if (map->kind == IDMAP_NONE)
		return true;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n <= 0)
		return true;
	path[n] = '\0';
	if (stat("/proc/self/exe", &st) < 0 || is_writable(map, &st))
		return true;
	if (getxattr("/proc/self/exe", "system.posix_acl_access", NULL, 0) >= 0)
		return true;
	slash = strrchr(path, '/');
	if (!slash)
		return true;
	slash[slash == path] = '\0';
	return stat(path, &st) < 0 || is_writable(map, &st);
}

static int exec_fd(int fd, char **argv)
{
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return -errno;
}

static int exec_read_only_mount(char **argv)
{
	autofd int tree = mount_tree_clone(AT_FDCWD, "/proc/self/exe", 0);
	int r = tree;

	if (r >= 0)
		r = mount_tree_setattr(
			tree, false, MATTR_RDONLY | MATTR_NOSUID | MATTR_NODEV, 0, 0);
	return r < 0 ? r : exec_fd(tree, argv);
}

static int copy_all(int from, int to)
{
	struct stat st;
	off_t offset = 0;

	if (fstat(from, &st) < 0)
		return -errno;
	while (offset < st.st_size) {
		ssize_t n = sendfile(to, from, &offset, (size_t)(st.st_size - offset));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

static int exec_sealed_copy(int exe, char **argv)
{
	autofd int fd = memfd_create("proa", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	int r;

	if (fd < 0 && errno == EINVAL) /* MFD_EXEC is of 6.3 */
		fd = memfd_create("proa", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = copy_all(exe, fd);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, K_SEALS) < 0)
		return -errno;
	return exec_fd(fd, argv);
}

/* Our own mark, left across one exec of this very process. */
static bool is_marked(void)
{
	const char *mark = getenv(MARK);
	char own[24];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	return mark && str_eq(mark, own);
}

/* The command line as it came; by now the caller may have permuted argv while parsing. */
static int load_command_line(struct buf *ret_text, char ***ret_argv, struct err *err)
{
	autofd int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "cannot read our own command line");
	r = buf_read_fd(ret_text, fd, err);
	if (r < 0)
		return r;
	for (size_t at = 0; at < ret_text->len; at += strlen(ret_text->data + at) + 1)
		strv_push(ret_argv, ret_text->data + at);
	return *ret_argv ? 0 : err_set(err, ERR_FORMAT, "our own command line is empty");
}

int runtime_seal(const struct idmap *map, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(4U << 20);
	AUTO(strv) char **argv = NULL;
	autofd int exe = -EBADF;
	static bool done; /* the mark is gone after the first look */
	bool again = is_marked();
	char own[24];
	int r;

	if (unsetenv(MARK) < 0)
		return err_sys(err, errno, "environment");
	if (done || !needs_seal(map))
		return 0;
	exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (exe < 0)
		return err_sys(err, errno, "cannot open our own executable");
	done = is_sealed(exe, again);
	if (done)
		return 0;
	if (again)
		return err_set(err, ERR_UNSUPPORTED,
			"cannot protect our own executable from the container");
	r = load_command_line(&text, &argv, err);
	if (r < 0)
		return r;
	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	if (setenv(MARK, own, 1) < 0)
		return err_sys(err, errno, "environment");
	r = map->kind == IDMAP_NONE ? exec_read_only_mount(argv) : -EPERM;
	if (r < 0)
		r = exec_sealed_copy(exe, argv);
	(void)unsetenv(MARK);
	r = err_sys(err, -r, "cannot run from a sealed copy of our own executable");
	return err_hint(err, r,
		"install proa where only root may write, or allow executable memfds: sysctl -w "
		"vm.memfd_noexec=0");
}
