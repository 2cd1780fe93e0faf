/* True owners for the walk: tree_owner.c. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "image/tree_walk.h"

/* A file with several names has its line under one of them: inode -> line, made when needed. */
struct linked_owner {
	ino_t ino;
	const struct owner *owner;
};

struct owner_index {
	struct linked_owner *v;
	size_t n, cap;
	bool made;
	const struct owner **devices; /* by directory, then by name */
	size_t n_devices, cap_devices;
};

/* Find the devices among a layer's owners (NULL: there are none). */
void owner_index_init(struct owner_index *x, const struct owners *o);
void owner_index_done(struct owner_index *x);

/* What path of this layer was in the archive: changes st, which is of the file on disk. */
void tree_owner_apply(const struct tree_layer *layer, struct owner_index *index, const char *path,
	struct stat *st);

/* The recorded devices that are directly in `dir` ("" is the root): each goes to fn. */
typedef void (*tree_device_fn)(void *arg, const char *name, const struct owner *device);
void tree_owner_devices(const struct owner_index *x, const char *dir, tree_device_fn fn, void *arg);

/* st of a device that is only recorded. */
void tree_owner_device_stat(const struct owner *device, struct stat *ret);
