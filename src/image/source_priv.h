/*
 * The bytes of an archive that comes from outside, with what the program itself cannot unpack (xz,
 * bzip2) unpacked by the host's program, where there is one. gzip and zstd pass as they are.
 *
 *	AUTO(source) struct source src = SOURCE_INIT;
 *	r = source_open(&spool, fd, &src, err);
 *	while ((n = source_read(&src, buf, len, err)) > 0) ...
 *	r = source_finish(&src, err);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/decompress.h"
#include "image/spool_priv.h"

struct source {
	int fd;				    /* the caller's, or the program's output */
	const char *program;		    /* NULL: none runs */
	int pidfd, stderr_fd;		    /* of the program */
	uint8_t head[DECOMPRESS_MAGIC_LEN]; /* read to see what it is */
	size_t n_head, at;
};

#define SOURCE_INIT                                                \
	{                                                          \
		.fd = -EBADF, .pidfd = -EBADF, .stderr_fd = -EBADF \
	}

/* fd stays the caller's. A pipe is copied into the spool's directory if a program has to read it. */
int source_open(struct spool *sp, int fd, struct source *ret, struct err *err) must_check;

/* As file_read. */
ssize_t source_read(struct source *src, void *ret, size_t len, struct err *err);

/* After the end was read: the program's last word. -ERR_FORMAT with its message. */
int source_finish(struct source *src, struct err *err) must_check;

/* Ends a program that still runs. */
void source_done(struct source *src);
DEFINE_AUTO(source, struct source, source_done)
