/*
 * Unpacked layers: layers/ID/{fs/,meta.json}, read-only and immutable once visible. fs/ is ONE
 * layer's difference, ready for overlay (whiteouts are character devices 0:0, opaque directories
 * carry user.overlay.opaque). ID is "<chain id, 64 hex>.<key of the owner map>" (userns/idmap.h).
 *
 *	r = layer_begin(s, id, LAYER_WAIT, &txn, err);
 *	if (r == 1) ...                         somebody has made it meanwhile
 *	fill layer_txn_tree(txn); put other files of the layer beside it in layer_txn_dir(txn)
 *	r = layer_commit(txn, json, len, err);  visible; txn is gone in every case
 *
 * Two processes never unpack the same layer at once: the second waits, or asks to be told (-EAGAIN).
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"
#include "store/store.h"

#define LAYER_ID_SIZE 88

struct layer_txn;

enum layer_flags {
	LAYER_WAIT = 0,
	LAYER_NOWAIT = 1 << 0,
};

/*
 * Chain ids of a stack of diff ids, bottom first: chain[0] = diff[0],
 * chain[n] = sha256("<chain[n-1]> <diff[n]>") (OCI image spec, config.md, "Layer ChainID").
 */
void layer_chain_ids(const struct digest *diff_ids, size_t n, struct digest *ret_chain_ids);

/* "<hex>.<map key>". */
void layer_make_id(const struct digest *chain_id, const char *map_key, char ret[LAYER_ID_SIZE]);

/* 1 or 0. */
int layer_has(struct store *s, const char *id, struct err *err) must_check;

/*
 * Open fs/ for reading, with a shared flock that keeps garbage collection away as long as the
 * descriptor (or an inherited copy) is open. -ERR_NOT_FOUND. The caller closes *ret_fd.
 */
int layer_open_fs(struct store *s, const char *id, int *ret_fd, struct err *err) must_check;

/* A file that lies beside the tree ("owners"), for reading; -ERR_NOT_FOUND. The caller closes it. */
int layer_open_file(
	struct store *s, const char *id, const char *name, int *ret_fd, struct err *err) must_check;

/* meta.json of a layer; -ERR_NOT_FOUND. */
int layer_read_meta(struct store *s, const char *id, struct buf *ret, struct err *err) must_check;

/*
 * The record of true owners that a layer of a single map has beside fs/ (image/owners.h).
 * -ERR_NOT_FOUND. The caller closes *ret_fd.
 */
int layer_open_owners(struct store *s, const char *id, int *ret_fd, struct err *err) must_check;

/* 0: *ret is the caller's to fill. 1: the layer exists. -EAGAIN: another process is at it. */
int layer_begin(struct store *s, const char *id, unsigned flags, struct layer_txn **ret,
	struct err *err) must_check;

int layer_txn_tree(const struct layer_txn *txn); /* the empty fs/, mode 0755, open for reading */
int layer_txn_dir(const struct layer_txn *txn);	 /* its parent, for files beside it */

/* Write meta.json and publish. Frees txn in every case. */
int layer_commit(
	struct layer_txn *txn, const char *meta, size_t meta_len, struct err *err) must_check;

/* Throw the tree away (through trash/). Frees txn. */
void layer_abort(struct layer_txn *txn);
DEFINE_AUTO_PTR(layer_txn, struct layer_txn, layer_abort)
