/* The files of an archive or a directory, written in their order, each blob hashed on its way. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/str.h"
#include "codec/layout.h"
#include "codec/tar_writer.h"
#include "image/save_priv.h"
#include "store/blob.h"
#include "sys/file.h"
#include "sys/outfile.h"

#define CHUNK (256 * 1024)

/* Where content goes: the tar, or a file of the directory. */
struct sink {
	struct save *save;
	struct outfile *out;
	struct tar_writer *tar; /* NULL: a directory */
	int fd;			/* of the directory's file */
	uint64_t done, total;
};

static int sink_data(struct sink *k, const void *data, size_t len, struct err *err)
{
	const struct save_options *o = k->save->options;
	int r;

	if (k->tar)
		r = tar_writer_data(k->tar, data, len, err);
	else
		r = file_write_all(k->fd, data, len, err);
	if (r >= 0)
		r = outfile_check(k->out, err);
	k->done += len;
	if (r >= 0 && o->progress)
		o->progress(o->progress_arg, k->done, k->total);
	return r;
}

static int damaged(const struct save_file *f, struct err *err)
{
	return err_set(
		err, ERR_DIGEST, "blob %s: its content in the store is damaged", f->digest.text);
}

static int copy_blob(struct sink *k, const struct save_file *f, struct err *err)
{
	AUTO(hash) struct hash *h = hash_new();
	autofree uint8_t *chunk = xmalloc(CHUNK);
	char hex[HASH_HEX_LEN + 1];
	autofd int fd = -EBADF;
	uint64_t left = f->size;
	ssize_t n = 0;
	int r = blob_open(k->save->store, &f->digest, &fd, err);

	while (r >= 0 && left) {
		n = file_read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK, err);
		if (n <= 0)
			return n < 0 ? (int)n : damaged(f, err);
		hash_update(h, chunk, (size_t)n);
		left -= (uint64_t)n;
		r = sink_data(k, chunk, (size_t)n, err);
	}
	if (r < 0)
		return r;
	hash_final_hex(h, hex);
	return str_eq(hex, digest_hex(&f->digest)) ? 0 : damaged(f, err);
}

static int write_content(struct sink *k, const struct save_file *f, struct err *err)
{
	return f->text ? sink_data(k, f->text, f->size, err) : copy_blob(k, f, err);
}

static int tar_file(struct sink *k, const struct save_file *f, struct err *err)
{
	struct tar_entry e = {
		.type = TAR_REG,
		.path = f->name,
		.linkpath = "",
		.mode = 0644,
		.size = f->size,
	};
	int r = tar_writer_entry(k->tar, &e, err);

	return r < 0 ? r : write_content(k, f, err);
}

static int dir_file(struct sink *k, const struct save_file *f, struct err *err)
{
	int r;

	k->fd = openat(k->out->fd, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (k->fd < 0)
		return err_sys(err, errno, "create %s", f->name);
	r = write_content(k, f, err);
	if (close(k->fd) < 0 && r >= 0)
		r = err_sys(err, errno, "write %s", f->name);
	k->fd = -EBADF;
	return r;
}

static const char *const blob_dirs[] = { "blobs", "blobs/sha256" };

/* Directories sort before what is in them, and everything else of a layout behind "blobs". */
static int make_blob_dirs(struct sink *k, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(blob_dirs) / sizeof(blob_dirs[0]); i++) {
		struct tar_entry e = { .type = TAR_DIR, .path = blob_dirs[i], .linkpath = "" };

		e.mode = 0755;
		if (k->tar)
			r = tar_writer_entry(k->tar, &e, err);
		else
			r = mkdirat(k->out->fd, blob_dirs[i], 0777) < 0
				    ? err_sys(err, errno, "create %s", blob_dirs[i])
				    : 0;
	}
	return r;
}

static int write_files(struct sink *k, struct err *err)
{
	const struct save *sv = k->save;
	int r = 0;

	if (sv->options->format != SAVE_DOCKER_DIR)
		r = make_blob_dirs(k, err);
	for (size_t i = 0; i < sv->n_files; i++)
		k->total += sv->files[i].size;
	for (size_t i = 0; r >= 0 && i < sv->n_files; i++)
		r = k->tar ? tar_file(k, &sv->files[i], err) : dir_file(k, &sv->files[i], err);
	if (r >= 0 && k->tar)
		r = tar_writer_finish(k->tar, err);
	return r;
}

int save_write(struct save *sv, struct err *err)
{
	bool is_dir = sv->options->format == SAVE_OCI_DIR || sv->options->format == SAVE_DOCKER_DIR;
	AUTO(outfile) struct outfile out = OUTFILE_INIT;
	AUTO(tar_writer) struct tar_writer *tar = NULL;
	struct sink k = { .save = sv, .out = &out, .fd = -EBADF };
	int r = is_dir ? outfile_open_dir(sv->options->path, &out, err)
		       : outfile_open(sv->options->path, &out, err);

	if (r < 0)
		return r;
	if (!is_dir)
		tar = tar_writer_new(outfile_write, &out, 0);
	k.tar = tar;
	r = write_files(&k, err);
	return r < 0 ? r : outfile_commit(&out, err);
}
