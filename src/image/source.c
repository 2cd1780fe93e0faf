#include "image/source_priv.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "sys/clone.h"
#include "sys/file.h"
#include "sys/spawn.h"

#define STDERR_MAX 4096

/* A dictionary past this limit is made to hurt: xz -9 needs 65 MiB. */
#define XZ_LIMIT "--memlimit-decompress=256MiB"

struct unpacker {
	enum decompress_kind kind;
	const char *name;
	const char *places[2];
	const char *args[4];
};

static const struct unpacker unpackers[] = {
	{ DECOMPRESS_XZ, "xz", { "/usr/bin/xz", "/bin/xz" }, { "xz", "-dc", XZ_LIMIT, NULL } },
	{ DECOMPRESS_BZIP2, "bzip2", { "/usr/bin/bzip2", "/bin/bzip2" }, { "bzip2", "-dc", NULL } },
};

static const struct unpacker *find_unpacker(const struct source *src, const char **ret_path)
{
	enum decompress_kind kind = decompress_detect(src->head, src->n_head);

	for (size_t i = 0; i < sizeof(unpackers) / sizeof(unpackers[0]); i++) {
		const struct unpacker *u = &unpackers[i];

		for (size_t k = 0; u->kind == kind && k < 2; k++) {
			*ret_path = u->places[k];
			if (access(u->places[k], X_OK) == 0)
				return u;
		}
	}
	return NULL;
}

static int read_head(struct source *src, struct err *err)
{
	while (src->n_head < sizeof(src->head)) {
		ssize_t n = file_read(
			src->fd, src->head + src->n_head, sizeof(src->head) - src->n_head, err);

		if (n <= 0)
			return (int)n;
		src->n_head += (size_t)n;
	}
	return 0;
}

/* What was read already and the rest, as a file that can be read from its beginning. */
static int make_seekable(struct spool *sp, const struct source *src, int *ret_fd, struct err *err)
{
	autofd int fd = openat(sp->fd, "packed", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "spool the archive");
	r = file_write_all(fd, src->head, src->n_head, err);
	if (r >= 0)
		r = file_copy(src->fd, fd, UINT64_MAX, NULL, err);
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = err_sys(err, errno, "spool the archive");
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int start(
	struct source *src, const struct unpacker *u, const char *path, int in_fd, struct err *err)
{
	struct spawn_request req = SPAWN_REQUEST_INIT;
	autofd int out = -EBADF, errors = -EBADF;
	int pair[2], r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	src->fd = pair[0];
	out = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	src->stderr_fd = pair[0];
	errors = pair[1];
	req.path = path;
	req.argv = (char *const *)u->args;
	req.stdin_fd = in_fd;
	req.stdout_fd = out;
	req.stderr_fd = errors;
	r = spawn_start(&req, &pid, &src->pidfd, err);
	if (r < 0)
		return r;
	src->program = u->name;
	return 0;
}

int source_open(struct spool *sp, int fd, struct source *ret, struct err *err)
{
	struct source src = SOURCE_INIT;
	const struct unpacker *u;
	autofd int copy = -EBADF;
	const char *path = NULL;
	int r;

	src.fd = fd;
	r = read_head(&src, err);
	if (r < 0)
		return r;
	u = find_unpacker(&src, &path);
	if (u && lseek(fd, -(off_t)src.n_head, SEEK_CUR) < 0) {
		r = make_seekable(sp, &src, &copy, err);
		fd = copy;
	}
	if (r >= 0 && u) {
		src.n_head = 0;
		r = start(&src, u, path, fd, err);
	}
	*ret = src;
	return r;
}

ssize_t source_read(struct source *src, void *ret, size_t len, struct err *err)
{
	size_t n = src->n_head - src->at;

	if (!n)
		return file_read(src->fd, ret, len, err);
	if (n > len)
		n = len;
	memcpy(ret, src->head + src->at, n);
	src->at += n;
	return (ssize_t)n;
}

int source_finish(struct source *src, struct err *err)
{
	AUTO(buf) struct buf said = BUF_INIT(STDERR_MAX);
	int status = 0, r;

	if (!src->program)
		return 0;
	if (buf_read_fd(&said, src->stderr_fd, NULL) < 0) {
		/* its exit status tells */
	}
	r = pidfd_wait(src->pidfd, false, &status);
	src->pidfd = fd_close(src->pidfd);
	if (r < 0)
		return err_sys(err, -r, "wait for %s", src->program);
	if (status == 0)
		return 0;
	if (said.len && said.data[said.len - 1] == '\n')
		buf_truncate(&said, said.len - 1);
	return err_set(err, ERR_FORMAT, "%s",
		said.len ? buf_str(&said) : "the archive cannot be unpacked");
}

void source_done(struct source *src)
{
	int status;

	if (src->pidfd >= 0) {
		(void)pidfd_signal(src->pidfd, SIGKILL);
		(void)!pidfd_wait(src->pidfd, false, &status);
	}
	src->pidfd = fd_close(src->pidfd);
	src->stderr_fd = fd_close(src->stderr_fd);
	if (src->program)
		src->fd = fd_close(src->fd);
}
