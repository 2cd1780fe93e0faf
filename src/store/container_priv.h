/*
 * Shared by container_dir.c and container_name.c: where a container lies, and its name's link.
 */
#pragma once

#include <stdbool.h>

#include "store/container_dir.h"
#include "store/store_priv.h"

/* "containers/ID", or "containers/.ID" while it is being made. */
void container_path(const char *id, bool complete, char ret[STORE_PATH_SIZE]);

/* Take a name for an id. -ERR_EXISTS with docker's words when a container has it. */
int container_name_claim(
	struct store *s, const char *name, const char *id, struct err *err) must_check;

/*
 * Give it back, if it leads to this id. Call it while the directory exists: nobody replaces the
 * link then, so that no lock is needed.
 */
void container_name_release(struct store *s, const char *name, const char *id);

/*
 * Does names/NAME lead to no container, complete or being made? Ask under the exclusive store lock.
 * Then it can be removed.
 */
bool container_name_is_void(struct store *s, const char *name);
void container_name_remove(struct store *s, const char *name);

/* Is names/NAME the link of this container? */
bool container_name_leads_to(struct store *s, const char *name, const char *id);
