/*
 * Inside of image/pull.h. pull.c runs the steps, pull_plan.c turns a reference into a list of
 * layers, pull_layer.c leads one layer from descriptor to layers/ID, pull_transfer.c runs many.
 */
#pragma once

#include "base/hash.h"
#include "codec/image_config.h"
#include "codec/manifest.h"
#include "image/layer_unpack.h"
#include "image/pull.h"
#include "store/blob.h"
#include "store/ingest.h"
#include "store/store.h"

/* Bytes are gathered before they are hashed and written: TLS delivers 16 KiB at a time. */
#define PULL_GATHER (256 * 1024)

/* The disk writes while the processor inflates: the one sync at the end is shorter. */
#define PULL_WRITEBACK (8 * 1024 * 1024)

enum pull_state {
	PULL_TODO,
	PULL_BUSY, /* another process (or another layer of this pull) has the blob or the layer */
	PULL_FETCH,
	PULL_UNPACK,
	PULL_DONE,
};

struct pull;

struct pull_layer {
	struct pull *pull;
	size_t index;
	const struct descriptor *blob;
	enum pull_state state;
	bool restarted;	    /* a wrong digest has been answered by a second download */
	bool wants_parents; /* unpack only when all layers below are there */

	struct ingest *ingest; /* while the blob is being fetched */
	struct client_blob *transfer;
	struct hash *hash;
	uint64_t written;    /* bytes hashed and in the file */
	uint64_t on_its_way; /* bytes that the disk has been told to write */
	uint64_t skip;	     /* bytes of the stream that are there already: Range was ignored */
	char *gathered;	     /* PULL_GATHER */
	size_t n_gathered;
	struct layer_unpack *unpack; /* NULL: the layer exists, only its blob is missing */

	/* Why the download failed, told by its done function. */
	int failure;
	struct err err;
};

struct pull {
	struct store *store;
	struct reference ref; /* what will be set: without tag when there is a digest */
	const struct pull_options *options;
	struct client *client;
	struct platform platform;
	struct idmap map;

	struct image_record record; /* its digests; filled by the plan */
	struct manifest manifest;
	struct image_config config;
	struct digest *chain_ids;
	struct pull_layer *layers;
	size_t n_layers;
};

/* --- pull_plan.c --- */

/*
 * 1 when the reference is in the store and the registry's tag has not moved, with p->record
 * filled; else 0.
 */
int pull_is_current(struct pull *p, struct err *err) must_check;

/* Fetch and store manifest and config, list the layers; present ones are PULL_DONE. */
int pull_make_plan(struct pull *p, struct err *err) must_check;

/* --- pull_layer.c --- */

/*
 * Take the locks and begin to download and to unpack. Returns 0, also when somebody else is at it
 * (state PULL_BUSY).
 */
int pull_layer_start(struct pull_layer *l, struct err *err) must_check;

/* After each poll: pass on what came, notice the end of the download. */
int pull_layer_advance(struct pull_layer *l, struct err *err) must_check;

/* The extractor's descriptor is readable. */
int pull_layer_unpacked(struct pull_layer *l, struct err *err) must_check;

/* Stop everything; what was fetched stays for the next pull. */
void pull_layer_abort(struct pull_layer *l);

/* Tell who watches what this layer does now. */
void pull_layer_report(struct pull_layer *l, enum pull_phase phase);

/* --- pull_transfer.c --- */

int pull_transfer(struct pull *p, struct err *err) must_check;
