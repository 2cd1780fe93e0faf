/*
 * Is what lies in the store what its names say? This module looks at blobs, the frames of layers,
 * container directories, names, temporary and stray files; what an image needs, and whether a
 * layer's files are those of its blob, is image/check.h, which calls this one.
 *
 *	AUTO(check) struct check c = { .store = s, .flags = CHECK_DEEP };
 *	r = check_store(&c, err);
 *	for each of c.items: thing, problem, cure
 *
 * Works while others use the store: what they remove meanwhile is no finding. With CHECK_REPAIR the
 * things that can be made again are moved out of the way; a container's files are never touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "store/store.h"

enum check_flags {
	CHECK_DEEP = 1 << 0,   /* read every blob and compare its digest */
	CHECK_REPAIR = 1 << 1, /* remove what is damaged, stray or left over */
};

struct check_finding {
	char *thing;   /* "blob sha256:..." */
	char *problem; /* what is wrong with it */
	char *cure;    /* a command line, or what else to do; NULL once repaired */
	bool repaired;
};

struct check {
	struct store *store;
	unsigned flags;
	struct check_finding *items;
	size_t n, cap;
	char **bad_blobs; /* "sha256:..." whose bytes are wrong; gone after a repair */
	char **trashed;	  /* names in trash/, to be deleted when the lock is gone */
	size_t n_blobs, n_layers, n_images, n_containers; /* that were looked at */
};

void check_done(struct check *c);
DEFINE_AUTO(check, struct check, check_done)

/* Add one finding; strings are copied, control characters in them replaced. */
void check_found(struct check *c, const char *thing, const char *cure, const char *fmt, ...)
	format_printf(4, 5);

/* What was found last has been repaired. */
void check_repaired(struct check *c);

/*
 * Everything that this module looks at. Sweeps first, so that what dead processes left is no
 * finding. Fails only when the store itself cannot be read.
 */
int check_store(struct check *c, struct err *err) must_check;

/* Move a part of the store into trash/ and remember it for check_empty_trash. */
int check_discard(struct check *c, const char *store_relative_path, struct err *err) must_check;
void check_empty_trash(struct check *c);

/*
 * The same for layers/ID, under either name. The store lock has to be held exclusively.
 * -ERR_IN_USE: a container runs on it.
 */
int check_discard_layer(struct check *c, const char *id, struct err *err) must_check;

/* All of bad_blobs. The store lock has to be held exclusively. */
int check_discard_blobs(struct check *c, struct err *err) must_check;
