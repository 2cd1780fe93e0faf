/*
 * `proa export`: a container's file system as a tar, running or stopped. It is read from the
 * layers and the writable part by a helper inside the container's id map: volumes and other mounts
 * are not in it, true owners are.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "sys/outfile.h"
#include "userns/idmap.h"

struct container_export_result {
	uint64_t entries;
	uint64_t sockets; /* left out: a tar cannot hold them */
	uint64_t changed; /* files that shrank while they were read */
};

/*
 * Write all of it to out, which the caller commits. -ERR_NOT_FOUND "No such container: x", also
 * when it was removed meanwhile; -ERR_WRONG_STATE when its files belong to another id map.
 */
int container_export(struct store *s, const char *name_or_id, const struct idmap *map,
	struct outfile *out, struct container_export_result *ret, struct err *err) must_check;
