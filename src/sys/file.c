/* Reading, writing and publishing files. The contract is in the header. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/str.h"
#include "sys/file.h"

#define TEMPORARY_PREFIX  ".tmp."
#define TEMPORARY_RANDOM  8
#define TEMPORARY_SIZE	  (sizeof(TEMPORARY_PREFIX) + 2 * TEMPORARY_RANDOM)
#define COPY_CHUNK	  (128 * 1024)
#define RENAME_NOREPLACE_ 1U /* musl 1.2.3 has neither the constant nor renameat2 */

ssize_t file_read(int fd, void *ret, size_t len, struct err *err)
{
	for (;;) {
		ssize_t n = read(fd, ret, len);

		if (n >= 0)
			return n;
		if (errno != EINTR)
			return err_sys(err, errno, "read");
	}
}

int file_read_exact(int fd, void *ret, size_t len, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = file_read(fd, (char *)ret + done, len - done, err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return err_set(err, ERR_FORMAT, "unexpected end of file");
		done += (size_t)n;
	}
	return 0;
}

int file_pread_exact(int fd, void *ret, size_t len, uint64_t offset, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)ret + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return err_set(err, ERR_FORMAT, "unexpected end of file");
		done += (size_t)n;
	}
	return 0;
}

int file_write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int file_load(int dirfd, const char *name, struct buf *ret, struct err *err)
{
	autofd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open %s", name);
	r = buf_read_fd(ret, fd, err);
	if (r < 0)
		return err_ctx(err, r, "%s", name);
	(void)buf_str(ret);
	return 0;
}

/* A plain loop where the kernel cannot copy by itself (pipes, different file systems). */
static int copy_by_hand(int in, int out, uint64_t max, uint64_t *done, struct err *err)
{
	autofree char *chunk = xmalloc(COPY_CHUNK);

	while (*done < max) {
		uint64_t left = max - *done;
		ssize_t n = file_read(in, chunk, left < COPY_CHUNK ? left : COPY_CHUNK, err);
		int r;

		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		r = file_write_all(out, chunk, (size_t)n, err);
		if (r < 0)
			return r;
		*done += (uint64_t)n;
	}
	return 0;
}

int file_copy(int in, int out, uint64_t max, uint64_t *ret_copied, struct err *err)
{
	uint64_t done = 0;
	int r = 0;

	while (done < max) {
		uint64_t left = max - done;
		size_t want = left < (1U << 30) ? (size_t)left : (size_t)1 << 30;
		ssize_t n = copy_file_range(in, NULL, out, NULL, want, 0);

		if (n > 0) {
			done += (uint64_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
			return err_sys(err, errno, "write");
		/* 0 is the end, or a file system (procfs, sysfs) that lies about its sizes. */
		r = copy_by_hand(in, out, max, &done, err);
		break;
	}
	if (r < 0)
		return r;
	if (ret_copied)
		*ret_copied = done;
	return 0;
}

bool file_is_temporary(const char *name)
{
	return str_after(name, TEMPORARY_PREFIX) != NULL;
}

static void temporary_name(char ret[TEMPORARY_SIZE])
{
	memcpy(ret, TEMPORARY_PREFIX, sizeof(TEMPORARY_PREFIX) - 1);
	random_hex(ret + sizeof(TEMPORARY_PREFIX) - 1, TEMPORARY_RANDOM);
}

void file_start_writeback(int fd, uint64_t offset, uint64_t len)
{
	(void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

int file_sync(int fd, const char *shown_name, struct err *err)
{
	if (fsync(fd) < 0)
		return err_sys(err, errno, "sync %s", shown_name);
	return 0;
}

/* fsync of a directory that may be open with O_PATH only. */
static int sync_dir_at(int dirfd, struct err *err)
{
	autofd int fd = -EBADF;

	if (fsync(dirfd) == 0)
		return 0;
	if (errno != EBADF)
		return err_sys(err, errno, "sync directory");
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "open directory");
	return file_sync(fd, "directory", err);
}

static int write_temporary(int dirfd, const char *tmp, const struct file_content *content,
	unsigned flags, struct err *err)
{
	autofd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		content->mode & 0777);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "create");
	/* Whatever the umask is; it is only about what others may do. */
	if (content->mode & 0077 && fchmod(fd, content->mode & 0777) < 0)
		return err_sys(err, errno, "set mode");
	r = file_write_all(fd, content->data, content->len, err);
	if (r < 0)
		return r;
	if (!(flags & FILE_NO_SYNC)) {
		r = file_sync(fd, "file", err);
		if (r < 0)
			return r;
	}
	/* Network file systems report a full disk here. */
	if (close(TAKE_FD(fd)) < 0)
		return err_sys(err, errno, "close");
	return 0;
}

int file_write_atomic(int dirfd, const char *name, const struct file_content *content,
	unsigned flags, struct err *err)
{
	char tmp[TEMPORARY_SIZE];
	int r;

	temporary_name(tmp);
	r = write_temporary(dirfd, tmp, content, flags, err);
	if (r >= 0) {
		if (flags & FILE_NO_REPLACE)
			r = file_rename_new(dirfd, tmp, dirfd, name, err);
		else if (renameat(dirfd, tmp, dirfd, name) < 0)
			r = err_sys(err, errno, "rename");
	}
	if (r < 0) {
		(void)unlinkat(dirfd, tmp, 0);
		return err_ctx(err, r, "write %s", name);
	}
	if (flags & FILE_NO_SYNC)
		return 0;
	return sync_dir_at(dirfd, err);
}

int file_open_unnamed(int dirfd, int *ret_fd, struct err *err)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno == EISDIR ? EOPNOTSUPP : errno, "create unnamed file");
	*ret_fd = fd;
	return 0;
}

int file_link_unnamed(
	int fd, int dirfd, const char *name, mode_t mode, unsigned flags, struct err *err)
{
	char proc[40];
	int r;

	if (fchmod(fd, mode) < 0)
		return err_sys(err, errno, "chmod %s", name);
	if (!(flags & FILE_NO_SYNC)) {
		r = file_sync(fd, name, err);
		if (r < 0)
			return r;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, proc, dirfd, name, AT_SYMLINK_FOLLOW) < 0)
		return err_sys(err, errno, "link %s", name);
	if (flags & FILE_NO_SYNC)
		return 0;
	return sync_dir_at(dirfd, err);
}

int file_rename_new(int olddirfd, const char *old, int newdirfd, const char *new, struct err *err)
{
	if (syscall(SYS_renameat2, olddirfd, old, newdirfd, new, RENAME_NOREPLACE_) < 0)
		return err_sys(err, errno, "rename %s to %s", old, new);
	return 0;
}
