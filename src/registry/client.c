#include "registry/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/media.h"
#include "codec/registry_error.h"

/* One line, comma-joined: some servers read the first Accept header only (registry.md 2.1). */
#define ACCEPT_MANIFESTS                                              \
	"application/vnd.oci.image.index.v1+json, "                   \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.oci.image.manifest.v1+json, "                \
	"application/vnd.docker.distribution.manifest.v2+json, */*"

#define MAX_CHALLENGES 2 /* of one request: a missing token, then a stale or narrow one */

/* A request that answers challenges. */
struct client_op {
	struct client_op *next, *prev;
	struct client *client;
	struct url url;
	enum http_method method;
	const char *accept; /* static */
	uint64_t offset, size, max_body;
	struct http_sink sink;
	struct http_transfer *transfer;
	char *sent; /* Authorization of the request under way */
	unsigned challenges;
	/* As http_request.done; the op is freed behind it. */
	void (*done)(void *ctx, const struct http_response *response, int r, const struct err *err);
	void *ctx;
};

struct client_blob {
	struct client_op *op;
	struct client_blob_request q;
};

struct client {
	struct http *http;
	struct auth *auth;
	struct tls_options tls;
	char *domain; /* as the reference has it: names certs.d, credentials and messages */
	char *path;
	char *scope;
	struct url base; /* https://host:port/ */
	bool decided;	 /* base.https is final */
	bool insecure;
	bool warned;
	struct client_op *ops;
};

/* --- life --- */

static int make_base(struct client *c, bool https, struct url *ret, struct err *err)
{
	const char *host = str_eq(c->domain, "docker.io") ? "registry-1.docker.io" : c->domain;
	autofree char *text = xasprintf("%s://%s/", https ? "https" : "http", host);

	return url_parse(text, ret, err);
}

static int set_up(struct client *c, const struct client_options *o, struct err *err)
{
	struct http_options http = {
		.tls = { .mode = o->tls, .cert_dir = o->cert_dir, .registry = c->domain },
		.retries = o->retries,
		.retry_delay_ms = o->retry_delay_ms,
		.connect_seconds = HTTP_CONNECT_SECONDS,
		.stall_seconds = HTTP_STALL_SECONDS,
	};
	struct auth_options auth = {
		.authfile = o->authfile,
		.credentials = o->credentials,
		.registry = c->domain,
		.repository = c->path,
	};
	int r;

	r = make_base(c, true, &c->base, err);
	if (r < 0)
		return r;
	c->insecure = tls_is_insecure(&http.tls, &c->base, c->domain);
	c->decided = !c->insecure;
	auth.insecure = o->tls == TLS_INSECURE;
	r = http_new(&http, &c->http, err);
	if (r < 0)
		return r;
	return auth_new(c->http, &auth, &c->auth, err);
}

int client_new(const struct client_options *o, const struct reference *ref, struct client **ret,
	struct err *err)
{
	struct client *c = NEW(struct client);
	int r;

	c->domain = xstrdup(ref->domain);
	c->path = xstrdup(ref->path);
	c->scope = xasprintf("repository:%s:pull", ref->path);
	r = set_up(c, o, err);
	if (r < 0) {
		client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void free_op(struct client_op *op)
{
	struct client *c = op->client;

	if (op->transfer)
		http_cancel(op->transfer);
	auth_forget(c->auth, op);
	if (op->prev)
		op->prev->next = op->next;
	else
		c->ops = op->next;
	if (op->next)
		op->next->prev = op->prev;
	if (op->sent)
		explicit_bzero(op->sent, strlen(op->sent));
	free(op->sent);
	url_done(&op->url);
	free(op);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->ops)
		free_op(c->ops);
	if (c->auth)
		auth_free(c->auth);
	http_free(c->http);
	url_done(&c->base);
	free(c->domain);
	free(c->path);
	free(c->scope);
	free(c);
}

int client_poll(
	struct client *c, struct pollfd *extra, size_t n_extra, int timeout_ms, struct err *err)
{
	return http_poll(c->http, extra, n_extra, timeout_ms, err);
}

/* --- operations --- */

static void on_op_answer(
	void *ctx, const struct http_response *response, int r, const struct err *err);

static int send_op(struct client_op *op, struct err *err)
{
	struct client *c = op->client;
	const char *header = auth_header(c->auth, c->scope);
	struct http_request q = {
		.method = op->method,
		.url = &op->url,
		.authorization = header,
		.certs_name = c->domain,
		.accept = op->accept,
		.offset = op->offset,
		.size = op->size,
		.max_body = op->max_body,
		.sink = op->sink,
		.done = on_op_answer,
		.ctx = op,
	};

	free(op->sent);
	op->sent = xstrdup(header);
	return http_start(c->http, &q, &op->transfer, err);
}

static void finish_op(
	struct client_op *op, const struct http_response *response, int r, const struct err *err)
{
	op->done(op->ctx, response, r, err);
	free_op(op);
}

static void fail_op(struct client_op *op, int r, const struct err *err)
{
	AUTO(buf) struct buf none = BUF_INIT(1);
	struct http_response response = { .url = &op->url, .body = &none };

	finish_op(op, &response, r, err);
}

static void on_op_authorized(void *ctx, int r, const struct err *err)
{
	struct client_op *op = ctx;
	struct err own = { 0 };

	if (r < 0) {
		fail_op(op, r, err);
		return;
	}
	r = send_op(op, &own);
	if (r < 0)
		fail_op(op, r, &own);
}

static void challenge_op(struct client_op *op, const struct http_response *response)
{
	struct auth_question q = {
		.response = response,
		.scope = op->client->scope,
		.sent = op->sent,
		.done = on_op_authorized,
		.ctx = op,
	};
	struct err err = { 0 };
	int r;

	op->challenges++;
	r = auth_challenge(op->client->auth, &q, &err);
	if (r < 0)
		finish_op(op, response, r, &err);
}

/* The challenge that the refused URL itself did not carry (GCR used to do so). */
static void on_ping(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_op *op = ctx;

	op->transfer = NULL;
	if (r < 0)
		finish_op(op, response, r, err);
	else
		challenge_op(op, response);
}

static int ping_for(struct client_op *op, struct err *err)
{
	struct client *c = op->client;
	AUTO(url) struct url url = { 0 };
	struct http_request q = {
		.method = HTTP_GET,
		.url = &url,
		.certs_name = c->domain,
		.max_body = HTTP_MAX_ERROR_BODY,
		.done = on_ping,
		.ctx = op,
	};
	int r = url_resolve(&c->base, "/v2/", &url, err);

	if (r < 0)
		return r;
	return http_start(c->http, &q, &op->transfer, err);
}

/* Only the registry may challenge us: what it redirects to gets no credential. */
static bool is_challenge(const struct client_op *op, const struct http_response *response)
{
	const char *header = http_header(response, "WWW-Authenticate", 0);

	if (op->challenges >= MAX_CHALLENGES || !url_same_origin(response->url, &op->url))
		return false;
	if (response->status == 403)
		return header && strstr(header, "insufficient_scope");
	return response->status == 401;
}

/* "299 - "text"": shown once, acted upon never (distribution-spec, "Warnings"). */
static void show_warning(struct client *c, const struct http_response *response)
{
	const char *v = http_header(response, "Warning", 0);
	const char *open = v ? strchr(v, '"') : NULL, *close = open ? strrchr(open + 1, '"') : NULL;

	if (c->warned || !close || strncmp(v, "299 ", 4) != 0)
		return;
	c->warned = true;
	log_warn("%s: %.*s", c->domain, (int)(close - open - 1), open + 1);
}

static void on_op_answer(
	void *ctx, const struct http_response *response, int r, const struct err *failure)
{
	struct client_op *op = ctx;
	struct err err = *failure;

	op->transfer = NULL;
	op->offset = response->position;
	show_warning(op->client, response);
	if (r < 0 || !is_challenge(op, response)) {
		finish_op(op, response, r, &err);
		return;
	}
	if (response->status == 403 || http_header(response, "WWW-Authenticate", 0)) {
		challenge_op(op, response);
		return;
	}
	r = ping_for(op, &err);
	if (r < 0)
		finish_op(op, response, r, &err);
}

static struct client_op *new_op(
	struct client *c, const char *kind, const char *name, struct err *err)
{
	struct client_op *op = NEW(struct client_op);
	autofree char *path = xasprintf("/v2/%s/%s/%s", c->path, kind, name);

	op->client = c;
	op->next = c->ops;
	if (op->next)
		op->next->prev = op;
	c->ops = op;
	if (url_resolve(&c->base, path, &op->url, err) < 0) {
		free_op(op);
		return NULL;
	}
	return op;
}

/* --- endpoint --- */

struct probe {
	bool done, answered;
	struct err err;
};

static void on_probe(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct probe *p = ctx;

	(void)response;
	p->done = true;
	p->answered = r == 0;
	p->err = *err;
}

static int probe(struct client *c, bool https, struct probe *ret, struct err *err)
{
	AUTO(url) struct url base = { 0 }, url = { 0 };
	struct http_request q = {
		.method = HTTP_GET,
		.url = &url,
		.certs_name = c->domain,
		.max_body = HTTP_MAX_ERROR_BODY,
		.flags = HTTP_ONE_TRY,
		.done = on_probe,
		.ctx = ret,
	};
	int r;

	r = make_base(c, https, &base, err);
	if (r >= 0)
		r = url_resolve(&base, "/v2/", &url, err);
	if (r >= 0)
		r = http_run(c->http, &q, err);
	if (r < 0 || !ret->answered)
		return r;
	url_done(&c->base);
	c->base = base;
	base = (struct url){ 0 };
	c->decided = true;
	return 0;
}

/* https without verification first, plain http when nothing there speaks TLS. */
static int decide_endpoint(struct client *c, struct err *err)
{
	struct probe https = { 0 }, http = { 0 };
	int r;

	if (c->decided)
		return 0;
	r = probe(c, true, &https, err);
	if (r < 0 || https.answered)
		return r;
	r = probe(c, false, &http, err);
	if (r < 0 || http.answered)
		return r;
	if (err)
		*err = https.err;
	return -https.err.kind;
}

/* --- answers --- */

static const char *advice(int kind)
{
	return kind == ERR_AUTH ? "the repository may not exist or may need a login: "
				  "use --creds or --authfile"
				: "the registry limits requests: log in, or try again later";
}

/* An answer that is not the one hoped for. */
static int status_error(
	const struct client *c, const struct http_response *response, struct err *err)
{
	autofree char *shown = url_display(response->url);
	struct registry_error e;
	int kind = ERR_NETWORK, r;

	registry_error_parse(buf_str(response->body), response->body->len, &e);
	if (response->status == 404)
		kind = ERR_NOT_FOUND;
	else if (response->status == 401 || response->status == 403)
		kind = ERR_AUTH;
	if (!url_same_origin(response->url, &c->base))
		r = err_set(err, ERR_NETWORK, "%s answered %d", shown, response->status);
	else
		r = err_set(err, kind, "%s answered %d%s%s", c->domain, response->status,
			e.message[0] ? ": " : "", e.message);
	if (r == -ERR_AUTH || response->status == 429)
		err_hint(err, r, "%s", advice(-r));
	return r;
}

/* "Application/JSON; charset=utf-8" to "application/json". NULL stays NULL. */
static char *clean_type(const char *v)
{
	char *type = v ? xstrndup(v, strcspn(v, "; \t,")) : NULL;

	for (char *p = type; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return type;
}

/* --- manifests --- */

void client_manifest_done(struct client_manifest *m)
{
	free(m->bytes);
	free(m->content_type);
	*m = (struct client_manifest){ 0 };
}

/* A request that is waited for. */
struct wait {
	struct client *client;
	bool done;
	int r;
	struct err *err;
	int status;
	struct digest header; /* Docker-Content-Digest, when it is one */
	bool encoded;	      /* a Content-Encoding that nobody asked for */
	struct client_manifest answer;
};

static void on_wait(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct wait *w = ctx;
	const char *digest = http_header(response, "Docker-Content-Digest", 0);

	w->done = true;
	w->r = r;
	w->status = response->status;
	if (r < 0) {
		if (w->err)
			*w->err = *err;
		return;
	}
	if (response->status != 200) {
		w->r = status_error(w->client, response, w->err);
		return;
	}
	if (digest)
		(void)!digest_parse(digest, &w->header, NULL);
	w->encoded = http_header(response, "Content-Encoding", 0) != NULL;
	w->answer.content_type = clean_type(http_header(response, "Content-Type", 0));
	w->answer.len = response->body->len;
	w->answer.bytes = buf_take(response->body);
}

static int wait_for_op(struct client_op *op, struct wait *w, struct err *err)
{
	struct client *c = op->client;
	int r;

	w->client = c;
	w->err = err;
	op->done = on_wait;
	op->ctx = w;
	r = send_op(op, err);
	if (r < 0) {
		free_op(op);
		return r;
	}
	while (!w->done) {
		r = client_poll(c, NULL, 0, -1, err);
		if (r < 0 && !w->done)
			free_op(op);
		if (r < 0)
			return r;
	}
	return w->r;
}

static int check_digest(const struct wait *w, const char *wanted, struct err *err)
{
	const char *hint = w->encoded ? " (the answer came with a Content-Encoding)" : "";

	if (strchr(wanted, ':') && !str_eq(wanted, w->answer.digest.text))
		return err_set(err, ERR_DIGEST, "manifest %s: the registry sent %s instead%s",
			wanted, w->answer.digest.text, hint);
	if (digest_is_set(&w->header) && !digest_equal(&w->header, &w->answer.digest))
		return err_set(err, ERR_DIGEST,
			"manifest %s: its bytes are %s, the registry's header says %s%s", wanted,
			w->answer.digest.text, w->header.text, hint);
	return 0;
}

int client_manifest(
	struct client *c, const char *tag_or_digest, struct client_manifest *ret, struct err *err)
{
	struct wait w = { 0 };
	struct client_op *op;
	int r;

	r = decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = new_op(c, "manifests", tag_or_digest, err);
	if (!op)
		return -ERR_FORMAT;
	op->accept = ACCEPT_MANIFESTS;
	op->max_body = CLIENT_MAX_MANIFEST;
	r = wait_for_op(op, &w, err);
	if (r < 0) /* a tag is in the image's name, which the caller adds */
		return strchr(tag_or_digest, ':') ? err_ctx(err, r, "manifest %s", tag_or_digest)
						  : r;
	digest_of(w.answer.bytes, w.answer.len, &w.answer.digest);
	r = check_digest(&w, tag_or_digest, err);
	if (r < 0) {
		client_manifest_done(&w.answer);
		return r;
	}
	*ret = w.answer;
	return 0;
}

int client_head(struct client *c, const char *tag, struct digest *ret, struct err *err)
{
	struct wait w = { 0 };
	struct client_op *op;
	int r;

	r = decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = new_op(c, "manifests", tag, err);
	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_HEAD;
	op->accept = ACCEPT_MANIFESTS;
	r = wait_for_op(op, &w, err);
	client_manifest_done(&w.answer);
	/* HEAD has no body to explain a refusal with: let the caller GET and learn why. */
	if (w.status != 0 && w.status != 200)
		return 0;
	if (r < 0)
		return r;
	if (!digest_is_set(&w.header))
		return 0;
	*ret = w.header;
	return 1;
}

/* --- blobs --- */

static void on_blob(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_blob *b = ctx;
	struct err own = *err;

	if (r == 0 && response->status != 200 && response->status != 206)
		r = status_error(b->op->client, response, &own);
	b->q.done(b->q.sink.ctx, r, &own);
	free(b);
}

int client_blob(struct client *c, const struct client_blob_request *q, struct client_blob **ret,
	struct err *err)
{
	struct client_op *op;
	struct client_blob *b;
	int r;

	r = decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = new_op(c, "blobs", q->digest->text, err);
	if (!op)
		return -ERR_FORMAT;
	b = NEW(struct client_blob);
	b->op = op;
	b->q = *q;
	op->offset = q->offset;
	op->size = q->size;
	op->sink = q->sink;
	op->done = on_blob;
	op->ctx = b;
	r = send_op(op, err);
	if (r < 0) {
		free_op(op);
		free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void client_blob_cancel(struct client_blob *b)
{
	free_op(b->op);
	free(b);
}

int client_blob_read(
	struct client *c, const struct digest *digest, uint64_t size, char **ret, struct err *err)
{
	struct wait w = { 0 };
	struct client_op *op;
	int r;

	if (size > CLIENT_MAX_CONFIG)
		return err_set(err, ERR_LIMIT,
			"blob %s: %llu bytes are more than a config may have", digest->text,
			(unsigned long long)size);
	r = decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = new_op(c, "blobs", digest->text, err);
	if (!op)
		return -ERR_FORMAT;
	op->max_body = size;
	r = wait_for_op(op, &w, err);
	if (r < 0)
		return err_ctx(err, r, "blob %s", digest->text);
	digest_of(w.answer.bytes, w.answer.len, &w.answer.digest);
	if (w.answer.len != size || !digest_equal(&w.answer.digest, digest)) {
		r = err_set(err, ERR_DIGEST, "blob %s: the registry sent %zu bytes with digest %s",
			digest->text, w.answer.len, w.answer.digest.text);
		client_manifest_done(&w.answer);
		return r;
	}
	*ret = TAKE_PTR(w.answer.bytes);
	client_manifest_done(&w.answer);
	return 0;
}
