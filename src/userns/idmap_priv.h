/*
 * Inside of userns/: where the ranges come from and who may write them.
 */
#pragma once

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

/*
 * Ranges that /etc/subuid or /etc/subgid gives to the real user, by login name or number, in the
 * order of the file. `own` is the caller's id of that kind, which no range may hold. No file is
 * no range. -ERR_FORMAT names file and line.
 */
int subid_read(
	enum subid_kind kind, uint32_t own, struct subid_list *ret, struct err *err) must_check;

/* The same on text, for tests; name may be NULL. */
struct subid_owner {
	const char *name;
	uint32_t uid; /* lines are by user id in both files */
	uint32_t own;
};
int subid_parse(const char *file, const char *text, const struct subid_owner *who,
	struct subid_list *ret, struct err *err) must_check;
