/*
 * What the files of store/ share: the handle's inside, names relative to the root, the mark of this
 * boot, and the two lists behind leases and syncing.
 *
 * Every path is relative to s->fd. That directory is ours, 0700, and holds no foreign links at the
 * levels that these paths name, so that plain strings are safe here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "store/config.h"
#include "store/store.h"

#define STORE_BOOT_LEN	8
#define STORE_PATH_SIZE 256
#define STORE_PACKED	"cache/packed" /* store/packed.h */

struct store {
	int fd;
	char *path;
	char *runroot; /* the caller's --runroot, or NULL */
	int run_fd;
	char *run_path;
	char boot[STORE_BOOT_LEN + 1]; /* "" until asked for */
	char **pending;		       /* final paths that exist, or may, as "<path>~<boot>" only */
	struct lock lease;
	char *lease_path;
	char **leased; /* lines already in the lease */
	struct store_config config;
};

/* First digits of /proc/sys/kernel/random/boot_id: marks what is not durable yet. */
const char *store_boot(struct store *s);

/* "<path>~<boot>". */
void store_pending_path(struct store *s, const char *path, char ret[STORE_PATH_SIZE]);

/* The name part before '~' into ret when `name` carries a mark: 1 of this boot, 2 of another. */
int store_split_mark(struct store *s, const char *name, size_t *ret_len);

/* store_sync has to promote this path. */
void store_add_pending(struct store *s, const char *path);

/*
 * Open a final path, or its pending form (which is then noted for store_sync). `suffix` follows the
 * marked component ("/fs") or is "". -ERR_NOT_FOUND without a message of its own.
 */
int store_open_published(struct store *s, const char *path, const char *suffix, int flags);

/* Cover `line` ("b HEX" or "l ID") by the open lease, if there is one. Before looking it up. */
int store_cover(struct store *s, const char *kind, const char *name, struct err *err) must_check;

/*
 * As store_sweep, but waits for the store lock and looks everywhere: at what is left behind a
 * published blob, in containers nobody is at work in, at names and lock files without an owner.
 */
int store_sweep_wait(struct store *s, struct err *err) must_check;

/* Says which store it is when r is -EROFS; returns r. */
int store_explain(const struct store *s, int r, struct err *err);

/* A name at the top of the store that is ours. */
bool store_knows_name(const char *name);
/* The directories that every store has; ends with NULL. */
extern const char *const store_skeleton[];

/* --- durability = "fast" (unsynced.c) --- */

#define STORE_UNSYNCED "locks/unsynced"

/* List all that is pending as published without a sync. */
int store_unsynced_add(struct store *s, struct err *err) must_check;

/* Before a full sync and after it: then nothing is left to be verified. */
int store_unsynced_begin(struct store *s, struct lock *ret, struct err *err) must_check;
void store_unsynced_end(struct store *s, struct lock *l);

/* When the list is that of an earlier boot: keep of it what is whole. Called once by store_open. */
int store_unsynced_recover(struct store *s, struct err *err) must_check;
