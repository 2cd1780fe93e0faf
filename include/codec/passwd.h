/*
 * Who a container runs as: the user specification of -u and of an image's USER, looked up in
 * /etc/passwd and /etc/group of the container's root file system (registry.md 6).
 *
 * The caller has read the files (without following links out of the root, with a cap on their
 * size) and gives their bytes. Nothing here allocates, so a child between clone and exec may call
 * it. These files are the image's: lines that are malformed are skipped, never guessed at.
 *
 *	user  = "" | name | uid | name:group | uid:gid ...
 *
 * What consists of digits is a number and never a name, and a number has to be in 0 .. 2^31-1.
 * What looks like a number in another notation (+1, -1, 0x0) is refused: a hostile passwd row of
 * that name must not decide (CVE-2016-3697, CVE-2024-40635). "1:" is "1", as docker has it; an
 * empty user with a group (":0") is refused, since an unset shell variable must not make root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PASSWD_ID_MAX	  2147483647U
#define PASSWD_GROUPS_MAX 1024
#define PASSWD_BYTES_MAX  (4U << 20) /* advice for the caller's cap */

struct passwd_files {
	const char *passwd; /* NULL with length 0 when the file does not exist */
	size_t passwd_len;
	const char *group;
	size_t group_len;
};

struct passwd_user {
	uint32_t uid, gid;
	size_t n_groups;
	char name[256];	 /* "" when the number has no row */
	char shell[256]; /* "" when there is no row or none is named */
	char home[4096]; /* without a row "/root" for uid 0, else "/"; never relative */
	/*
	 * For setgroups(): the primary group comes first, always (CVE-2022-36109), then the groups
	 * that name the user as a member; without duplicates. Only n_groups of them are written.
	 */
	uint32_t groups[PASSWD_GROUPS_MAX];
};

/* Only the grammar, for an early error; NULL is as "". -ERR_FORMAT. */
int passwd_check_spec(const char *spec, struct err *err) must_check;

/*
 * -ERR_FORMAT for a malformed spec, -ERR_NOT_FOUND with docker's words ("unable to find user foo:
 * no matching entries in passwd file"), -ERR_LIMIT for too many groups.
 * *ret is written on success only.
 */
int passwd_resolve(const char *spec, const struct passwd_files *files, struct passwd_user *ret,
	struct err *err) must_check;

/* One --group-add: a group's name or number. -ERR_NOT_FOUND, -ERR_FORMAT. */
int passwd_resolve_group(const char *name, const struct passwd_files *files, uint32_t *ret,
	struct err *err) must_check;

/* Add a group to the list unless it is there; -ERR_LIMIT. */
int passwd_add_group(struct passwd_user *user, uint32_t gid, struct err *err) must_check;
