/*
 * config.toml: what the owner of the machine or of the store wants of it.
 *
 *	[store]
 *	durability = "full"	# or "fast": images are not synced when they are pulled
 *	max-size = "20g"	# of images; the least recently used ones go first
 *
 * /etc/proa/config.toml is read first, then $XDG_CONFIG_HOME/proa/config.toml (~/.config), whose
 * keys win. A file that is not there says nothing. A key that is not known is an error: a typing
 * mistake must not turn a limit off.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum store_durability {
	STORE_FULL, /* a name is visible once its content is on the disk */
	STORE_FAST, /* ... is complete; after a crash of the machine it is verified */
};

struct store_config {
	enum store_durability durability;
	uint64_t max_size; /* bytes; 0: no limit */
};

/* -ERR_FORMAT with file and line. */
int store_config_load(struct store_config *ret, struct err *err) must_check;

/* One file's text over what ret holds; `name` is for messages. */
int store_config_parse(const char *text, size_t len, const char *name, struct store_config *ret,
	struct err *err) must_check;
