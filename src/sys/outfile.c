#include "sys/outfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"
#include "sys/signal.h"

/* What a redirection of the shell would have made. */
static mode_t default_mode(mode_t mode)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return mode & ~mask;
}

/* The directory that path is in, and its last component. */
static int open_place(const char *path, struct outfile *o, struct err *err)
{
	autofree char *clean = xstrdup(path);
	size_t len = strlen(clean);
	autofree char *dir = NULL;
	const char *base;

	while (len > 1 && clean[len - 1] == '/')
		clean[--len] = '\0';
	base = path_base(clean);
	if (str_empty(base) || str_eq(base, ".") || str_eq(base, ".."))
		return err_set(err, ERR_USAGE, "invalid output path: \"%s\" is a directory", path);
	dir = base == clean ? xstrdup(".") : xstrndup(clean, (size_t)(base - clean));
	o->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o->dir_fd < 0 && errno == ENOENT)
		return err_set(
			err, ENOENT, "invalid output path: directory \"%s\" does not exist", dir);
	if (o->dir_fd < 0)
		return err_sys(err, errno, "invalid output path: directory \"%s\"", dir);
	o->name = xstrdup(base);
	return 0;
}

/* From here on a signal waits until what has a name is removed. */
static int keep_signals(struct outfile *o, struct err *err)
{
	o->signal_fd = signal_open_fd(&o->saved, err);
	return o->signal_fd < 0 ? o->signal_fd : 0;
}

static void make_temp_name(struct outfile *o)
{
	char digits[17];

	random_hex(digits, 8);
	(void)snprintf(o->temp, sizeof(o->temp), ".tmp.%s", digits);
}

static int open_temp_file(struct outfile *o, const char *path, struct err *err)
{
	int r = file_open_unnamed(o->dir_fd, &o->fd, NULL);

	if (r >= 0)
		return 0;
	r = keep_signals(o, err);
	if (r < 0)
		return r;
	make_temp_name(o);
	o->fd = openat(o->dir_fd, o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (o->fd < 0) {
		o->temp[0] = '\0';
		return err_sys(err, errno, "create %s", path);
	}
	return 0;
}

static int open_file(const char *path, struct outfile *o, struct err *err)
{
	struct stat st;
	int r = open_place(path, o, err);

	if (r < 0)
		return r;
	if (fstatat(o->dir_fd, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return err_sys(err, errno, "stat %s", path);
		return open_temp_file(o, path, err);
	}
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "invalid output path: \"%s\" is a directory", path);
	if (S_ISREG(st.st_mode))
		return open_temp_file(o, path, err);
	o->fd = openat(
		o->dir_fd, o->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	o->dir_fd = fd_close(o->dir_fd);
	return o->fd < 0 ? err_sys(err, errno, "open %s", path) : 0;
}

bool outfile_is_stdout(const char *path)
{
	return str_eq(path, "-") || str_eq(path, "/dev/stdout");
}

int outfile_open(const char *path, struct outfile *ret, struct err *err)
{
	AUTO(outfile) struct outfile o = OUTFILE_INIT;
	int r = 0;

	if (path) {
		r = open_file(path, &o, err);
	} else {
		o.fd = STDOUT_FILENO;
		o.borrowed = true;
	}
	if (r < 0)
		return r;
	o.buffer = xmalloc(OUTFILE_BUFFER);
	*ret = o;
	o = (struct outfile)OUTFILE_INIT;
	return 0;
}

/* An empty directory is replaced by rename, at the end. */
static int check_free(const struct outfile *o, const char *path, struct err *err)
{
	AUTO(strv) char **names = NULL;
	struct stat st;
	int r;

	if (fstatat(o->dir_fd, o->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "stat %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, EEXIST, "%s exists and is no directory", path);
	r = file_list_dir(o->dir_fd, o->name, &names, err);
	if (r < 0)
		return r;
	return names ? err_set(err, EEXIST, "directory %s exists and is not empty", path) : 0;
}

int outfile_open_dir(const char *path, struct outfile *ret, struct err *err)
{
	AUTO(outfile) struct outfile o = OUTFILE_INIT;
	int r = open_place(path, &o, err);

	if (r >= 0)
		r = check_free(&o, path, err);
	if (r >= 0)
		r = keep_signals(&o, err);
	if (r < 0)
		return r;
	o.is_dir = true;
	make_temp_name(&o);
	if (mkdirat(o.dir_fd, o.temp, 0700) < 0) {
		o.temp[0] = '\0';
		return err_sys(err, errno, "create directory %s", path);
	}
	r = file_open_dir(o.dir_fd, o.temp, &o.fd, err);
	if (r < 0)
		return r;
	*ret = o;
	o = (struct outfile)OUTFILE_INIT;
	return 0;
}

int outfile_check(struct outfile *out, struct err *err)
{
	int number;

	if (out->signal_fd < 0)
		return 0;
	/* What only asks for attention (SIGWINCH, SIGCONT ...) would not have ended the program. */
	while ((number = signal_read_fd(out->signal_fd, NULL)) > 0) {
		if (number != SIGINT && number != SIGTERM && number != SIGHUP && number != SIGQUIT)
			continue;
		out->caught = number;
		return err_set(err, EINTR, "interrupted");
	}
	return 0;
}

static int write_now(struct outfile *o, const void *data, size_t len, struct err *err)
{
	int r = file_write_all(o->fd, data, len, err);

	return r < 0 ? err_ctx(err, r, "%s", o->name ? o->name : "standard output") : 0;
}

int outfile_flush(struct outfile *out, struct err *err)
{
	size_t n = out->used;

	out->used = 0;
	return n ? write_now(out, out->buffer, n, err) : 0;
}

int outfile_write(void *arg, const void *data, size_t len, struct err *err)
{
	struct outfile *o = arg;
	int r = 0;

	if (len < OUTFILE_BUFFER - o->used) {
		memcpy(o->buffer + o->used, data, len);
		o->used += len;
		return 0;
	}
	r = outfile_check(o, err);
	if (r >= 0)
		r = outfile_flush(o, err);
	if (r < 0)
		return r;
	if (len < OUTFILE_BUFFER) {
		memcpy(o->buffer, data, len);
		o->used = len;
		return 0;
	}
	return write_now(o, data, len, err);
}

static int rename_into_place(struct outfile *o, struct err *err)
{
	if (renameat(o->dir_fd, o->temp, o->dir_fd, o->name) < 0)
		return err_sys(err, errno, "name it %s", o->name);
	o->temp[0] = '\0';
	return 0;
}

/* A name that is taken can only be replaced by rename, for which the file needs one of its own. */
static int name_file(struct outfile *o, struct err *err)
{
	mode_t mode = default_mode(0666);
	int r;

	if (o->temp[0]) {
		if (fchmod(o->fd, mode) < 0)
			return err_sys(err, errno, "chmod %s", o->name);
		return rename_into_place(o, err);
	}
	r = file_link_unnamed(o->fd, o->dir_fd, o->name, mode, FILE_NO_SYNC, err);
	if (r != -EEXIST)
		return r;
	make_temp_name(o);
	r = file_link_unnamed(o->fd, o->dir_fd, o->temp, mode, FILE_NO_SYNC, err);
	if (r < 0) {
		o->temp[0] = '\0';
		return r;
	}
	return rename_into_place(o, err);
}

int outfile_commit(struct outfile *out, struct err *err)
{
	int r = outfile_flush(out, err);

	if (r >= 0)
		r = outfile_check(out, err);
	if (r < 0 || out->dir_fd < 0)
		return r;
	if (!out->is_dir)
		return name_file(out, err);
	if (fchmod(out->fd, default_mode(0777)) < 0)
		return err_sys(err, errno, "chmod %s", out->name);
	return rename_into_place(out, err);
}

void outfile_done(struct outfile *out)
{
	int caught = out->caught;

	if (out->temp[0])
		(void)!file_remove_tree(out->dir_fd, out->temp, NULL);
	out->temp[0] = '\0';
	if (!out->borrowed)
		out->fd = fd_close(out->fd);
	out->dir_fd = fd_close(out->dir_fd);
	free(TAKE_PTR(out->name));
	free(TAKE_PTR(out->buffer));
	if (out->signal_fd < 0)
		return;
	out->signal_fd = fd_close(out->signal_fd);
	signal_unblock(&out->saved);
	if (caught)
		(void)raise(caught);
}
