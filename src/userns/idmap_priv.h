/*
 * Inside of userns/: where the ranges come from and who may write them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "userns/idmap.h"

/* Text of a full table: 32 lines of three numbers. */
#define IDMAP_TEXT_SIZE (IDMAP_MAX_RANGES * 33 + 1)

enum idmap_helper { IDMAP_HELPER_UID, IDMAP_HELPER_GID };

/* Absolute path of newuidmap or newgidmap, static text; NULL when it is not installed. */
const char *idmap_helper(enum idmap_helper which);

enum subid_kind { SUBID_UIDS, SUBID_GIDS };

struct subid_range {
	uint32_t start, count;
};

struct subid_list {
	struct subid_range ranges[IDMAP_MAX_RANGES - 1];
	unsigned n;
};

#define SUBID_NAME_SIZE 256

struct subid_owner {
	const char *name; /* NULL when it is not known: lines by number still count */
	uint32_t uid;	  /* lines are by user id in both files */
	uint32_t own;	  /* the caller's id of that kind, which no range may hold */
};

/*
 * Ranges that /etc/subuid or /etc/subgid gives to a user, by login name or number, in the order of
 * the file. No file is no range. -ERR_FORMAT names file and line.
 */
int subid_read(enum subid_kind kind, const struct subid_owner *who, struct subid_list *ret,
	struct err *err) must_check;

/* The same on text, for tests. */
int subid_parse(const char *file, const char *text, const struct subid_owner *who,
	struct subid_list *ret, struct err *err) must_check;

/*
 * Login name of a user id. Read by ourselves: getpwuid would load NSS modules, and a static
 * program has none. For a user in no file (LDAP ...) it is $USER: newuidmap checks by its own
 * look-up whose ranges these are. False when there is neither.
 */
bool subid_login_name(uint32_t uid, char ret[SUBID_NAME_SIZE]) must_check;
