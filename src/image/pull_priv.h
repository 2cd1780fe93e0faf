/*
 * Inside of image/pull.h. pull.c runs the steps, pull_plan.c turns a reference into a list of
 * layers, pull_layer.c leads one layer from descriptor to layers/ID, pull_transfer.c runs many.
 * pull_source.c knows the endpoints (mirrors, then the registry): each question goes to the next one
 * where one has no answer.
 */
#pragma once

#include "base/hash.h"
#include "codec/image_config.h"
#include "codec/manifest.h"
#include "image/layer_unpack.h"
#include "image/pull.h"
#include "registry/registries.h"
#include "store/blob.h"
#include "store/ingest.h"
#include "store/store.h"

/* Bytes are gathered before they are hashed and written: TLS delivers 16 KiB at a time. */
#define PULL_GATHER (256 * 1024)

/* The disk writes while the processor inflates: the one sync at the end is shorter. */
#define PULL_WRITEBACK (8 * 1024 * 1024)

enum pull_state {
	PULL_PENDING,
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
	size_t n_urls;	/* places named by the manifest that were tried */
	size_t source;	/* that is asked for the blob */
	uint64_t tried; /* sources that did not have it, as bits */
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

struct pull_source {
	struct client *client;
	bool dead; /* a mirror that failed; never the registry itself */
};

struct pull {
	struct store *store;
	struct reference ref; /* what will be set: without tag when there is a digest */
	const struct pull_options *options;
	struct registry_endpoints endpoints;
	struct pull_source *sources; /* one for each endpoint */
	size_t n_sources, chosen;    /* chosen: it had the manifest, and is asked first */
	struct platform platform;
	struct idmap map;

	struct image_record record; /* its digests; filled by the plan */
	struct manifest manifest;
	struct image_config config;
	struct digest *chain_ids;
	struct pull_layer *layers;
	size_t n_layers;
};

/* --- pull_source.c --- */

/* A client for each endpoint of p->ref; nothing is asked yet. After a failure close them, too. */
int pull_sources_open(struct pull *p, struct err *err) must_check;
void pull_sources_close(struct pull *p);

/* As client_manifest: by digest, or what the user asked for (NULL), which settles p->chosen. */
int pull_ask_manifest(struct pull *p, const char *digest, struct client_manifest *ret,
	struct err *err) must_check;

/* As client_head, of what the user asked for. */
int pull_ask_head(struct pull *p, struct digest *ret, struct err *err) must_check;

/* As client_blob_read. */
int pull_ask_blob(
	struct pull *p, const struct descriptor *blob, char **ret, struct err *err) must_check;

/* Who is to be asked for this layer's blob now. */
struct client *pull_layer_client(struct pull_layer *l);

/* Ask somebody else from now on: false when everybody was asked. */
bool pull_layer_next_source(struct pull_layer *l);

/* After a failure: may another source do better? Then it is the layer's from now on. */
bool pull_layer_passes_over(struct pull_layer *l, int r, const struct err *why);

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
