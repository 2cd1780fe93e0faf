/*
 * Which ids of the host stand behind the ids of a container.
 *
 * NONE: no user namespace, ids are the host's (root only). RANGES: 0 is the caller, 1 and up are
 * the caller's subordinate ranges from /etc/subuid and /etc/subgid, in the order of the files.
 * SINGLE: one id, the caller's, nothing else is mapped and setgroups is denied.
 *
 *	idmap_detect(&map, err);
 *	pid = clone with CLONE_NEWUSER, child waits
 *	idmap_write_start(&map, pid, &job, err);  ... other work ...  idmap_write_finish(&job, err);
 *
 * Owns nothing on disk. Plain values: a struct idmap can be copied.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum idmap_kind { IDMAP_NONE, IDMAP_RANGES, IDMAP_SINGLE };

/* The kernel takes 340 lines; nobody has as many as this. */
#define IDMAP_MAX_RANGES 32
#define IDMAP_KEY_SIZE	 16
#define IDMAP_NO_ID	 UINT32_MAX

struct idmap_range {
	uint32_t inside, outside, count;
};

struct idmap_table {
	struct idmap_range ranges[IDMAP_MAX_RANGES]; /* ascending `inside`, no gaps from 0 */
	unsigned n;
};

struct idmap {
	enum idmap_kind kind;
	struct idmap_table uids, gids; /* empty for NONE */
	const char *why_single;	       /* static text: what RANGES lacks; NULL unless SINGLE */
};

/*
 * The map for this process: root gets NONE; anybody else RANGES when newuidmap and newgidmap exist
 * and both files give a range to the name or number of the real user, else SINGLE. Ranges that
 * overlap the caller's id or each other are an error that names the line (-ERR_FORMAT).
 * PROA_USERNS=single in the environment forces SINGLE (tests). Root inside a user namespace that
 * maps few ids is NONE too: it has what it has.
 */
int idmap_detect(struct idmap *ret, struct err *err) must_check;

/* SINGLE for this process: inside_uid and inside_gid stand for the caller's. */
void idmap_init_single(struct idmap *ret, uint32_t inside_uid, uint32_t inside_gid);

/* Part of a layer's ID: "root", "one", or 'r' and eight hex digits of the ranges. */
void idmap_key(const struct idmap *map, char ret[IDMAP_KEY_SIZE]);

/* Id inside to id on the host; false when it is not mapped. NONE: the same number. */
bool idmap_uid_to_host(const struct idmap *map, uint32_t inside, uint32_t *ret);
bool idmap_gid_to_host(const struct idmap *map, uint32_t inside, uint32_t *ret);
bool idmap_uid_from_host(const struct idmap *map, uint32_t host, uint32_t *ret);
bool idmap_gid_from_host(const struct idmap *map, uint32_t host, uint32_t *ret);

/* How many ids from 0 up are usable inside (UINT32_MAX for NONE). */
uint32_t idmap_uid_count(const struct idmap *map);
uint32_t idmap_gid_count(const struct idmap *map);

/*
 * Write the maps of `pid`, which was made with CLONE_NEWUSER by this process, has not been dumped
 * of its rights, and waits. RANGES runs newuidmap and newgidmap side by side; SINGLE and root
 * write directly. finish reaps and reports: -ERR_DENIED with the helper's own words and a cure.
 * The caller owns `job` between the two; nothing is left running after finish.
 */
struct idmap_job {
	const struct idmap *map;
	int uid_pidfd, gid_pidfd; /* -EBADF when no helper runs */
	int uid_out, gid_out;	  /* helpers' stderr */
};

int idmap_write_start(
	const struct idmap *map, pid_t pid, struct idmap_job *ret, struct err *err) must_check;
int idmap_write_finish(struct idmap_job *job, struct err *err) must_check;

/* Both in one. */
int idmap_write(const struct idmap *map, pid_t pid, struct err *err) must_check;

/*
 * Text for /proc/PID/uid_map of a table ("0 1000 1\n..."), at most size-1 bytes.
 * Returns the length; no allocation.
 */
size_t idmap_format(const struct idmap_table *t, char *ret, size_t size);
