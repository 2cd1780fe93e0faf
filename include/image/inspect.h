/*
 * An image as `docker inspect` shows it: the same member names and shapes, for scripts.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"
#include "userns/idmap.h"

struct json; /* codec/json.h */

/* The caller frees *ret with json_free. -ERR_NOT_FOUND "No such image: x:latest". */
int image_inspect(struct store *s, const char *name, const struct idmap *map, struct json **ret,
	struct err *err) must_check;
