/*
 * One layer on its way from a blob to layers/ID: the transaction of the store (store/layer.h), the
 * sandboxed extractor (image/unpack.h), the comparison of the diff id, meta.json.
 *
 *	r = layer_unpack_begin(s, &args, &job, err);	1: the layer exists, -EAGAIN: somebody is at it
 *	layer_unpack_more(job, bytes);			while the blob grows
 *	layer_unpack_end(job, size);
 *	poll layer_unpack_pollfd(job)			or just wait in finish
 *	r = layer_unpack_finish(job, err);		the layer is visible; job is gone
 *
 * meta.json: {"diffId", "chainId", "blob", "map", "entries", "tarBytes", "fileBytes",
 * "ownersRecorded", "devicesSkipped", "rootImplied"}; beside it the file "owners" (image/owners.h),
 * for a single map always.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/layer.h"

struct idmap;

struct layer_unpack_args {
	const struct digest *chain_ids; /* of the image, bottom first */
	size_t index;			/* the layer meant; those below it are its parents */
	const struct digest *diff_id;	/* that the config promises */
	const struct digest *blob;	/* digest of the blob, for meta.json; NULL: unknown */
	const struct idmap *map;
	int blob_fd;	/* readable by pread; reopened read-only, stays the caller's */
	unsigned flags; /* enum layer_flags */
};

struct layer_unpack;

/*
 * 0: running, *ret is the caller's. 1: the layer exists. -EAGAIN (LAYER_NOWAIT): another process
 * is at it. Parents that are not in the store yet are left out, see layer_unpack_lacks_parents.
 */
int layer_unpack_begin(struct store *s, const struct layer_unpack_args *args,
	struct layer_unpack **ret, struct err *err) must_check;

void layer_unpack_more(struct layer_unpack *u, uint64_t total);
void layer_unpack_end(struct layer_unpack *u, uint64_t total);
int layer_unpack_pollfd(const struct layer_unpack *u);

/*
 * Not all parents were there when it began: what depends on them (a hard link, a directory without
 * an entry) makes finish fail with -ERR_FORMAT then, and is no error of the image. Try again when the parents are there.
 */
bool layer_unpack_lacks_parents(const struct layer_unpack *u);

/* Wait, compare, publish. -ERR_DIGEST: not the promised diff id. Frees u in every case. */
int layer_unpack_finish(struct layer_unpack *u, struct err *err) must_check;

/* Kill the extractor, throw the tree away, free u. */
void layer_unpack_abort(struct layer_unpack *u);
DEFINE_AUTO_PTR(layer_unpack, struct layer_unpack, layer_unpack_abort)
