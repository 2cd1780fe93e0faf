/*
 * All containers with their states, read without locks: one that appears or goes meanwhile is
 * either in the list or not.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "container/container.h"
#include "container/state.h"
#include "store/store.h"

struct container_entry {
	struct container c;
	struct container_state state;
};

struct container_entries {
	struct container_entry *v; /* newest first */
	size_t n;
};

void container_entries_done(struct container_entries *l);
DEFINE_AUTO(container_entries, struct container_entries, container_entries_done)

/* Directories that cannot be read are left out with a warning. */
int container_list(struct store *s, struct container_entries *ret, struct err *err) must_check;
