/*
 * Layers (and a container's writable one) as the one tree that overlay would show, without
 * mounting anything: what `export`, `commit` and `cp` read. Names come sorted bytewise, a
 * directory before what is in it; whiteouts and what they hide do not come at all.
 *
 *	AUTO(tree_walk) struct tree_walk *w = tree_walk_new(layers, n);
 *	while ((r = tree_walk_next(w, &e, err)) > 0) ...
 *
 * Everything is reached by descriptors, without following a link and without crossing a mount. Run
 * it where the files' ids mean something: in a helper inside the container's map
 * (userns/userns.h). Few descriptors are open at a time, however deep the tree is. What vanishes
 * meanwhile (a running container's files do) is left out.
 *
 * With a single map the files on disk are all the caller's: true owners, modes and devices are taken
 * from what the extractor recorded (image/owners.h). A file that overlay copied up keeps its
 * owner, and its recorded mode unless it was changed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "image/owners.h"

struct tree_layer {
	int fd;			     /* its root directory; O_PATH will do */
	const struct owners *owners; /* of a single map; NULL: there are none */
	bool writable;		     /* a container's own: it holds copies of lower files */
};

struct tree_entry {
	const char *path; /* relative, no slash at either end */
	struct stat st;	  /* with the true owner, mode and device */
	size_t layer;	  /* where it is */
	int fd;		  /* O_PATH; -EBADF for a device that is only recorded */
};

struct tree_walk;

/* layers: top first; they must outlive the walk. */
struct tree_walk *tree_walk_new(const struct tree_layer *layers, size_t n) must_check;
void tree_walk_free(struct tree_walk *w);
DEFINE_AUTO_PTR(tree_walk, struct tree_walk, tree_walk_free)

/* 1 and the next entry, valid until the next call; 0 at the end. The root itself is none. */
int tree_walk_next(struct tree_walk *w, struct tree_entry *ret, struct err *err) must_check;
