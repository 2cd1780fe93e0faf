/*
 * The file or directory that a command writes for its user: it appears whole, or not at all.
 *
 *	AUTO(outfile) struct outfile out = OUTFILE_INIT;
 *	r = outfile_open("debian.tar", &out, err);	NULL: standard output
 *	r = outfile_write(&out, data, len, err);
 *	r = outfile_commit(&out, err);
 *
 * A file is made without a name where the file system can (O_TMPFILE), so that nothing of it stays
 * however the program ends; else, and for a directory, under ".tmp.<random>" beside its place,
 * which outfile_done removes: after a failure, and after a signal that would have ended the program
 * (the signal is kept back until then). What is no regular file (a pipe, /dev/stdout, any link) is
 * written straight. Content is not synced: it is the user's, as cp's is.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define OUTFILE_BUFFER (128 * 1024)
#define OUTFILE_TEMP   32 /* ".tmp." and 16 digits */

struct outfile {
	int fd;			 /* the file, or the directory being filled */
	int dir_fd;		 /* where its name goes; -EBADF when it is written straight */
	char *name;		 /* in dir_fd */
	char temp[OUTFILE_TEMP]; /* its name until then; "" when it has none */
	bool borrowed;		 /* fd is standard output */
	bool is_dir;
	uint8_t *buffer;
	size_t used;
	int signal_fd; /* -EBADF when signals are not kept back */
	sigset_t saved;
	int caught; /* the signal that came */
};

#define OUTFILE_INIT                                                \
	{                                                           \
		.fd = -EBADF, .dir_fd = -EBADF, .signal_fd = -EBADF \
	}

/* "-" and "/dev/stdout": opened by its name, a pipe that another user made would refuse. */
bool outfile_is_stdout(const char *path);

/* path NULL: standard output. docker's words when its directory does not exist. */
int outfile_open(const char *path, struct outfile *ret, struct err *err) must_check;

/* A new directory, to be filled through ret->fd. -EEXIST unless path is free or an empty one. */
int outfile_open_dir(const char *path, struct outfile *ret, struct err *err) must_check;

/* Collects small writes. -EINTR after a signal: end with outfile_done. arg is a struct outfile. */
int outfile_write(void *arg, const void *data, size_t len, struct err *err) must_check;

/* Write what was collected: for a helper process, whose copy of the buffer is its own. */
int outfile_flush(struct outfile *out, struct err *err) must_check;

/* -EINTR when a signal that would end the program has come: for loops that fill a directory. */
int outfile_check(struct outfile *out, struct err *err) must_check;

/* Write what is left, then give it its name, in place of what had it. */
int outfile_commit(struct outfile *out, struct err *err) must_check;

/* Remove what was not committed. Does not return when a signal has come: it takes effect now. */
void outfile_done(struct outfile *out);
DEFINE_AUTO(outfile, struct outfile, outfile_done)
