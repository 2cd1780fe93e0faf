/*
 * The files of an archive or a directory, at hand by name, hashed, in the store's tmp/. A tar of
 * any order, packed or not, is read once; of a directory only what is asked for is copied.
 *
 *	AUTO(spool) struct spool sp = SPOOL_INIT;
 *	spool_open(s, &sp, err);
 *	spool_read_stream(&sp, fd, err);	or spool_use_dir(&sp, dirfd)
 *	r = spool_find(&sp, "manifest.json", &file, err);
 *
 * The directory tmp/load.X is flocked by this process: killed, it is swept by the next command.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/media.h"
#include "store/store.h"

struct spool_file {
	uint8_t head[MEDIA_SNIFF_LEN]; /* its first bytes */
	char *name;		       /* clean: "blobs/sha256/HEX" */
	char *link;		       /* clean name of what it is a link to, or NULL */
	struct digest digest;
	uint64_t size;
	enum media_compression compression; /* by its first bytes */
	unsigned number;		    /* tmp/load.X/<number> */
	bool adopted;			    /* moved to the blobs */
};

struct spool {
	struct store *store;
	char path[STORE_TMP_SIZE]; /* tmp/load.X */
	int fd;			   /* of that directory */
	int source_fd;		   /* of a directory that is loaded, else -EBADF */
	struct spool_file *files;
	size_t n, cap;
	uint64_t bytes; /* spooled so far */
	void (*progress)(void *arg, const char *what, uint64_t done);
	void *progress_arg;
};

#define SPOOL_INIT                                \
	{                                         \
		.fd = -EBADF, .source_fd = -EBADF \
	}

int spool_open(struct store *s, struct spool *ret, struct err *err) must_check;

/* Removes what was not adopted. */
void spool_done(struct spool *sp);
DEFINE_AUTO(spool, struct spool, spool_done)

/* A tar, plain or packed, to its end. -ERR_FORMAT, -ERR_LIMIT, -ENOSPC. */
int spool_read_stream(struct spool *sp, int fd, struct err *err) must_check;
void spool_use_dir(struct spool *sp, int dirfd); /* the spool's from now on */

/* One plain file, copied and hashed. *ret is valid until the next call that reads. */
int spool_add_file(struct spool *sp, const char *name, int fd, struct spool_file **ret,
	struct err *err) must_check;

/*
 * By clean name, following links inside the archive. 1 and the file (the spool's, valid until the
 * next call that reads), or 0.
 */
int spool_find(
	struct spool *sp, const char *name, struct spool_file **ret, struct err *err) must_check;

/* The content of a small file; -ERR_FORMAT when there is none of that name. */
int spool_load(struct spool *sp, const char *name, struct buf *ret, struct err *err) must_check;

/* Publish as a blob. The file stays findable. */
int spool_adopt(struct spool *sp, struct spool_file *file, struct err *err) must_check;

/*
 * Writing one file, piece by piece: spool_writer_begin, any number of spool_writer_data,
 * spool_writer_end. The file is the last one of sp->files while it is written. The writer serves
 * one file after the other, from spool_writer_init to spool_writer_done.
 */
struct spool_writer {
	struct spool *spool;
	struct hash *hash;
	int fd; /* -EBADF between files */
};

void spool_writer_init(struct spool_writer *w, struct spool *sp);
void spool_writer_done(struct spool_writer *w);
DEFINE_AUTO(spool_writer, struct spool_writer, spool_writer_done)
int spool_writer_begin(struct spool_writer *w, const char *name, struct err *err) must_check;
int spool_writer_data(
	struct spool_writer *w, const void *data, size_t len, struct err *err) must_check;
int spool_writer_end(struct spool_writer *w, struct err *err) must_check;

/* An entry that is only another name: link is clean. */
int spool_add_link(
	struct spool *sp, const char *name, const char *link, struct err *err) must_check;
