/*
 * Layers in the form in which they travel: packed with gzip or zstd, the same bytes every time.
 * A process of its own does the work, with no descriptor but the two blobs and no right to do
 * anything else, so that several layers use several cores and one that is damaged does no harm.
 * What came out is remembered (store/packed.h).
 *
 * Hold a lease (store_lease_begin) until something refers to the packed blob.
 *
 *	r = layer_packed(s, &plain, MEDIA_GZIP, &packed, err);		waits
 *
 *	r = layer_pack_known(s, &how, &digest, &size, err);		or step by step
 *	if (r == 0)
 *		r = layer_pack_begin(s, &how, &job, err);
 *	poll layer_pack_pollfd(job) for POLLIN, then r = layer_pack_read(job, &done, err);
 *	if (r == 1)
 *		r = layer_pack_finish(job, &digest, &size, err);
 */
#pragma once

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/manifest.h"
#include "codec/media.h"
#include "store/store.h"

struct layer_pack;

struct layer_pack_how {
	const struct digest *source;   /* a blob of the store, packed or not */
	enum media_compression format; /* MEDIA_GZIP or MEDIA_ZSTD */
	int level;		       /* as compress_check_level gives it */
};

/* 1 with what it gives, 0 when nobody has packed it yet. The blob need not be here. */
int layer_pack_known(struct store *s, const struct layer_pack_how *how, struct digest *ret,
	uint64_t *ret_size, struct err *err) must_check;

/* Strings and *source must outlive the job. -ERR_NOT_FOUND: the source is not here. */
int layer_pack_begin(struct store *s, const struct layer_pack_how *how, struct layer_pack **ret,
	struct err *err) must_check;
int layer_pack_pollfd(const struct layer_pack *job);

/* Readable: bytes of the source that are done so far; 1 when it has ended, else 0. */
int layer_pack_read(struct layer_pack *job, uint64_t *ret_done, struct err *err) must_check;

/* Publish the blob and remember it. The job is gone in every case. */
int layer_pack_finish(
	struct layer_pack *job, struct digest *ret, uint64_t *ret_size, struct err *err) must_check;
void layer_pack_abort(struct layer_pack *job);
DEFINE_AUTO_PTR(layer_pack, struct layer_pack, layer_pack_abort)

/*
 * The layer `plain`, packed as `want` (at the default level) and in the store; *ret is the
 * caller's: OCI's type for it, digest, size. What is packed so already is only copied.
 */
int layer_packed(struct store *s, const struct descriptor *plain, enum media_compression want,
	struct descriptor *ret, struct err *err) must_check;

/* How a blob is packed, by its first bytes. */
int layer_blob_sniff(struct store *s, const struct digest *blob, enum media_compression *ret,
	struct err *err) must_check;
