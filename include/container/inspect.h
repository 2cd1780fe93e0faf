/*
 * A container as `docker inspect` shows it: the same member names and shapes, for scripts.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "container/config.h"
#include "store/store.h"
#include "userns/idmap.h"

struct json; /* codec/json.h */

/* The member Mounts of that document; the caller frees it. */
struct json *container_mounts(const struct container_config *c) must_check;

/*
 * What the container has written, and that with the files of its image, which count nothing when
 * the image has gone. Looks at every file of the container.
 */
struct container_size {
	uint64_t written, all;
};
int container_size(struct store *s, const struct container_config *c, const struct idmap *map,
	struct container_size *ret, struct err *err) must_check;

/* The caller frees *ret with json_free. -ERR_NOT_FOUND "No such container: x". */
int container_inspect(
	struct store *s, const char *name_or_id, struct json **ret, struct err *err) must_check;
