/*
 * A container as the other modules of this floor handle it: its directory and its configuration.
 *
 *	AUTO(container) struct container c = CONTAINER_INIT;
 *	r = container_open(s, "web", &c, err);
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "container/config.h"
#include "store/container_dir.h"
#include "store/store.h"
#include "userns/idmap.h"

struct container {
	struct container_dir dir;
	struct container_config config;
};

#define CONTAINER_INIT                    \
	{                                 \
		.dir = CONTAINER_DIR_INIT \
	}

/* Closes the directory, which releases a lock that is held through it. */
void container_done(struct container *c);
DEFINE_AUTO(container, struct container, container_done)

/* By name, id or an id's beginning; takes no lock. -ERR_NOT_FOUND "No such container: x". */
int container_open(
	struct store *s, const char *name_or_id, struct container *ret, struct err *err) must_check;

/* The one with exactly this id. */
int container_open_id(
	struct store *s, const char *id, struct container *ret, struct err *err) must_check;

/*
 * Files of the writable layer have owners that only the map they were made with can name.
 * -ERR_WRONG_STATE when this user has another one now.
 */
int container_check_map(
	const struct container_config *c, const struct idmap *map, struct err *err) must_check;
