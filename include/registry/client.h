/*
 * The pull half of the distribution protocol (OCI distribution-spec, "Pull") against one
 * repository: which endpoint, manifests with their bytes verified, blobs into a sink.
 *
 * Knows registries, nothing of the store: blob bytes go into functions that it is given.
 * docker.io is spoken to at registry-1.docker.io. Loopback registries and --tls-verify=false are
 * asked by https without verification first and by plain http when that does not answer.
 *
 *	client_new(&options, &reference, &c, err);
 *	client_manifest(c, "latest", &m, err);		waits
 *	client_blob(c, &blob, &b, err);			returns at once; any number
 *	while (...)
 *		client_poll(c, fds, n, -1, err);	calls the sinks
 *	client_free(c);
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/reference.h"
#include "registry/auth.h"
#include "registry/http.h"

#define CLIENT_MAX_MANIFEST (4 * 1024 * 1024)
#define CLIENT_MAX_CONFIG   (8 * 1024 * 1024)

struct client;
struct client_blob;

/* Strings must outlive the client. */
struct client_options {
	enum tls_mode tls;
	const char *cert_dir;
	const char *authfile;
	const struct credentials *credentials;
	/*
	 * Share the connections and the loop of this client, which has to outlive the new one: polling
	 * any of them moves the transfers of all. NULL: alone.
	 */
	struct client *beside;
	bool one_try;	  /* waited-for requests are not repeated: somebody else can be asked */
	bool login;	  /* for registry/login.h */
	unsigned retries; /* HTTP_RETRIES */
	unsigned retry_delay_ms; /* HTTP_RETRY_DELAY_MS */
	unsigned stall_seconds;	 /* HTTP_STALL_SECONDS */
};

#define CLIENT_OPTIONS_INIT                                                     \
	{                                                                       \
		.retries = HTTP_RETRIES, .retry_delay_ms = HTTP_RETRY_DELAY_MS, \
		.stall_seconds = HTTP_STALL_SECONDS                             \
	}

/* Connects to nothing yet. The reference's domain and path are copied. */
int client_new(const struct client_options *o, const struct reference *ref, struct client **ret,
	struct err *err) must_check;
void client_free(struct client *c);
DEFINE_AUTO_PTR(client, struct client, client_free)

struct client_manifest {
	char *bytes; /* exactly as served, NUL behind */
	size_t len;
	char *content_type;   /* without parameters, lower case; NULL when the server sent none */
	struct digest digest; /* of the bytes, computed here */
};

void client_manifest_done(struct client_manifest *m);
DEFINE_AUTO(client_manifest, struct client_manifest, client_manifest_done)

/*
 * Manifest or index by tag or digest ("sha256:..."). A digest asked for is compared with the
 * bytes; for a tag, a Docker-Content-Digest header that differs is an error. -ERR_NOT_FOUND,
 * -ERR_AUTH, -ERR_DIGEST, -ERR_LIMIT, -ERR_NETWORK.
 */
int client_manifest(struct client *c, const char *tag_or_digest, struct client_manifest *ret,
	struct err *err) must_check;

/*
 * The digest a tag points to now, by HEAD: costs nothing where pulls are counted.
 * Returns 0 when the registry does not tell (then ask for the manifest), 1 with *ret set.
 */
int client_head(struct client *c, const char *tag, struct digest *ret, struct err *err) must_check;

/*
 * One blob. `offset` bytes are there already (and hashed by the caller). size is exact.
 * Sink functions as in http.h; `begin` is called again when a try starts elsewhere.
 * done is called once; r == 0 means that exactly size bytes are there. The digest is the
 * caller's to compare: it hashes what it writes.
 */
struct client_blob_request {
	const struct digest *digest;
	uint64_t size;
	uint64_t offset;
	struct http_sink sink;
	void (*done)(void *ctx, int r, const struct err *err); /* ctx is sink.ctx */
};

/* The blob belongs to the client and is gone once done was called. */
int client_blob(struct client *c, const struct client_blob_request *q, struct client_blob **ret,
	struct err *err) must_check;

/*
 * The same from a place that the manifest names (`urls` of its descriptor), where the registry has
 * not got it. No credential goes along and no challenge is answered (CVE-2020-15157); a local
 * address is -ERR_DENIED unless the registry is at one.
 */
int client_blob_at(struct client *c, const char *url, const struct client_blob_request *q,
	struct client_blob **ret, struct err *err) must_check;
void client_blob_cancel(struct client_blob *b);

/* A whole small blob into memory, size and digest verified. The caller owns *ret (NUL behind). */
int client_blob_read(struct client *c, const struct digest *digest, uint64_t size, char **ret,
	struct err *err) must_check;

/* As http_poll. */
int client_poll(struct client *c, struct pollfd *extra, size_t n_extra, int timeout_ms,
	struct err *err) must_check;
