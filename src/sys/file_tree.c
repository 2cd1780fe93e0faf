/* Directories and whole trees: the second half of sys/file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"

/* One descriptor a level; deeper directories are moved up before they are entered. */
#define REMOVE_DEPTH  48
#define REMOVE_PASSES 1000

int file_mkdir(int dirfd, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(dirfd, name, mode) == 0)
		return 1;
	if (errno == EEXIST)
		return 0;
	return err_sys(err, errno, "create directory %s", name);
}

int file_mkdir_path(int dirfd, const char *path, mode_t mode, struct err *err)
{
	autofree char *partial = xstrdup(path);
	int r;

	for (char *p = partial + (*partial == '/'); (p = strchr(p, '/')); p++) {
		*p = '\0';
		r = *partial ? file_mkdir(dirfd, partial, mode, err) : 0;
		*p = '/';
		if (r < 0)
			return r;
	}
	return file_mkdir(dirfd, partial, mode, err);
}

int file_open_dir(int dirfd, const char *name, int *ret_fd, struct err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open directory %s", name);
	*ret_fd = fd;
	return 0;
}

int file_check_private_dir(int fd, const char *shown_name, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat %s", shown_name);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "%s", shown_name);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_DENIED, "%s belongs to user %u, not to user %u", shown_name,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 0077)
		return err_set(err, ERR_DENIED, "%s is open to others (mode %04o); it must be 0700",
			shown_name, (unsigned)(st.st_mode & 07777));
	return 0;
}

int file_list_dir(int dirfd, const char *name, char ***ret, struct err *err)
{
	AUTO(strv) char **v = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	DIR *dir;
	int fd, r;

	r = file_open_dir(dirfd, name, &fd, err);
	if (r < 0)
		return r;
	dir = fdopendir(fd);
	if (!dir) {
		r = err_sys(err, errno, "open directory %s", name);
		(void)fd_close(fd);
		return r;
	}
	while (errno = 0, (e = readdir(dir))) {
		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		if (n + 1 >= cap) {
			cap = cap ? cap * 2 : 16;
			v = xrealloc_array(v, cap, sizeof(*v));
		}
		v[n++] = xstrdup(e->d_name);
		v[n] = NULL;
	}
	r = errno ? err_sys(err, errno, "read directory %s", name) : 0;
	(void)closedir(dir);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(v);
	return 0;
}

struct level {
	DIR *dir;
	char name[NAME_MAX + 1]; /* in the level above */
	unsigned passes;
};

struct remover {
	int top; /* descriptor that holds levels[0].name */
	int n;
	struct level levels[REMOVE_DEPTH];
};

static int parent_fd(const struct remover *rm)
{
	return rm->n == 0 ? rm->top : dirfd(rm->levels[rm->n - 1].dir);
}

/* 0 gone, 1 a directory with something in it, -errno. */
static int unlink_one(int fd, const char *name, bool try_dir_first)
{
	if (!try_dir_first) {
		if (unlinkat(fd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return -errno;
	}
	if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return 1;
	if (errno == ENOTDIR && try_dir_first)
		return unlink_one(fd, name, false);
	return -errno;
}

/* overlay's work/work has mode 0; a container may have left directories without any right. */
static int open_for_removal(int fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int dir = openat(fd, name, flags);

	if (dir < 0 && errno == EACCES && fchmodat(fd, name, 0700, 0) == 0)
		dir = openat(fd, name, flags);
	if (dir < 0)
		return -errno;
	if (fstat(dir, &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)fchmod(dir, 0700);
	return dir;
}

/*
 * To the top, under a name that nobody has: the tree may be somebody's work, and another process
 * may be removing it as well.
 */
static int move_up(struct remover *rm, int parent, const char *name)
{
	char up[sizeof(".rm.") + 16] = ".rm.";
	int r;

	do {
		random_hex(up + strlen(".rm."), 8);
		r = file_rename_new(parent, name, dirfd(rm->levels[0].dir), up, NULL);
		/* A directory gets another "..", so it has to be writable itself. */
		if (r == -EACCES && fchmodat(parent, name, 0700, 0) == 0)
			r = file_rename_new(parent, name, dirfd(rm->levels[0].dir), up, NULL);
	} while (r == -EEXIST);
	rm->levels[0].passes = 0;
	return r == -ENOENT ? 0 : r;
}

static int enter(struct remover *rm, const char *name)
{
	int parent = parent_fd(rm);
	struct level *level;
	int fd;

	if (rm->n == REMOVE_DEPTH)
		return move_up(rm, parent, name);
	fd = open_for_removal(parent, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	level = &rm->levels[rm->n];
	level->passes = 0;
	if (!str_copy(level->name, sizeof(level->name), name))
		return fd_close(fd), -ENAMETOOLONG;
	level->dir = fdopendir(fd);
	if (!level->dir) {
		int r = -errno;

		(void)fd_close(fd);
		return r;
	}
	rm->n++;
	return 0;
}

/* The level has been read to its end: remove the directory itself, or read it again. */
static int leave(struct remover *rm)
{
	struct level *level = &rm->levels[rm->n - 1];
	int above = rm->n == 1 ? rm->top : dirfd(rm->levels[rm->n - 2].dir);

	if (unlinkat(above, level->name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
		/* readdir may miss entries of a directory that changes, and directories move up. */
		if (errno != ENOTEMPTY || level->passes++ >= REMOVE_PASSES)
			return -errno;
		rewinddir(level->dir);
		return 0;
	}
	(void)closedir(level->dir);
	rm->n--;
	return 0;
}

static int step(struct remover *rm)
{
	struct dirent *e;
	int r;

	errno = 0;
	e = readdir(rm->levels[rm->n - 1].dir);
	if (!e)
		/* ENOENT: somebody else is removing the same tree and was quicker. */
		return errno && errno != ENOENT ? -errno : leave(rm);
	if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
		return 0;
	r = unlink_one(parent_fd(rm), e->d_name, e->d_type == DT_DIR);
	return r == 1 ? enter(rm, e->d_name) : r;
}

int file_remove_tree(int dirfd, const char *name, struct err *err)
{
	struct remover *rm;
	int r = unlink_one(dirfd, name, true);

	if (r == 0)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "remove %s", name);
	rm = NEW(struct remover);
	rm->top = dirfd;
	r = enter(rm, name);
	while (r >= 0 && rm->n > 0)
		r = step(rm);
	if (r < 0)
		r = err_sys(err, -r, "remove %s", rm->n ? rm->levels[rm->n - 1].name : name);
	while (rm->n > 0)
		(void)closedir(rm->levels[--rm->n].dir);
	free(rm);
	return r;
}

static const struct {
	uint32_t magic;
	enum file_fs_kind kind;
} fs_kinds[] = {
	{ 0x01021994, FILE_FS_TMPFS },	 /* tmpfs */
	{ 0x858458f6, FILE_FS_TMPFS },	 /* ramfs */
	{ 0x794c7630, FILE_FS_OVERLAY }, /* overlay */
	{ 0x00006969, FILE_FS_NETWORK }, /* nfs */
	{ 0xff534d42, FILE_FS_NETWORK }, /* cifs */
	{ 0xfe534d42, FILE_FS_NETWORK }, /* smb2 */
	{ 0x01021997, FILE_FS_NETWORK }, /* 9p */
	{ 0x65735546, FILE_FS_NETWORK }, /* fuse */
	{ 0x00c36400, FILE_FS_NETWORK }, /* ceph */
	{ 0x0bd00bd0, FILE_FS_NETWORK }, /* lustre */
	{ 0x47504653, FILE_FS_NETWORK }, /* gpfs */
	{ 0x5346414f, FILE_FS_NETWORK }, /* afs */
	{ 0x786f4256, FILE_FS_NETWORK }, /* vboxsf */
};

int file_fs_kind(int fd, enum file_fs_kind *ret, struct err *err)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return err_sys(err, errno, "statfs");
	*ret = FILE_FS_LOCAL;
	for (size_t i = 0; i < sizeof(fs_kinds) / sizeof(fs_kinds[0]); i++)
		if ((uint32_t)st.f_type == fs_kinds[i].magic)
			*ret = fs_kinds[i].kind;
	return 0;
}
