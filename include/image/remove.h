/*
 * Removing images as `docker rmi` does: by a name, that name; by the last name or by an id, the
 * image with what only it uses. What containers use is in the way, and says so in docker's words.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

enum image_remove_flags {
	IMAGE_REMOVE_FORCE = 1 << 0,
	IMAGE_REMOVE_NO_PRUNE = 1 << 1,	 /* leave layers and blobs where they are */
	IMAGE_REMOVE_ALL_NAMES = 1 << 2, /* by id, although several repositories name it */
};

/*
 * `lines` receives "Untagged: ..." and "Deleted: ..." as they happened (strv, the caller's), also
 * before a failure. -ERR_NOT_FOUND, -ERR_IN_USE.
 */
int image_remove(struct store *s, const char *name, unsigned flags, char ***lines,
	struct err *err) must_check;

/*
 * Layers and blobs that no image and no container uses, such as those that were in use when their
 * image went.
 */
int image_remove_unused(struct store *s, struct err *err) must_check;
