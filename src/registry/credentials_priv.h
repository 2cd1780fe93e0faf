/*
 * Between credentials.c, which looks credentials up, and credential_store.c, which keeps them: the
 * places where files are.
 */
#pragma once

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/auth_file.h"

/* A file with the flags of its format; path is NULL where there is no such place. */
struct credential_file {
	char *path;
	unsigned flags; /* enum auth_file_flags */
};

enum {
	CREDENTIAL_RUN,	   /* podman's, gone at reboot */
	CREDENTIAL_CONFIG, /* podman's own for good */
	CREDENTIAL_DOCKER, /* $DOCKER_AUTH_CONFIG comes before it */
	CREDENTIAL_LEGACY,
	CREDENTIAL_FILES,
};

struct credential_files {
	struct credential_file v[CREDENTIAL_FILES];
	bool named; /* the user named the one file that counts, which is v[0] */
};

/* Which files count now. authfile is --authfile or NULL. */
void credential_files_find(const char *authfile, struct credential_files *ret);
void credential_files_done(struct credential_files *f);
DEFINE_AUTO(credential_files, struct credential_files, credential_files_done)

/*
 * Read one. *ret (the caller's) is NULL when it is not there; `must_exist` makes that an error.
 */
int credential_file_read(const struct credential_file *file, bool must_exist,
	struct auth_file **ret, struct err *err) must_check;

/*
 * Room for a secret of `size` bytes in an empty buffer: what is not moved while it grows leaves no
 * copy behind when it is overwritten.
 */
void credential_room(struct buf *b, size_t size);
