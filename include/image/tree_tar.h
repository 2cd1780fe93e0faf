/*
 * A merged tree (image/tree_walk.h) as a tar: `export`, and what `commit` and `cp` will need.
 *
 * Names have no "./" before them and directories a '/' behind, as docker writes them; hard links
 * are kept; owners are numbers, times whole seconds. Attributes: user.*, trusted.* and
 * security.capability, but none of overlay's. Sockets are left out. Two runs over the same tree
 * give the same bytes. Call it where the ids mean something, as tree_walk_next.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/tar_writer.h"
#include "image/tree_walk.h"

struct tree_tar_result {
	uint64_t entries;
	uint64_t sockets; /* left out */
	uint64_t changed; /* files that became shorter while they were read: zeros fill the rest */
};

/* Everything but the end of the archive, which is the caller's: tar_writer_finish. */
int tree_tar_write(const struct tree_layer *layers, size_t n, struct tar_writer *w,
	struct tree_tar_result *ret, struct err *err) must_check;
