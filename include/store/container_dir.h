/*
 * Container directories: containers/ID/{config.json,state.json,upper,work,...}. ID is 64 hex digits.
 *
 * Creation is a transaction: the directory is filled as containers/.ID, its name is taken by the
 * link names/NAME -> first digits of ID (one symlink call decides who gets it), then it is renamed
 * to ID.
 * Whoever works with a container holds the flock of its directory (the descriptor itself is the
 * lock): the creator until it has started, the foreground command or the monitor for its life. A
 * held lock is the proof of life; a free one beside a state that says "running" means that the
 * holder died.
 *
 * The store reads two members of config.json, for garbage collection and `rmi`:
 *	"image_id": "sha256:..."         may be absent (run --rootfs)
 *	"layers": ["<layer id>", ...]    what keeps these layers from being removed
 *	"name": "web"                    used in messages
 * The rest of it, and state.json, belong to container/.
 *
 *	container_dir_new_id(id);
 *	r = container_dir_create(s, &(struct container_new){ .id = id, ... }, &dir, err);
 *	... dir.fd is open and locked ...
 *	r = container_dir_remove(s, &dir, name, map, err);    at the end of run --rm, or by rm
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

#define CONTAINER_ID_LEN 64

enum container_flags {
	CONTAINER_EPHEMERAL = 1 << 0,  /* nothing is synced: a reboot forgets it (run --rm) */
	CONTAINER_NO_OVERLAY = 1 << 1, /* no upper/ and work/ (run --rootfs) */
};

struct container_new {
	const char *id;	    /* from container_dir_new_id */
	const char *name;   /* NULL: none; otherwise [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
	const char *config; /* config.json */
	size_t config_len;
	unsigned flags;
};

struct container_dir {
	char id[CONTAINER_ID_LEN + 1];
	int fd; /* of the directory; -EBADF when not open */
};

#define CONTAINER_DIR_INIT   \
	{                    \
		.fd = -EBADF \
	}

/* Closes the descriptor: a lock held through it is released. */
void container_dir_done(struct container_dir *dir);
DEFINE_AUTO(container_dir, struct container_dir, container_dir_done)

void container_dir_new_id(char ret[CONTAINER_ID_LEN + 1]);

/* -ERR_USAGE unless docker would take it as a name. */
int container_dir_check_name(const char *name, struct err *err) must_check;

/* The directory comes back open and locked. -ERR_EXISTS when the name is taken. */
int container_dir_create(struct store *s, const struct container_new *args,
	struct container_dir *ret, struct err *err) must_check;

/*
 * Which container is meant: a full id, else a name, else an id's unique beginning.
 * -ERR_NOT_FOUND, -ERR_USAGE when the beginning fits several. Takes no lock.
 */
int container_dir_find(struct store *s, const char *name_or_id, char ret_id[CONTAINER_ID_LEN + 1],
	struct err *err) must_check;

/* Open without locking. -ERR_NOT_FOUND. */
int container_dir_open(
	struct store *s, const char *id, struct container_dir *ret, struct err *err) must_check;

/*
 * Become its keeper: exclusive flock. -ERR_WRONG_STATE when somebody is (after a fifth of a second, so
 * that another command's glance does not count). -ERR_NOT_FOUND when it was removed meanwhile.
 */
int container_dir_lock(struct store *s, struct container_dir *dir, struct err *err) must_check;
void container_dir_unlock(struct container_dir *dir);

/*
 * Does somebody hold the lock? 1 or 0. Ask only when the recorded state says that it lives: asking
 * takes the lock for a moment. Not for the holder itself.
 */
int container_dir_is_alive(const struct container_dir *dir, struct err *err) must_check;

/* It was made with CONTAINER_EPHEMERAL: once its maker has gone, nobody wants it. */
bool container_dir_is_ephemeral(const struct container_dir *dir);

/* Its maker ends, and it is to stay: synced, and ephemeral no longer (create --rm). */
int container_dir_keep(
	struct store *s, const struct container_dir *dir, struct err *err) must_check;

/* Ids of all containers, without locks, in no order; strv_free. */
int container_dir_list(struct store *s, char ***ret_ids, struct err *err) must_check;

/* config.json, state.json or another small file of the directory. -ENOENT when absent. */
int container_dir_read(const struct container_dir *dir, const char *name, struct buf *ret,
	struct err *err) must_check;

/* Replace one in a single step; FILE_NO_SYNC of sys/file.h for ephemeral ones. */
int container_dir_write(const struct container_dir *dir, const char *name, const char *data,
	size_t len, unsigned file_flags, struct err *err) must_check;

/*
 * Remove it: the name's link (when it leads here), then the directory into trash/, then its
 * content. The lock must be held. `map` is the map its files were made with (NULL: detected when
 * needed). What cannot be deleted now stays in trash for the next sweep, which is no error.
 * dir is closed.
 */
int container_dir_remove(struct store *s, struct container_dir *dir, const char *name,
	const struct idmap *map, struct err *err) must_check;

/* What uses an image: one entry for each container made from it. */
struct container_use {
	char id[CONTAINER_ID_LEN + 1];
	char *name;	/* NULL when it has none */
	char *image_id; /* NULL for --rootfs */
	char **layers;
	bool alive;
};
struct container_uses {
	struct container_use *items;
	size_t n;
};
int container_dir_uses(struct store *s, struct container_uses *ret, struct err *err) must_check;
void container_uses_done(struct container_uses *u);
DEFINE_AUTO(container_uses, struct container_uses, container_uses_done)
