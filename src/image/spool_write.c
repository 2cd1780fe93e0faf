/* Filling the spool: single files, and tar streams unpacked, split, hashed and written in one pass. */
#include "image/spool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/decompress.h"
#include "codec/tar_path.h"
#include "codec/tar_reader.h"
#include "image/source_priv.h"
#include "sys/file.h"

#define CHUNK	  (256 * 1024)
#define MAX_FILES 65536

void spool_writer_init(struct spool_writer *w, struct spool *sp)
{
	*w = (struct spool_writer){ .spool = sp, .hash = hash_new(), .fd = -EBADF };
}

void spool_writer_done(struct spool_writer *w)
{
	hash_free(TAKE_PTR(w->hash));
	w->fd = fd_close(w->fd);
}

static struct spool_file *new_file(struct spool *sp, const char *name, struct err *err)
{
	struct spool_file *file;

	if (sp->n == MAX_FILES) {
		(void)err_set(err, ERR_LIMIT, "more than %d files in the archive", MAX_FILES);
		return NULL;
	}
	GROW(sp->files, sp->n, sp->cap);
	file = &sp->files[sp->n];
	*file = (struct spool_file){ .name = xstrdup(name), .number = (unsigned)sp->n };
	sp->n++;
	return file;
}

int spool_writer_begin(struct spool_writer *w, const char *name, struct err *err)
{
	struct spool_file *file = new_file(w->spool, name, err);
	char number[16];

	if (!file)
		return -ERR_LIMIT;
	(void)snprintf(number, sizeof(number), "%u", file->number);
	w->fd = openat(w->spool->fd, number, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return err_sys(err, errno, "spool %s", name);
	hash_reset(w->hash);
	return 0;
}

int spool_writer_data(struct spool_writer *w, const void *data, size_t len, struct err *err)
{
	struct spool *sp = w->spool;
	struct spool_file *file = &sp->files[sp->n - 1];
	int r;

	if (file->size < MEDIA_SNIFF_LEN) {
		size_t room = MEDIA_SNIFF_LEN - (size_t)file->size;

		memcpy(file->head + file->size, data, len < room ? len : room);
	}
	hash_update(w->hash, data, len);
	r = file_write_all(w->fd, data, len, err);
	if (r < 0)
		return err_ctx(err, r, "spool %s", file->name);
	file->size += len;
	sp->bytes += len;
	if (sp->progress)
		sp->progress(sp->progress_arg, file->name, sp->bytes);
	return 0;
}

int spool_writer_end(struct spool_writer *w, struct err *err)
{
	struct spool_file *file = &w->spool->files[w->spool->n - 1];
	char hex[HASH_HEX_LEN + 1];
	int fd = TAKE_FD(w->fd);

	if (close(fd) < 0)
		return err_sys(err, errno, "spool %s", file->name);
	file->compression = media_sniff(
		file->head, file->size < MEDIA_SNIFF_LEN ? (size_t)file->size : MEDIA_SNIFF_LEN);
	hash_final_hex(w->hash, hex);
	return digest_from_hex(hex, &file->digest);
}

int spool_add_link(struct spool *sp, const char *name, const char *link, struct err *err)
{
	struct spool_file *file = new_file(sp, name, err);

	if (!file)
		return -ERR_LIMIT;
	file->link = xstrdup(link);
	return 0;
}

int spool_add_file(
	struct spool *sp, const char *name, int fd, struct spool_file **ret, struct err *err)
{
	AUTO(spool_writer) struct spool_writer w;
	autofree uint8_t *chunk = xmalloc(CHUNK);
	ssize_t n = 0;
	int r;

	spool_writer_init(&w, sp);
	r = spool_writer_begin(&w, name, err);
	while (r >= 0 && (n = file_read(fd, chunk, CHUNK, err)) > 0)
		r = spool_writer_data(&w, chunk, (size_t)n, err);
	if (r < 0 || n < 0)
		return r < 0 ? r : err_ctx(err, (int)n, "%s", name);
	r = spool_writer_end(&w, err);
	if (r < 0)
		return r;
	*ret = &sp->files[sp->n - 1];
	return 0;
}

struct pump {
	struct spool *spool;
	struct tar_reader *tar;
	struct spool_writer writer;
};

/* "../other/layer.tar" of "this/layer.tar" is "other/layer.tar"; outside the archive is clamped. */
static int add_symlink(struct spool *sp, const char *name, const char *target, struct err *err)
{
	autofree char *dir = xasprintf("/%.*s", (int)(path_base(name) - name), name);
	autofree char *link = path_clean(dir, target);

	return spool_add_link(sp, name, link + 1, err);
}

static int begin_entry(struct pump *p, const struct tar_entry *e, struct err *err)
{
	char name[TAR_PATH_MAX + 1], link[TAR_PATH_MAX + 1];
	int r = tar_path_clean(e->path, name, err);

	if (r <= 0)
		return r;
	switch (e->type) {
	case TAR_REG:
		return spool_writer_begin(&p->writer, name, err);
	case TAR_SYMLINK:
		return add_symlink(p->spool, name, e->linkpath, err);
	case TAR_HARDLINK:
		r = tar_path_clean(e->linkpath, link, err);
		return r < 0 ? r : spool_add_link(p->spool, name, link, err);
	case TAR_DIR:
	case TAR_CHAR:
	case TAR_BLOCKDEV:
	case TAR_FIFO:
		break;
	}
	return 0;
}

static int handle(struct pump *p, const struct tar_event *ev, struct err *err)
{
	const struct spool *sp = p->spool;

	switch (ev->kind) {
	case TAR_ENTRY:
		return begin_entry(p, ev->entry, err);
	case TAR_DATA:
		if (p->writer.fd < 0)
			return 0;
		if (ev->offset != sp->files[sp->n - 1].size)
			return err_set(
				err, ERR_FORMAT, "%s is a sparse file", sp->files[sp->n - 1].name);
		return spool_writer_data(&p->writer, ev->data, ev->len, err);
	case TAR_ENTRY_END:
		return p->writer.fd < 0 ? 0 : spool_writer_end(&p->writer, err);
	case TAR_NEED:
		break;
	}
	return 0;
}

static int feed_tar(struct pump *p, const uint8_t *data, size_t len, struct err *err)
{
	struct tar_event ev;
	int r;

	do {
		r = tar_reader_next(p->tar, &data, &len, &ev, err);
		if (r >= 0)
			r = handle(p, &ev, err);
		if (r < 0)
			return r;
	} while (ev.kind != TAR_NEED);
	return 0;
}

static int feed_packed(struct pump *p, struct decompress *d, uint8_t *out, const uint8_t *in,
	size_t len, struct err *err)
{
	struct stream s = { .in = in, .in_len = len };
	int r;

	do {
		s.out = out;
		s.out_len = CHUNK;
		r = decompress_run(d, &s, err);
		if (r >= 0)
			r = feed_tar(p, out, (size_t)(s.out - out), err);
		if (r < 0)
			return r;
	} while (s.in_len || !s.out_len);
	return 0;
}

/* The end of the input; a very short one is delivered only now. */
static int feed_end(struct pump *p, struct decompress *d, uint8_t *out, struct err *err)
{
	struct stream s = { .out = out, .out_len = CHUNK };
	int r = decompress_finish(d, &s, err);

	if (r >= 0)
		r = feed_tar(p, out, (size_t)(s.out - out), err);
	return r < 0 ? r : tar_reader_finish(p->tar, err);
}

static int pump_all(struct pump *p, struct source *src, struct err *err)
{
	AUTO(decompress) struct decompress *d = decompress_new();
	autofree uint8_t *in = xmalloc(CHUNK), *out = xmalloc(CHUNK);
	enum decompress_kind kind;
	ssize_t n = 0;
	int r = 0;

	while (r >= 0 && (n = source_read(src, in, CHUNK, err)) > 0)
		r = feed_packed(p, d, out, in, (size_t)n, err);
	if (r >= 0)
		r = n < 0 ? (int)n : source_finish(src, err);
	if (r >= 0)
		return feed_end(p, d, out, err);
	kind = decompress_kind(d);
	if (kind == DECOMPRESS_XZ || kind == DECOMPRESS_BZIP2)
		return err_hint(err, r, "unpack it on the way: %s -dc FILE | proa load",
			decompress_name(kind));
	return r;
}

int spool_read_stream(struct spool *sp, int fd, struct err *err)
{
	struct pump p = { .spool = sp, .tar = tar_reader_new() };
	AUTO(source) struct source src = SOURCE_INIT;
	int r = source_open(sp, fd, &src, err);

	spool_writer_init(&p.writer, sp);
	if (r >= 0)
		r = pump_all(&p, &src, err);
	spool_writer_done(&p.writer);
	tar_reader_free(p.tar);
	return r;
}
