/*
 * A container as `docker inspect` shows it: the same member names and shapes, for scripts.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

struct json; /* codec/json.h */

/* The caller frees *ret with json_free. -ERR_NOT_FOUND "No such container: x". */
int container_inspect(
	struct store *s, const char *name_or_id, struct json **ret, struct err *err) must_check;
