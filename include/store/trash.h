/*
 * Deleting in two steps: a rename into trash/ makes a thing invisible at once (and works with no
 * byte and no inode free), then its content is removed. Trees that hold files of subordinate ids
 * are removed by a child inside the user namespace that owns them. What fails stays in trash/ for
 * the next store_sweep.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

/* Move "layers/X" (relative to the store) to trash/<random>; the new name goes to ret_name. */
#define TRASH_NAME_SIZE 33
int trash_move(struct store *s, const char *store_relative_path, char ret_name[TRASH_NAME_SIZE],
	struct err *err) must_check;

/* Delete one entry of trash/. map NULL: idmap_detect, only if it turns out to be needed. */
int trash_delete(
	struct store *s, const char *name, const struct idmap *map, struct err *err) must_check;

/* Both. Problems after the move are debug messages. */
int trash_remove(struct store *s, const char *store_relative_path, const struct idmap *map,
	struct err *err) must_check;

/* Delete all that is in trash/. */
void trash_empty(struct store *s, const struct idmap *map);
