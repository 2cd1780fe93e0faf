/*
 * Which system calls there are for the driver, what each touches, and which faults are plausible.
 *
 * A row's shape has a letter for each argument: f a descriptor that is read or changed, d the
 * directory of the path that follows, p a path, o flags of open, h struct open_how, n the length of
 * a write, - anything else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "driver.h"

enum call_trait {
	CALL_CHANGES = 1 << 0, /* a name, an attribute, data, a lock, a mount */
	CALL_GROWS = 1 << 1,   /* may need room: ENOSPC, EDQUOT */
	CALL_DISK = 1 << 2,    /* may have to reach the disk: EIO */
	CALL_MAKES_FD = 1 << 3 /* EMFILE, ENFILE */
};

struct call_kind {
	long nr;
	const char *name, *shape;
	unsigned traits;
};

#define ROW(name, shape, traits)                      \
	{                                             \
		SYS_##name, #name, (shape), (traits), \
	}

#define NEW_NAME (CALL_CHANGES | CALL_GROWS | CALL_DISK)
#define OLD_NAME (CALL_CHANGES | CALL_DISK)
#define WRITES	 (CALL_CHANGES | CALL_GROWS | CALL_DISK)

/* What musl 1.2.3 does not know yet. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static const struct call_kind kinds[] = {
	ROW(openat, "dpo", CALL_DISK | CALL_MAKES_FD),
	ROW(openat2, "dph", CALL_DISK | CALL_MAKES_FD),
	ROW(read, "f--", CALL_DISK),
	ROW(pread64, "f--", CALL_DISK),
	ROW(readv, "f--", CALL_DISK),
	ROW(preadv, "f--", CALL_DISK),
	ROW(getdents64, "f--", CALL_DISK),
	ROW(write, "f-n", WRITES),
	ROW(pwrite64, "f-n", WRITES),
	ROW(writev, "f--", WRITES),
	ROW(pwritev, "f--", WRITES),
	ROW(copy_file_range, "--f-n", WRITES),
	ROW(splice, "--f-n", WRITES),
	ROW(sendfile, "f--n", WRITES),
	ROW(fallocate, "f", WRITES),
	ROW(ftruncate, "f", OLD_NAME),
	ROW(truncate, "p", OLD_NAME),
	ROW(fsync, "f", WRITES),
	ROW(fdatasync, "f", WRITES),
	ROW(syncfs, "f", WRITES),
	ROW(sync_file_range, "f", CALL_CHANGES),
	ROW(renameat, "dpdp", NEW_NAME),
	ROW(renameat2, "dpdp", NEW_NAME),
	ROW(linkat, "dpdp", NEW_NAME),
	ROW(symlinkat, "-dp", NEW_NAME),
	ROW(mkdirat, "dp", NEW_NAME),
	ROW(mknodat, "dp", NEW_NAME),
	ROW(unlinkat, "dp", OLD_NAME),
	ROW(fchmod, "f", OLD_NAME),
	ROW(fchmodat, "dp", OLD_NAME),
	ROW(fchmodat2, "dp", OLD_NAME),
	ROW(fchown, "f", OLD_NAME | CALL_GROWS),
	ROW(fchownat, "dp", OLD_NAME | CALL_GROWS),
	ROW(utimensat, "dp", OLD_NAME),
	ROW(setxattr, "p", NEW_NAME),
	ROW(lsetxattr, "p", NEW_NAME),
	ROW(fsetxattr, "f", NEW_NAME),
	ROW(removexattr, "p", OLD_NAME),
	ROW(lremovexattr, "p", OLD_NAME),
	ROW(fremovexattr, "f", OLD_NAME),
	ROW(getxattr, "p", CALL_DISK),
	ROW(lgetxattr, "p", CALL_DISK),
	ROW(fgetxattr, "f", CALL_DISK),
	ROW(listxattr, "p", CALL_DISK),
	ROW(llistxattr, "p", CALL_DISK),
	ROW(flistxattr, "f", CALL_DISK),
	ROW(newfstatat, "dp", CALL_DISK),
	ROW(statx, "dp", CALL_DISK),
	ROW(readlinkat, "dp", CALL_DISK),
	ROW(flock, "f", CALL_CHANGES),
	ROW(mount, "-p", CALL_CHANGES),
	ROW(umount2, "p", CALL_CHANGES),
	ROW(pivot_root, "pp", CALL_CHANGES),
	ROW(mount_setattr, "dp", CALL_CHANGES),
	ROW(move_mount, "dpdp", CALL_CHANGES),
	ROW(open_tree, "dp", CALL_MAKES_FD),
	ROW(fsopen, "", CALL_MAKES_FD),
	ROW(fsmount, "", CALL_CHANGES | CALL_MAKES_FD),
	ROW(unshare, "", CALL_CHANGES),
	ROW(setns, "", CALL_CHANGES),
	ROW(clone, "", CALL_CHANGES),
	ROW(clone3, "", CALL_CHANGES),
	ROW(execve, "p", CALL_CHANGES),
	ROW(execveat, "dp", CALL_CHANGES),
	ROW(exit_group, "", CALL_CHANGES),
	ROW(pipe2, "", CALL_MAKES_FD),
	ROW(dup, "", CALL_MAKES_FD),
	ROW(dup3, "", CALL_MAKES_FD),
	ROW(socket, "", CALL_MAKES_FD),
	ROW(socketpair, "", CALL_MAKES_FD),
	ROW(accept4, "", CALL_MAKES_FD),
	ROW(eventfd2, "", CALL_MAKES_FD),
	ROW(signalfd4, "", CALL_MAKES_FD),
	ROW(timerfd_create, "", CALL_MAKES_FD),
	ROW(epoll_create1, "", CALL_MAKES_FD),
	ROW(memfd_create, "", CALL_MAKES_FD),
	ROW(pidfd_open, "", CALL_MAKES_FD),
#ifdef SYS_open /* the older half of the table: not on newer machines */
	ROW(open, "po", CALL_DISK | CALL_MAKES_FD),
	ROW(rename, "pp", NEW_NAME),
	ROW(link, "pp", NEW_NAME),
	ROW(symlink, "-p", NEW_NAME),
	ROW(mkdir, "p", NEW_NAME),
	ROW(mknod, "p", NEW_NAME),
	ROW(unlink, "p", OLD_NAME),
	ROW(rmdir, "p", OLD_NAME),
	ROW(chmod, "p", OLD_NAME),
	ROW(chown, "p", OLD_NAME | CALL_GROWS),
	ROW(lchown, "p", OLD_NAME | CALL_GROWS),
	ROW(stat, "p", CALL_DISK),
	ROW(lstat, "p", CALL_DISK),
	ROW(readlink, "p", CALL_DISK),
	ROW(fork, "", CALL_CHANGES),
	ROW(vfork, "", CALL_CHANGES),
	ROW(pipe, "", CALL_MAKES_FD),
	ROW(dup2, "", CALL_MAKES_FD),
	ROW(epoll_create, "", CALL_MAKES_FD),
#endif
};

static const struct call_kind *find_kind(long nr)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].nr == nr)
			return &kinds[i];
	return NULL;
}

/* --- what a call touches --- */

static bool is_of_kernel(const char *path)
{
	static const char *const places[] = { "/proc/", "/sys/", "/dev/" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		/* Tests keep their stores there: it is a file system like others. */
		if (str_after(path, "/dev/shm/"))
			return false;
		if (str_after(path, places[i]))
			return true;
	}
	return false;
}

/* Libraries and what finds them: a program that is not linked statically reads them before main. */
static bool is_of_loader(const char *path)
{
	static const char *const places[] = { "/usr/lib", "/lib", "/etc/ld.so" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (str_after(path, places[i]))
			return true;
	return false;
}

static char *read_link(const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

static char *fd_link(pid_t pid, int64_t fd)
{
	return fd == AT_FDCWD ? xasprintf("/proc/%d/cwd", (int)pid)
			      : xasprintf("/proc/%d/fd/%d", (int)pid, (int)fd);
}

uint64_t call_fd_inode(pid_t pid, int64_t fd)
{
	autofree char *link = fd_link(pid, fd);
	struct stat st;

	return stat(link, &st) < 0 ? 0 : (uint64_t)st.st_ino;
}

static void describe_fd(pid_t pid, int fd, struct call *c, unsigned slot)
{
	autofree char *link = fd_link(pid, fd);
	struct stat st;

	c->names[slot] = read_link(link);
	if (!c->names[slot] || stat(link, &st) < 0)
		return;
	c->inode[slot] = (uint64_t)st.st_ino;
	c->of_loader |= is_of_loader(c->names[slot]);
	if (*c->names[slot] == '/' && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
		!is_of_kernel(c->names[slot]))
		c->on_disk = true;
}

static void describe_path(pid_t pid, int dirfd, uint64_t address, struct call *c, unsigned slot)
{
	autofree char *link = fd_link(pid, dirfd), *directory = NULL;
	char path[PATH_MAX];

	if (!peer_read_string(pid, address, path, sizeof(path)))
		return;
	if (*path != '/')
		directory = read_link(link);
	if (!*path && directory)
		c->names[slot] = TAKE_PTR(directory);
	else
		c->names[slot] = directory ? xasprintf("%s/%s", directory, path) : xstrdup(path);
	c->on_disk |= !is_of_kernel(c->names[slot]);
	c->of_loader |= is_of_loader(c->names[slot]);
}

static bool flags_create(uint64_t flags)
{
	return flags & (O_CREAT | O_TRUNC) || (flags & O_TMPFILE) == O_TMPFILE;
}

static void describe_arg(pid_t pid, struct call *c, unsigned i, unsigned *slot)
{
	const uint64_t *args = c->raw.args;
	struct open_how how;

	switch (c->kind->shape[i]) {
	case 'f':
		describe_fd(pid, (int)args[i], c, (*slot)++);
		return;
	case 'p':
		describe_path(pid, i && c->kind->shape[i - 1] == 'd' ? (int)args[i - 1] : AT_FDCWD,
			args[i], c, (*slot)++);
		return;
	case 'o':
		c->creates = flags_create(args[i]);
		return;
	case 'h':
		c->creates = peer_read(pid, args[i], &how, sizeof(how)) && flags_create(how.flags);
		return;
	default:
		return;
	}
}

void call_describe(pid_t pid, const struct peer_call *raw, struct call *ret)
{
	unsigned slot = 0;

	*ret = (struct call){ .raw = *raw, .kind = find_kind(raw->nr) };
	if (!ret->kind)
		return;
	for (unsigned i = 0; ret->kind->shape[i]; i++)
		describe_arg(pid, ret, i, &slot);
}

void call_done(struct call *c)
{
	for (int i = 0; i < CALL_NAMES; i++)
		free(TAKE_PTR(c->names[i]));
}

const char *call_name(const struct call *c)
{
	return c->kind ? c->kind->name : "other";
}

/* --- which faults --- */

static bool has_files(const struct call *c)
{
	return c->kind && strpbrk(c->kind->shape, "fp");
}

bool call_opens(const struct call *c)
{
	return c->kind && strpbrk(c->kind->shape, "oh");
}

bool call_changes_state(const struct call *c)
{
	if (call_opens(c))
		return c->creates && c->on_disk;
	if (!c->kind || !(c->kind->traits & CALL_CHANGES))
		return false;
	/* A write to a pipe moves nothing that stays; a mount is of the kernel wherever it is. */
	return c->on_disk || !strpbrk(c->kind->shape, "f");
}

bool call_can_fail(const struct call *c, int error)
{
	if (!c->kind)
		return false;
	switch (error) {
	case EMFILE:
	case ENFILE:
		return c->kind->traits & CALL_MAKES_FD;
	case ENOSPC:
	case EDQUOT:
		return c->on_disk && (c->kind->traits & CALL_GROWS || c->creates);
	case EIO:
		return c->on_disk && c->kind->traits & CALL_DISK;
	case EINTR:
		return c->on_disk && strchr(c->kind->shape, 'n');
	default:
		return c->on_disk && has_files(c);
	}
}

int call_length_arg(const struct call *c)
{
	const char *n = c->kind ? strchr(c->kind->shape, 'n') : NULL;

	if (!n || !c->on_disk)
		return -1;
	return c->raw.args[n - c->kind->shape] > 1 ? (int)(n - c->kind->shape) : -1;
}

bool call_is_below(const struct call *c, const char *directory)
{
	for (int i = 0; i < CALL_NAMES; i++) {
		const char *rest = c->names[i] ? str_after(c->names[i], directory) : NULL;

		if (rest && (*rest == '/' || !*rest))
			return true;
	}
	return false;
}

int call_error_number(const char *name, int *ret, struct err *err)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "ENOSPC", ENOSPC },
		{ "EDQUOT", EDQUOT },
		{ "EIO", EIO },
		{ "EMFILE", EMFILE },
		{ "ENFILE", ENFILE },
		{ "EINTR", EINTR },
		{ "EROFS", EROFS },
		{ "EACCES", EACCES },
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (str_eq(errors[i].name, name)) {
			*ret = errors[i].number;
			return 0;
		}
	return err_set(err, ERR_USAGE, "no error is called %s here", name);
}

/* --- the log --- */

static void log_text(FILE *f, const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == '\\')
			(void)fprintf(f, "\\x%02x", (unsigned)(unsigned char)*s);
		else
			(void)fputc(*s, f);
}

void call_log(FILE *f, const struct call *c, int64_t result, uint64_t opened)
{
	(void)fprintf(f, "%s\t%lld\t%llu\t%d", call_name(c), (long long)result,
		(unsigned long long)opened, c->creates);
	for (int i = 0; i < CALL_NAMES; i++) {
		(void)fprintf(f, "\t%llu\t", (unsigned long long)c->inode[i]);
		if (c->names[i])
			log_text(f, c->names[i]);
	}
	(void)fputc('\n', f);
}
