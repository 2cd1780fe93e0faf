/* flock(2) with the dance around replaced lock files. The contract is in the header. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/lock.h"

int lock_fd(int fd, unsigned flags, struct err *err)
{
	int op = (flags & LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (flags & LOCK_NOWAIT ? LOCK_NB : 0);

	while (flock(fd, op) < 0) {
		if (errno == EWOULDBLOCK)
			return err_set(err, EAGAIN, "locked by another process");
		if (errno != EINTR)
			return err_sys(err, errno, "lock");
	}
	return 0;
}

void lock_release_fd(int fd)
{
	(void)flock(fd, LOCK_UN);
}

int lock_is_current(int dirfd, const char *name, int fd, struct err *err)
{
	struct stat by_name, by_fd;

	if (fstat(fd, &by_fd) < 0)
		return err_sys(err, errno, "stat %s", name);
	if (fstatat(dirfd, name, &by_name, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, errno, "stat %s", name);
	}
	return by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

int lock_file(int dirfd, const char *name, unsigned flags, struct lock *ret, struct err *err)
{
	for (;;) {
		autofd int fd = -EBADF;
		int r;

		fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return err_sys(err, errno, "open lock %s", name);
		r = lock_fd(fd, flags, err);
		if (r < 0)
			return err_ctx(err, r, "%s", name);
		r = lock_is_current(dirfd, name, fd, err);
		if (r < 0)
			return r;
		if (r == 1) {
			ret->fd = TAKE_FD(fd);
			return 0;
		}
	}
}

void lock_unlink(struct lock *l, int dirfd, const char *name)
{
	(void)unlinkat(dirfd, name, 0);
	lock_done(l);
}

void lock_done(struct lock *l)
{
	l->fd = fd_close(l->fd);
}
