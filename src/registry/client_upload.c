/*
 * One blob on its way into a registry. Each answer leads to the next step:
 *
 *	HEAD -> there already: done
 *	POST ?mount=&from= -> 201 done, 202 a session
 *	POST -> 202 a session, whose Location is new with each answer and used as it came
 *	PUT Location&digest= with all bytes -> done
 *	     413, 405: in chunks:  PATCH ... PATCH, then PUT without a body
 *	     broken: GET Location -> 204 and Range: go on by PATCH; else HEAD, and a new session
 *
 * Tries, pauses and the place to go on are decided here, not in http.c, which would send a body
 * to a session that has taken half of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "codec/registry_error.h"
#include "registry/client_priv.h"
#include "registry/http_priv.h"
#include "registry/push.h"

#define OCTETS	      "application/octet-stream"
#define WAIT_MAX_NS   (60 * NSEC_PER_SEC)
#define GOOD_PROGRESS (1024 * 1024) /* so much further makes a failure the first again */

/* Chunks of a continued upload, and what is tried in turn where bodies are limited. */
#define CHUNK_MAX     (64ULL << 20)
#define CHUNK_MIN     (1ULL << 20)
#define CHUNK_SMALLER 8

enum upload_step {
	UPLOAD_LOOK,
	UPLOAD_MOUNT,
	UPLOAD_BEGIN,
	UPLOAD_RENEW, /* a request without a body, so that the next has a fresh token */
	UPLOAD_WHOLE,
	UPLOAD_CHUNK,
	UPLOAD_CLOSE,
	UPLOAD_ASK,	   /* where does the session stand? */
	UPLOAD_LOOK_AGAIN, /* did the closing request get through after all? */
	UPLOAD_DROP,	   /* tell the registry to forget the session */
};

struct client_upload {
	struct client *client;
	struct client_upload_request q;
	struct client_op *op;
	enum upload_step step;

	struct url location;
	bool has_location;
	uint64_t offset;    /* bytes that the registry has */
	uint64_t sending;   /* bytes of the request under way */
	uint64_t best;	    /* the highest offset so far */
	uint64_t max_chunk; /* 0: no limit is known */
	uint64_t min_chunk;
	unsigned tries;
	bool known;	  /* the last request had an Authorization */
	int64_t pause_ns; /* before the next request */

	int failure; /* reported when the session is dropped */
	struct err err;
};

static void on_answer(
	void *ctx, const struct http_response *response, int r, const struct err *err);

static void free_upload(struct client_upload *u)
{
	if (u->op)
		client_op_free(u->op);
	url_done(&u->location);
	free(u);
}

void client_upload_cancel(struct client_upload *u)
{
	free_upload(u);
}

static void finish(struct client_upload *u, enum client_uploaded how, int r)
{
	u->q.done(u->q.ctx, how, r, &u->err);
	free_upload(u);
}

/* --- requests --- */

static const char *blob_name(const struct client_upload *u)
{
	return u->q.digest->text;
}

static void on_progress(void *ctx, uint64_t sent)
{
	struct client_upload *u = ctx;

	if (u->q.progress)
		u->q.progress(u->q.ctx, u->offset + sent);
}

static int send_step(struct client_upload *u, enum upload_step step, struct client_op *op)
{
	int r;

	u->step = step;
	op->done = on_answer;
	op->ctx = u;
	op->delay_ns = u->pause_ns;
	u->pause_ns = 0;
	r = client_op_send(op, &u->err);
	if (r < 0) {
		client_op_free(op);
		return r;
	}
	u->op = op;
	return 0;
}

static int look(struct client_upload *u, enum upload_step step)
{
	struct client_op *op = client_op_new(u->client, "blobs", blob_name(u), &u->err);

	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_HEAD;
	op->scope = u->client->push_scope;
	return send_step(u, step, op);
}

/* The registry reads the source's name out of the query: '/' stays as it is. */
static int mount_from(struct client_upload *u)
{
	struct client_op *op;
	autofree char *query = xasprintf("uploads/?mount=%s&from=%s", blob_name(u), u->q.from);

	op = client_op_new(u->client, "blobs", query, &u->err);
	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_POST;
	op->content_type = OCTETS;
	op->own_scope = xasprintf("%s repository:%s:pull", u->client->push_scope, u->q.from);
	op->scope = op->own_scope;
	return send_step(u, UPLOAD_MOUNT, op);
}

static int no_bytes(struct client_upload *u)
{
	return err_set(&u->err, ERR_NOT_FOUND, "blob %s is neither in the store nor at %s",
		blob_name(u), u->client->domain);
}

static int begin(struct client_upload *u)
{
	struct client_op *op;

	u->has_location = false;
	u->offset = 0;
	if (u->q.fd < 0)
		return no_bytes(u);
	op = client_op_new(u->client, "blobs", "uploads/", &u->err);
	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_POST;
	op->content_type = OCTETS;
	op->scope = u->client->push_scope;
	return send_step(u, UPLOAD_BEGIN, op);
}

/*
 * A request about the session itself. By HTTP/1.1: with HTTP/2 all uploads share one connection and
 * wait for each other's windows, and proxies reset streams whose bodies are long (registry.md 9.16).
 */
static struct client_op *session_op(struct client_upload *u, enum http_method method)
{
	struct client_op *op = client_op_for_url(u->client, &u->location);

	op->method = method;
	op->scope = u->client->push_scope;
	op->flags = HTTP_ONE_TRY | HTTP_VERSION_1;
	return op;
}

static void set_body(struct client_upload *u, struct client_op *op, uint64_t len)
{
	op->content_type = OCTETS;
	op->file = (struct http_file){
		.fd = u->q.fd,
		.offset = u->offset,
		.len = len,
		.progress = on_progress,
		.ctx = u,
	};
}

static int send_whole(struct client_upload *u)
{
	struct client_op *op = session_op(u, HTTP_PUT);

	url_add_query(&op->url, "digest", blob_name(u));
	u->sending = u->q.size;
	set_body(u, op, u->q.size);
	return send_step(u, UPLOAD_WHOLE, op);
}

static int send_chunk(struct client_upload *u)
{
	struct client_op *op = session_op(u, HTTP_PATCH);
	uint64_t left = u->q.size - u->offset, most = u->max_chunk ? u->max_chunk : CHUNK_MAX;

	u->sending = left < most ? left : most;
	set_body(u, op, u->sending);
	(void)snprintf(op->content_range, sizeof(op->content_range), "%llu-%llu",
		(unsigned long long)u->offset, (unsigned long long)(u->offset + u->sending - 1));
	return send_step(u, UPLOAD_CHUNK, op);
}

static int close_session(struct client_upload *u)
{
	struct client_op *op = session_op(u, HTTP_PUT);

	url_add_query(&op->url, "digest", blob_name(u));
	op->content_type = OCTETS;
	u->sending = 0;
	return send_step(u, UPLOAD_CLOSE, op);
}

static int ask(struct client_upload *u)
{
	return send_step(u, UPLOAD_ASK, session_op(u, HTTP_GET));
}

/*
 * The bytes of a session, all at once or by chunks, or there are none left. What is long is not
 * begun with a token that has run out: the refusal would cost all that was sent until it came.
 */
static int go_on(struct client_upload *u)
{
	if (u->known && !auth_header(u->client->auth, u->client->push_scope))
		return look(u, UPLOAD_RENEW);
	if (u->max_chunk == 0 && u->offset == 0)
		return send_whole(u);
	return u->offset < u->q.size ? send_chunk(u) : close_session(u);
}

/* --- answers --- */

/*
 * Where the session continues: relative or absolute, with its query. A registry behind a proxy
 * that ends TLS may name itself by http: it is meant by https (registry.md 4, 9.14).
 */
static int take_location(
	struct client_upload *u, const struct http_response *response, struct err *err)
{
	const char *text = http_header(response, "Location", 0);
	AUTO(url) struct url to = { 0 };
	int r;

	if (!text) {
		if (u->has_location)
			return 0;
		return err_set(err, ERR_NETWORK, "%s began an upload without saying where",
			u->client->domain);
	}
	r = url_resolve(response->url, text, &to, err);
	if (r < 0)
		return err_ctx(err, r, "place of the upload");
	if (response->url->https && !to.https && str_eq(to.host, response->url->host)) {
		to.https = true;
		to.port = response->url->port;
	}
	r = http_check_target(&u->client->base, response->url, &to, err);
	if (r < 0)
		return err_ctx(err, r, "place of the upload");
	url_done(&u->location);
	u->location = to;
	to = (struct url){ 0 };
	u->has_location = true;
	return 0;
}

/* "0-99": 100 bytes are there. "0-0" is what a fresh session says. -1: nothing that helps. */
static int64_t range_end(const struct http_response *response)
{
	const char *v = http_header(response, "Range", 0);
	const char *dash = v ? strchr(v, '-') : NULL;
	uint64_t end;

	if (!dash || parse_u64(dash + 1, INT64_MAX - 1, &end, NULL) < 0)
		return -1;
	return end == 0 ? 0 : (int64_t)end + 1;
}

static int64_t pause_of(const struct client_upload *u, const struct http_response *response)
{
	const char *v = http_header(response, "Retry-After", 0);
	int64_t ns = v ? http_retry_after_ns(v, clock_wall_ns()) : -1;

	return ns > 0 ? ns : http_retry_pause(u->tries, u->client->retry_delay_ms);
}

/* Another try, if there is one left: first find out where the registry stands. */
static int retry(struct client_upload *u, const struct http_response *response, int r)
{
	if (u->offset >= u->best + GOOD_PROGRESS)
		u->tries = 0;
	if (u->offset > u->best)
		u->best = u->offset;
	if (u->tries >= u->client->retries)
		return r;
	u->tries++;
	u->pause_ns = pause_of(u, response);
	if (u->pause_ns > WAIT_MAX_NS)
		return r;
	log_debug("blob %.19s: %s; trying again in %lld ms (%u)", blob_name(u), u->err.msg,
		(long long)(u->pause_ns / 1000000), u->tries);
	return u->has_location ? ask(u) : look(u, UPLOAD_LOOK_AGAIN);
}

static int refused(struct client_upload *u, const struct http_response *response)
{
	return client_status_error(u->client, response, &u->err);
}

/* Smaller pieces, as long as that is possible; then it is too big for good. */
static int too_big(struct client_upload *u)
{
	uint64_t tried = u->sending, next = CHUNK_MAX;

	while (next >= tried && next > CHUNK_MIN)
		next /= CHUNK_SMALLER;
	if (tried > CHUNK_MIN && next >= u->min_chunk) {
		u->max_chunk = next;
		log_debug("blob %.19s: refused by size, going on by %llu bytes", blob_name(u),
			(unsigned long long)next);
		return ask(u);
	}
	(void)!err_set(&u->err, ERR_LIMIT,
		"%s answered 413: it refuses a body of %llu bytes (the blob has %llu)",
		u->client->domain, (unsigned long long)tried, (unsigned long long)u->q.size);
	return err_hint(&u->err, -ERR_LIMIT,
		"the limit is the registry's or that of a proxy before it (client_max_body_size "
		"of nginx)");
}

/* The registry got other bytes than we have, which may come of a session that went wrong. */
static int is_mixed_up(struct client_upload *u, const struct http_response *response)
{
	struct registry_error e;

	registry_error_parse(buf_str(response->body), response->body->len, &e);
	return response->status == 400 && (u->tries > 0 || u->max_chunk) &&
	       (str_eq(e.code, "DIGEST_INVALID") || str_eq(e.code, "SIZE_INVALID") ||
		       str_eq(e.code, "BLOB_UPLOAD_INVALID"));
}

/* An answer to bytes that is no success. */
static int bytes_refused(struct client_upload *u, const struct http_response *response)
{
	bool gone = response->status == 404 || response->status == 410 || response->status == 416;
	int r;

	if (response->status == 413)
		return too_big(u);
	if ((response->status == 405 || response->status == 501) && u->max_chunk == 0) {
		u->max_chunk = CHUNK_MAX;
		return begin(u);
	}
	r = refused(u, response);
	if (is_mixed_up(u, response)) {
		u->has_location = false;
		return retry(u, response, r);
	}
	/* "See other": it was done, and the blob is elsewhere now (RFC 9110 15.4.4). */
	if (response->status == 303 && u->tries++ < u->client->retries) {
		u->has_location = false;
		return look(u, UPLOAD_LOOK_AGAIN);
	}
	return gone || http_is_transient(response->status) ? retry(u, response, r) : r;
}

static bool is_success(const struct http_response *response)
{
	return response->status >= 200 && response->status <= 299;
}

/* --- one function for each step; what it returns < 0 ends the upload --- */

static int after_look(struct client_upload *u, const struct http_response *response, int r)
{
	/* Redirected to where a HEAD is not allowed: it is there (registry.md 2.5). */
	bool elsewhere = !url_same_origin(response->url, &u->client->base);

	if (r == 0 && (response->status == 200 || (elsewhere && response->status == 403))) {
		finish(u, CLIENT_EXISTED, 0);
		return 0;
	}
	/* A token to push need not be one to pull: only a broken connection is an answer here. */
	if (r < 0 && r != -ERR_AUTH)
		return r;
	return u->q.from ? mount_from(u) : begin(u);
}

/* Whatever a mount fails of, the bytes can still be sent. */
static int after_mount(struct client_upload *u, const struct http_response *response, int r)
{
	if (r == 0 && response->status == 201) {
		finish(u, CLIENT_MOUNTED, 0);
		return 0;
	}
	if (r == 0 && response->status == 202 && take_location(u, response, NULL) >= 0)
		return u->q.fd >= 0 ? go_on(u) : no_bytes(u);
	return begin(u);
}

static void take_min_chunk(struct client_upload *u, const struct http_response *response)
{
	const char *v = http_header(response, "OCI-Chunk-Min-Length", 0);

	if (v && parse_u64(v, INT64_MAX, &u->min_chunk, NULL) < 0)
		u->min_chunk = 0;
}

static int after_begin(struct client_upload *u, const struct http_response *response, int r)
{
	if (r == -ERR_NETWORK && response->status == 0)
		return err_hint(&u->err, r,
			"some registries (Amazon ECR) hang up when the repository does not exist: "
			"create it there first");
	if (r < 0)
		return r;
	if (!is_success(response))
		return refused(u, response);
	take_min_chunk(u, response);
	if (u->max_chunk && u->max_chunk < u->min_chunk)
		u->max_chunk = u->min_chunk;
	r = take_location(u, response, &u->err);
	return r < 0 ? r : go_on(u);
}

static int after_renew(struct client_upload *u, const struct http_response *response, int r)
{
	(void)response;
	u->known = false; /* once is enough: where it did not help, the refusal will */
	return r < 0 ? r : go_on(u);
}

static int after_last(struct client_upload *u, const struct http_response *response, int r)
{
	if (r < 0)
		return r == -ERR_NETWORK || r == -ERR_TIMEOUT ? retry(u, response, r) : r;
	if (!is_success(response))
		return bytes_refused(u, response);
	finish(u, CLIENT_SENT, 0);
	return 0;
}

static int after_chunk(struct client_upload *u, const struct http_response *response, int r)
{
	int64_t end;

	if (r < 0)
		return r == -ERR_NETWORK || r == -ERR_TIMEOUT ? retry(u, response, r) : r;
	if (!is_success(response))
		return bytes_refused(u, response);
	r = take_location(u, response, &u->err);
	if (r < 0)
		return r;
	end = range_end(response);
	/* Only a part may have been kept; one that does not move on is not told from a lost one. */
	if (end >= 0 && ((uint64_t)end <= u->offset || (uint64_t)end > u->offset + u->sending)) {
		r = err_set(&u->err, ERR_NETWORK, "%s kept %lld bytes of %llu", u->client->domain,
			(long long)end, (unsigned long long)(u->offset + u->sending));
		u->has_location = false;
		return retry(u, response, r);
	}
	u->offset = end >= 0 ? (uint64_t)end : u->offset + u->sending;
	return go_on(u);
}

static int after_ask(struct client_upload *u, const struct http_response *response, int r)
{
	int64_t end = r == 0 && is_success(response) ? range_end(response) : -1;

	if (end >= 0 && (uint64_t)end <= u->q.size && take_location(u, response, NULL) >= 0) {
		u->offset = (uint64_t)end;
		return go_on(u);
	}
	u->has_location = false;
	return look(u, UPLOAD_LOOK_AGAIN);
}

static int after_look_again(struct client_upload *u, const struct http_response *response, int r)
{
	if (r == 0 && response->status == 200) {
		finish(u, CLIENT_SENT, 0);
		return 0;
	}
	if (r < 0 && r != -ERR_AUTH)
		return r;
	return begin(u);
}

static int after_drop(struct client_upload *u, const struct http_response *response, int r)
{
	(void)response;
	(void)r;
	finish(u, CLIENT_SENT, u->failure);
	return 0;
}

static int (*const after[])(struct client_upload *, const struct http_response *, int) = {
	[UPLOAD_LOOK] = after_look,
	[UPLOAD_MOUNT] = after_mount,
	[UPLOAD_BEGIN] = after_begin,
	[UPLOAD_RENEW] = after_renew,
	[UPLOAD_WHOLE] = after_last,
	[UPLOAD_CHUNK] = after_chunk,
	[UPLOAD_CLOSE] = after_last,
	[UPLOAD_ASK] = after_ask,
	[UPLOAD_LOOK_AGAIN] = after_look_again,
	[UPLOAD_DROP] = after_drop,
};

/* The registry need not keep what will never be finished. Its answer does not matter. */
static void fail(struct client_upload *u, int r)
{
	struct client_op *op;
	struct err why = u->err;

	if (!u->has_location || u->step == UPLOAD_DROP) {
		finish(u, CLIENT_SENT, r);
		return;
	}
	u->failure = r;
	u->pause_ns = 0;
	op = session_op(u, HTTP_DELETE);
	op->no_challenge = true; /* rights to delete are not asked for */
	if (send_step(u, UPLOAD_DROP, op) < 0) {
		u->err = why;
		finish(u, CLIENT_SENT, r);
	}
}

static void on_answer(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_upload *u = ctx;

	u->known = u->op->sent != NULL;
	u->op = NULL; /* freed behind this function */
	if (r < 0 && u->step != UPLOAD_DROP)
		u->err = *err;
	r = after[u->step](u, response, r);
	if (r < 0)
		fail(u, r);
}

int client_upload(struct client *c, const struct client_upload_request *q,
	struct client_upload **ret, struct err *err)
{
	struct client_upload *u;
	int r = client_decide_endpoint(c, err);

	if (r < 0)
		return r;
	u = NEW(struct client_upload);
	u->client = c;
	u->q = *q;
	r = look(u, UPLOAD_LOOK);
	if (r < 0) {
		if (err)
			*err = u->err;
		free_upload(u);
		return r;
	}
	*ret = u;
	return 0;
}
