/*
 * Inside of image/push.h. push.c runs the steps and puts manifests, push_plan.c says what is to be
 * done with each layer, push_transfer.c does it for many at once.
 */
#pragma once

#include "codec/manifest.h"
#include "codec/manifest_rewrite.h"
#include "image/layer_blob.h"
#include "image/push.h"
#include "registry/push.h"
#include "store/blob.h"
#include "store/imagedb.h"
#include "store/store.h"

/* One destination. */
struct push {
	struct store *store;
	const struct push_options *options;
	const struct reference *to;
	struct client *client;
	struct image_list records; /* all images: who serves what */
	size_t announced;	   /* layers, by push_progress.begin */
	bool reached;		   /* the registry takes what we send */
};

enum push_state { PUSH_PENDING, PUSH_PACK, PUSH_UPLOAD, PUSH_DONE };

struct push_image;

/* A layer, or (behind them) the config. */
struct push_item {
	struct push_image *image;
	size_t index;
	const struct descriptor *blob; /* as the store has it */
	enum push_state state;
	bool is_config;
	bool foreign;			/* nothing is sent */
	const struct push_item *twin;	/* an earlier layer with the same blob */
	enum media_compression packing; /* what is pushed is packed with */
	bool repack;
	bool packed; /* digest and size are those of the packed blob */
	struct digest digest;
	uint64_t size;

	struct layer_pack *job;
	struct client_upload *upload;
	int fd;
	enum client_uploaded how;
	const char *from; /* repository that is asked for a mount */
	bool ended;	  /* done was called */
	int failure;
	struct err err;
};

/* One manifest. */
struct push_image {
	struct push *push;
	struct digest digest; /* in the store */
	char *bytes;
	size_t len;
	struct manifest manifest;
	int level;
	bool docker; /* format that is pushed */
	struct push_item *items;
	size_t n_items; /* layers and the config */
	size_t first;	/* number of its first layer in progress */
	char **sources; /* strv of "<digest> <repository>": where blobs can be mounted from */
};

/* --- push_plan.c --- */

/*
 * Read the manifest, decide about each layer. `as_is`: no byte of it may change. *i is empty
 * before; it does not move afterwards, and push_image_done is called in every case.
 */
int push_plan(struct push *p, const struct digest *manifest, bool as_is, struct push_image *i,
	struct err *err) must_check;
void push_image_done(struct push_image *i);
DEFINE_AUTO(push_image, struct push_image, push_image_done)

/* 1 when the manifest and everything it names is in the store (foreign layers apart), else 0. */
int push_is_whole(const struct push_image *i, struct err *err) must_check;

/* Is it the manifest's own bytes that are pushed? */
bool push_is_unchanged(const struct push_image *i);

/* The manifest that is pushed, after the transfer; the caller frees it. */
int push_manifest_text(
	const struct push_image *i, char **ret, size_t *ret_len, struct err *err) must_check;

/* --- push_transfer.c --- */

/* All blobs of the image. */
int push_transfer(struct push_image *i, struct err *err) must_check;
