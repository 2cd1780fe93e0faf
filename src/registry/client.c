#include "registry/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/registry_error.h"
#include "registry/client_priv.h"

/*
 * Of one request: a missing token, a stale or narrow one, and some that died in the hands of others
 * (registry/auth.h ends it before, where a token can be no better than the last).
 */
#define MAX_CHALLENGES 5

/* --- life --- */

static int make_base(struct client *c, bool https, struct url *ret, struct err *err)
{
	const char *host = str_eq(c->domain, "docker.io") ? "registry-1.docker.io" : c->domain;
	autofree char *text = xasprintf("%s://%s/", https ? "https" : "http", host);

	return url_parse(text, ret, err);
}

static int open_http(struct client *c, const struct client_options *o, struct err *err)
{
	struct http_options http = {
		.tls = c->tls,
		.retries = o->retries,
		.retry_delay_ms = o->retry_delay_ms,
		.connect_seconds = HTTP_CONNECT_SECONDS,
		.stall_seconds = o->stall_seconds,
	};

	c->borrowed = o->beside != NULL;
	if (!c->borrowed)
		return http_new(&http, &c->http, err);
	c->http = o->beside->http;
	return 0;
}

static int set_up(struct client *c, const struct client_options *o, struct err *err)
{
	struct auth_options auth = {
		.authfile = o->authfile,
		.credentials = o->credentials,
		.registry = c->domain,
		.repository = c->path,
		.tls = &c->tls,
		.login = o->login,
		.insecure = o->tls == TLS_INSECURE,
	};
	int r;

	c->tls = (struct tls_options){
		.mode = o->tls,
		.cert_dir = o->cert_dir,
		.registry = c->domain,
	};
	r = make_base(c, true, &c->base, err);
	if (r < 0)
		return r;
	c->insecure = tls_is_insecure(&c->tls, &c->base, c->domain);
	c->decided = !c->insecure;
	r = open_http(c, o, err);
	return r < 0 ? r : auth_new(c->http, &auth, &c->auth, err);
}

int client_new(const struct client_options *o, const struct reference *ref, struct client **ret,
	struct err *err)
{
	struct client *c = NEW(struct client);
	int r;

	c->domain = xstrdup(ref->domain);
	c->path = xstrdup(ref->path);
	c->scope = xasprintf("repository:%s:pull", ref->path);
	c->push_scope = xasprintf("repository:%s:pull,push", ref->path);
	c->retries = o->retries;
	c->retry_delay_ms = o->retry_delay_ms;
	c->one_try = o->one_try;
	r = set_up(c, o, err);
	if (r < 0) {
		client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void client_op_free(struct client_op *op)
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
	free(op->own_scope);
	url_done(&op->url);
	free(op);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	while (c->ops)
		client_op_free(c->ops);
	if (c->auth)
		auth_free(c->auth);
	if (!c->borrowed)
		http_free(c->http);
	url_done(&c->base);
	free(c->domain);
	free(c->path);
	free(c->scope);
	free(c->push_scope);
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

int client_op_send(struct client_op *op, struct err *err)
{
	struct client *c = op->client;
	/* An upload may live elsewhere: what is ours to know is not theirs. */
	bool ours = url_same_origin(&op->url, &c->base);
	const char *header = ours && !op->anonymous ? auth_header(c->auth, op->scope) : NULL;
	struct http_request q = {
		.method = op->method,
		.url = &op->url,
		.authorization = header,
		.tls = &c->tls,
		.certs_name = ours ? c->domain : NULL,
		.accept = op->accept,
		.content_type = op->content_type,
		.content_range = *op->content_range ? op->content_range : NULL,
		.body = op->body,
		.body_len = op->body_len,
		.file = op->file.len ? &op->file : NULL,
		.offset = op->offset,
		.size = op->size,
		.max_body = op->max_body,
		.flags = op->flags,
		.delay_ns = op->delay_ns,
		.sink = op->sink,
		.done = on_op_answer,
		.ctx = op,
	};

	free(op->sent);
	op->sent = xstrdup(header);
	op->delay_ns = 0;
	return http_start(c->http, &q, &op->transfer, err);
}

static void finish_op(
	struct client_op *op, const struct http_response *response, int r, const struct err *err)
{
	op->done(op->ctx, response, r, err);
	client_op_free(op);
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
	r = client_op_send(op, &own);
	if (r < 0)
		fail_op(op, r, &own);
}

static void challenge_op(struct client_op *op, const struct http_response *response)
{
	struct auth_question q = {
		.response = response,
		.scope = op->scope,
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

/*
 * The challenge that the refused URL itself did not carry (GCR does so). Another host, to which the
 * registry sends us, may not make one.
 */
static void on_ping(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_op *op = ctx;
	struct http_response refusal = *response;
	struct err why = { 0 };

	op->transfer = NULL;
	refusal.status = 403;
	if (r < 0) {
		finish_op(op, response, r, err);
		return;
	}
	if (!url_same_origin(response->url, &op->client->base))
		r = err_set(&why, ERR_AUTH, "%s/v2/ leads to another host, which gets no login",
			op->client->domain);
	if (op->refused < 0 && (r < 0 || response->status != 401))
		finish_op(op, &refusal, op->refused, &op->refusal);
	else if (r < 0)
		finish_op(op, response, r, &why);
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
		.tls = &c->tls,
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

	if (op->no_challenge || op->challenges >= MAX_CHALLENGES ||
		!url_same_origin(response->url, &op->client->base))
		return false;
	/* To a stranger, GCR says "forbidden" where it means "who are you?". */
	if (response->status == 403)
		return header ? strstr(header, "insufficient_scope") != NULL
			      : !op->sent && op->challenges == 0;
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

/*
 * The registry took what it was sent: a refusal from now on means that the token ran out, as often
 * as it takes to move a big blob with tokens of a few seconds.
 */
static void note_success(struct client_op *op, const struct http_response *response)
{
	bool moved = response->position > op->offset;

	if (!url_same_origin(&op->url, &op->client->base))
		return;
	if (moved)
		op->challenges = 0;
	if (moved || (response->status > 0 && response->status != 401 && response->status != 403))
		auth_accepted(op->client->auth, op->scope, op->sent);
}

static void on_op_answer(
	void *ctx, const struct http_response *response, int r, const struct err *failure)
{
	struct client_op *op = ctx;
	struct err err = *failure;

	op->transfer = NULL;
	note_success(op, response);
	op->offset = response->position;
	show_warning(op->client, response);
	if (r < 0 || !is_challenge(op, response)) {
		finish_op(op, response, r, &err);
		return;
	}
	if (http_header(response, "WWW-Authenticate", 0)) {
		challenge_op(op, response);
		return;
	}
	op->refused = 0;
	if (response->status == 403)
		op->refused = client_status_error(op->client, response, &op->refusal);
	r = ping_for(op, &err);
	if (r < 0)
		finish_op(op, response, r, &err);
}

struct client_op *client_op_for_url(struct client *c, const struct url *url)
{
	struct client_op *op = NEW(struct client_op);

	op->client = c;
	op->scope = c->scope;
	op->max_body = HTTP_MAX_ERROR_BODY;
	op->next = c->ops;
	if (op->next)
		op->next->prev = op;
	c->ops = op;
	url_copy(url, &op->url);
	return op;
}

struct client_op *client_op_new(
	struct client *c, const char *kind, const char *name, struct err *err)
{
	autofree char *path = xasprintf("/v2/%s/%s/%s", c->path, kind, name);
	AUTO(url) struct url url = { 0 };

	if (url_resolve(&c->base, path, &url, err) < 0)
		return NULL;
	return client_op_for_url(c, &url);
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
		.tls = &c->tls,
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
int client_decide_endpoint(struct client *c, struct err *err)
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

static int advise(const struct client *c, int r, struct err *err)
{
	if (r == -ERR_AUTH)
		return err_hint(err, r,
			"the repository may not exist or may need a login: proa login %s",
			c->domain);
	return err_hint(err, r, "the registry limits requests: log in, or try again later");
}

/* An answer that is not the one hoped for. */
int client_status_error(
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
		return advise(c, r, err);
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

/* --- waiting --- */

void client_wait_done(struct client_wait *w)
{
	free(w->content_type);
	free(w->link);
	free(w->code);
	free(w->bytes);
	*w = (struct client_wait){ 0 };
}

static void on_wait(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_wait *w = ctx;
	const char *digest = http_header(response, "Docker-Content-Digest", 0);
	struct registry_error e;

	w->done = true;
	w->r = r;
	w->status = response->status;
	if (r < 0) {
		if (w->err)
			*w->err = *err;
		return;
	}
	if (response->status < 200 || response->status > 299) {
		registry_error_parse(buf_str(response->body), response->body->len, &e);
		w->code = *e.code ? xstrdup(e.code) : NULL;
		w->r = client_status_error(w->client, response, w->err);
		return;
	}
	if (digest)
		(void)!digest_parse(digest, &w->digest, NULL);
	w->encoded = http_header(response, "Content-Encoding", 0) != NULL;
	w->content_type = clean_type(http_header(response, "Content-Type", 0));
	w->link = xstrdup(http_header(response, "Link", 0));
	w->len = response->body->len;
	w->bytes = buf_take(response->body);
}

int client_op_wait(struct client_op *op, struct client_wait *w, struct err *err)
{
	struct client *c = op->client;
	int r;

	w->client = c;
	w->err = err;
	if (c->one_try)
		op->flags |= HTTP_ONE_TRY;
	op->done = on_wait;
	op->ctx = w;
	r = client_op_send(op, err);
	if (r < 0) {
		client_op_free(op);
		return r;
	}
	while (!w->done) {
		r = client_poll(c, NULL, 0, -1, err);
		if (r < 0 && !w->done)
			client_op_free(op);
		if (r < 0)
			return r;
	}
	return w->r;
}
