/*
 * The push half of the distribution protocol (OCI distribution-spec, "Push"; registry.md 4), on
 * the same client as the pull half: blobs from files, then manifests.
 *
 * A blob that the repository has is not sent; one that another repository of the registry has is
 * mounted from there; else it is sent in one PUT, or, where the registry or a proxy before it
 * refuses so much at once, in chunks by PATCH. What breaks is continued where the registry says it
 * stands, or begun again; a token that ran out is fetched anew. The bytes are not hashed here: the
 * caller vouches for digest and size, and the registry compares.
 *
 *	client_upload(c, &request, &u, err);		returns at once; any number
 *	while (...)
 *		client_poll(c, NULL, 0, -1, err);	calls progress and done functions
 *	client_put_manifest(c, "1.2", &manifest, err);	waits
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "registry/client.h"

struct client_upload;

enum client_uploaded {
	CLIENT_EXISTED, /* the repository had it */
	CLIENT_MOUNTED, /* taken from another repository */
	CLIENT_SENT,
};

/* Everything but the strings and *digest is copied; these must outlive the upload. */
struct client_upload_request {
	const struct digest *digest;
	uint64_t size;
	int fd;		  /* regular file; -EBADF: not at hand, it has to be there already */
	const char *from; /* path of another repository that may have it, or NULL */
	/* Bytes that are on their way; may go back when something has to be sent again. */
	void (*progress)(void *ctx, uint64_t sent);
	/* Once, from client_poll. r < 0: err says why; else `how` tells what was needed. */
	void (*done)(void *ctx, enum client_uploaded how, int r, const struct err *err);
	void *ctx;
};

/*
 * The upload belongs to the client and is gone once done was called. Kinds that done may get:
 * -ERR_AUTH, -ERR_NETWORK, -ERR_LIMIT (too big for the registry), -ERR_NOT_FOUND (no bytes at hand
 * and not there), -ERR_DIGEST (the registry got other bytes), -ERR_DENIED.
 */
int client_upload(struct client *c, const struct client_upload_request *q,
	struct client_upload **ret, struct err *err) must_check;

/* No done function is called. */
void client_upload_cancel(struct client_upload *u);

/* 1 when the repository has this manifest; 0 when not, or when it does not tell. Waits. */
int client_has_manifest(struct client *c, const struct digest *digest, struct err *err) must_check;

struct client_put {
	const char *media_type;
	const void *bytes;
	size_t len;
};

/*
 * Store a manifest or index under a tag or under its own digest. The digest that the registry
 * names has to be that of the bytes (-ERR_DIGEST). -ERR_NOT_FOUND: it says that something which
 * the manifest names is missing; -ERR_UNSUPPORTED: it does not take this kind of manifest;
 * -ERR_AUTH, -ERR_NETWORK.
 */
int client_put_manifest(struct client *c, const char *tag_or_digest, const struct client_put *q,
	struct err *err) must_check;
