/*
 * Mode, owner and time of a container's "/". Overlay shows those of the writable layer's own
 * directory, so a new one gets what the image says: the attributes of the topmost layer that has an
 * entry for its root at all ("rootImplied" in the layer's meta.json, image/layer_unpack.h).
 */
#pragma once

#include "base/err.h"
#include "container/container.h"
#include "store/store.h"
#include "userns/idmap.h"

/* c is a new container with layers, open and locked. An image without any such entry: nothing. */
int root_attributes_copy(struct store *s, const struct container *c, const struct idmap *map,
	struct err *err) must_check;
