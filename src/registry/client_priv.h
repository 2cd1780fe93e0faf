/*
 * Inside of registry/client.h and registry/push.h. client.c owns the client: its life, which
 * endpoint it speaks to, and requests that answer challenges by themselves. client_pull.c and
 * client_push.c are the protocol on top, client_upload.c leads one blob through an upload.
 *
 *	op = client_op_new(c, "manifests", "latest", err);
 *	op->accept = ...;
 *	r = client_op_wait(op, &w, err);		or op->done = ...; client_op_send(op, err)
 */
#pragma once

#include <stdbool.h>

#include "codec/digest.h"
#include "registry/auth.h"
#include "registry/client.h"
#include "registry/http.h"

/* One request; sent again with an Authorization that answers a challenge. */
struct client_op {
	struct client_op *next, *prev;
	struct client *client;
	struct url url;
	enum http_method method;
	const char *scope; /* borrowed, or own_scope; client_op_new: to pull */
	char *own_scope;
	const char *accept, *content_type;   /* borrowed, for as long as the op lives */
	char content_range[HTTP_RANGE_SIZE]; /* "" = none */
	const void *body;		     /* borrowed, likewise */
	size_t body_len;
	struct http_file file; /* a body from a file: len > 0 */
	uint64_t offset, size, max_body;
	unsigned flags;
	int64_t delay_ns;
	struct http_sink sink;
	struct http_transfer *transfer;
	char *sent; /* Authorization of the request under way */
	unsigned challenges;
	bool no_challenge; /* a 401 is an answer like any other */
	bool anonymous;	   /* no credential goes along, wherever it goes */
	int refused;	   /* what a refusal without a challenge is, unless the ping has one */
	struct err refusal;
	/* As http_request.done; the op is freed behind it. */
	void (*done)(void *ctx, const struct http_response *response, int r, const struct err *err);
	void *ctx;
};

struct client {
	struct http *http;
	struct auth *auth;
	struct tls_options tls;
	unsigned retries, retry_delay_ms;
	char *domain; /* as the reference has it: names certs.d, credentials and messages */
	char *path;
	char *scope;	  /* to pull */
	char *push_scope; /* to pull and push */
	struct url base;  /* https://host:port/ */
	bool decided;	  /* base.https is final */
	bool insecure;
	bool warned;
	bool one_try;  /* of what is waited for */
	bool borrowed; /* http is another client's */
	struct client_op *ops;
};

/* https or plain http: asked once, where the registry may be either. Waits. */
int client_decide_endpoint(struct client *c, struct err *err) must_check;

/* GET /v2/<path>/<kind>/<name>. NULL: err says why. The client owns it. */
struct client_op *client_op_new(
	struct client *c, const char *kind, const char *name, struct err *err) must_check;

/* Any URL: credentials go with it only to the registry's own origin. Never NULL. */
struct client_op *client_op_for_url(struct client *c, const struct url *url) must_check;

/* Returns at once; `done` is called from client_poll. On failure the op is the caller's to free. */
int client_op_send(struct client_op *op, struct err *err) must_check;

/* No done function is called. */
void client_op_free(struct client_op *op);

/* What came of a request that was waited for. */
struct client_wait {
	int status;	      /* 0: no answer */
	struct digest digest; /* Docker-Content-Digest, when it is one */
	bool encoded;	      /* a Content-Encoding that nobody asked for */
	char *content_type;   /* without parameters, lower case; NULL: none */
	char *link;	      /* the header Link; NULL: none */
	char *code;	      /* registry's code of an error ("MANIFEST_UNKNOWN"); NULL: none */
	char *bytes;	      /* of a success; NUL behind */
	size_t len;
	struct client *client; /* private, as what follows */
	struct err *err;
	int r;
	bool done;
};
void client_wait_done(struct client_wait *w);
DEFINE_AUTO(client_wait, struct client_wait, client_wait_done)

/*
 * Send and wait; a status that is not 2xx is an error (client_status_error). *w has what it can
 * have in either case. Frees the op.
 */
int client_op_wait(struct client_op *op, struct client_wait *w, struct err *err) must_check;

/* An answer that is not the one hoped for: -ERR_NOT_FOUND, -ERR_AUTH, -ERR_NETWORK ... */
int client_status_error(
	const struct client *c, const struct http_response *response, struct err *err);
