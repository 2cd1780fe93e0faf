/*
 * Pushing: from an image of the store to a registry.
 *
 *	manifest -> for each layer: is it there? mount it? else pack it (image/layer_blob.h) and
 *	send it -> config -> manifest, its bytes as they are unless something had to change
 *
 * An image that a registry serves keeps its manifest, byte for byte. One that was loaded or
 * imported with plain layers gets them packed, always to the same bytes, and what a layer became is
 * remembered: a second push sends nothing. A name whose image was pushed under that very name means
 * the pushed manifest from then on (docker's RepoDigests). Nothing is printed here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/media.h"
#include "codec/platform.h"
#include "codec/reference.h"
#include "registry/client.h"

struct store;

enum push_phase {
	PUSH_WAITING,
	PUSH_COMPRESSING, /* done and total are bytes of the plain layer */
	PUSH_SENDING,	  /* done and total are bytes on the wire */
	PUSH_SENT,
	PUSH_EXISTS,
	PUSH_MOUNTED, /* from the repository `from` */
	PUSH_FOREIGN, /* stays where its URL says */
};

struct push_event {
	size_t layer; /* counted from the first one that was announced */
	enum push_phase phase;
	uint64_t done, total;
	const char *from;
};

/* Any of these may be NULL. */
struct push_progress {
	/* n more layers (diff ids where they are known), before anything is sent. */
	void (*begin)(void *ctx, const struct digest *layers, size_t n);
	void (*layer)(void *ctx, const struct push_event *e);
	void *ctx;
};

enum push_format {
	PUSH_AS_IS, /* the image's own; docker's again where the registry takes no other */
	PUSH_OCI,
	PUSH_DOCKER,
};

#define PUSH_MAX_UPLOADS 5

/* Zeroes but for `client` are docker's behaviour. */
struct push_options {
	struct client_options client;
	const struct platform *platform; /* the image has to be for it; NULL: any */
	enum push_format format;
	enum media_compression compression; /* for what has to be packed; MEDIA_PLAIN: gzip */
	int level;			    /* 0: the default */
	bool force;			    /* pack again what is packed otherwise */
	unsigned max_uploads;		    /* 0: PUSH_MAX_UPLOADS */
	/* Paths of repositories of the same registry that may have the blobs (strv), or NULL. */
	char *const *mount_from;
	struct push_progress progress;
};

struct push_result {
	struct digest digest; /* of what the registry has now */
	uint64_t size;	      /* of that manifest */
};

/*
 * The image called `name` (or an id) to where `to` says: its tag, or by digest when it has none.
 * A manifest list is pushed as image_push_index does. -ERR_NOT_FOUND, -ERR_AUTH, -ERR_NETWORK,
 * -ERR_LIMIT, -ERR_UNSUPPORTED (the format cannot hold this image), -ERR_DIGEST. The caller adds
 * the image's name to messages.
 */
int image_push(struct store *s, const char *name, const struct reference *to,
	const struct push_options *o, struct push_result *ret, struct err *err) must_check;

/*
 * An index that is a blob of the store, after the images it lists. Those keep their bytes. One
 * that is not here, or not whole, has to be in the repository already.
 */
int image_push_index(struct store *s, const struct digest *index, const struct reference *to,
	const struct push_options *o, struct push_result *ret, struct err *err) must_check;
