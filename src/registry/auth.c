#include "registry/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/auth_file.h"
#include "codec/challenge.h"
#include "codec/registry_error.h"
#include "codec/scope.h"
#include "registry/credentials_priv.h"

#define TOKEN_REPLY_MAX (64 * 1024)
#define FORM_ROOM	(32 * 1024)
#define FRESH_NS	(10 * NSEC_PER_SEC)
#define CLIENT_ID	"proa"

struct waiter {
	struct waiter *next;
	auth_done_fn *done;
	void *ctx;
};

/* A bearer token for one scope; `transfer` is its fetch while one is under way. */
struct token {
	struct token *next;
	struct auth *auth;
	char *scope;  /* as the caller names it */
	char *header; /* "Bearer ...", NULL before the first success */
	int64_t fetched_at, expires_at;
	unsigned handed_out; /* how often */
	bool accepted;	     /* a request with it was answered */
	bool doubted;	     /* the registry called the one before it invalid */

	struct url realm;
	char *service;
	char *wanted; /* scope for the realm: the challenge's own where it has one */
	bool posted;  /* the fetch under way is (or was) a POST */
	bool got;     /* ... a GET was tried */
	struct http_transfer *transfer;
	struct waiter *waiters;
};

struct auth {
	struct http *http;
	struct auth_options options;
	bool have_credential; /* `credential` was looked for */
	bool found;	      /* ... and is there */
	struct auth_credential credential;
	char *basic;	      /* header, once a Basic challenge was seen */
	char *identity_token; /* given by a token server */
	struct token *tokens;
};

/* --- life --- */

static void free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

int auth_new(struct http *h, const struct auth_options *o, struct auth **ret, struct err *err)
{
	struct auth *a = NEW(struct auth);

	(void)err;
	a->http = h;
	a->options = *o;
	*ret = a;
	return 0;
}

static void free_token(struct token *t)
{
	struct waiter *w;

	if (t->transfer)
		http_cancel(t->transfer);
	while ((w = t->waiters)) {
		t->waiters = w->next;
		free(w);
	}
	url_done(&t->realm);
	free(t->service);
	free(t->wanted);
	free(t->scope);
	free_secret(t->header);
	free(t);
}

void auth_free(struct auth *a)
{
	struct token *t;

	while ((t = a->tokens)) {
		a->tokens = t->next;
		free_token(t);
	}
	auth_credential_done(&a->credential);
	free_secret(a->basic);
	free_secret(a->identity_token);
	free(a);
}

static struct token *token_of(struct auth *a, const char *scope)
{
	struct token *t;

	for (t = a->tokens; t; t = t->next)
		if (str_eq(t->scope, scope))
			return t;
	t = NEW(struct token);
	t->auth = a;
	t->scope = xstrdup(scope);
	t->next = a->tokens;
	a->tokens = t;
	return t;
}

static const char *current_header(const struct token *t)
{
	if (t->auth->basic)
		return t->auth->basic;
	return t->header && clock_boottime_ns() < t->expires_at ? t->header : NULL;
}

const char *auth_header(struct auth *a, const char *scope)
{
	struct token *t = token_of(a, scope);

	t->handed_out++;
	return current_header(t);
}

void auth_accepted(struct auth *a, const char *scope, const char *sent)
{
	struct token *t = token_of(a, scope);

	if (!sent || !t->header || !str_eq(sent, t->header))
		return;
	t->accepted = true;
	t->doubted = false;
}

const char *auth_identity_token(const struct auth *a)
{
	return a->identity_token;
}

static int load_credential(struct auth *a, struct err *err)
{
	int r;

	if (a->have_credential)
		return 0;
	if (a->options.credentials) {
		credentials_copy(a->options.credentials, &a->credential);
		r = 1;
	} else {
		r = credentials_find(a->options.authfile, a->options.registry,
			a->options.repository, &a->credential, err);
	}
	if (r < 0)
		return r;
	a->have_credential = true;
	a->found = r > 0;
	return 0;
}

/* --- errors --- */

static int refused(const struct auth *a, const struct http_response *response, struct err *err)
{
	struct registry_error e;
	int r;

	registry_error_parse(buf_str(response->body), response->body->len, &e);
	if (a->found) {
		r = err_set(err, ERR_AUTH, "%s: the stored or given credentials were refused%s%s",
			a->options.registry, e.message[0] ? ": " : "", e.message);
		if (a->options.credentials || a->options.login)
			return r;
		return err_hint(err, r, "log in again, or do without them after proa logout %s",
			a->options.registry);
	}
	r = err_set(err, ERR_AUTH, "%s: authentication required%s%s", a->options.registry,
		e.message[0] ? ": " : "", e.message);
	return err_hint(err, r, "the repository may not exist or may need a login: proa login %s",
		a->options.registry);
}

/* --- tokens --- */

static int fetch_token(struct token *t, struct err *err);

/* Everybody who waits learns the outcome; the list is taken first, as they may come back. */
static void tell_waiters(struct token *t, int r, const struct err *err)
{
	struct waiter *w, *next, *list = t->waiters;

	t->waiters = NULL;
	for (w = list; w; w = next) {
		next = w->next;
		if (w->done)
			w->done(w->ctx, r, err);
		free(w);
	}
}

static int keep_token(struct token *t, const struct http_response *response, struct err *err)
{
	AUTO(token_reply) struct token_reply reply = { 0 };
	int r = token_reply_parse(buf_str(response->body), response->body->len, &reply, err);

	if (r < 0)
		return err_ctx(err, r, "token server of %s", t->auth->options.registry);
	free_secret(t->header);
	t->header = xasprintf("Bearer %s", reply.token);
	if (reply.refresh_token && t->auth->options.login) {
		free_secret(t->auth->identity_token);
		t->auth->identity_token = xstrdup(reply.refresh_token);
	}
	t->accepted = false;
	t->handed_out = 0;
	t->fetched_at = clock_boottime_ns();
	t->expires_at = t->fetched_at + (int64_t)reply.expires_in * NSEC_PER_SEC / 10 * 9;
	return 0;
}

/* GCR answers 404, JFrog 401, ACR 400, others 405 to the method that they do not have. */
static bool try_other_method(const struct token *t, int status)
{
	const struct auth *a = t->auth;

	if (t->posted && !t->got && a->credential.username)
		return status == 404 || status == 405 || status == 401 || status == 400;
	return t->got && !t->posted && a->found && !str_empty(a->credential.password) &&
	       (status == 404 || status == 405);
}

static int token_failed(struct token *t, const struct http_response *response, struct err *err)
{
	struct registry_error e;
	autofree char *shown = url_display(response->url);

	if (response->status == 401 || response->status == 403)
		return refused(t->auth, response, err);
	registry_error_parse(buf_str(response->body), response->body->len, &e);
	return err_set(err, response->status == 400 ? ERR_AUTH : ERR_NETWORK,
		"%s: token server answered %d%s%s", shown, response->status,
		e.message[0] ? ": " : "", e.message);
}

static void on_token(
	void *ctx, const struct http_response *response, int r, const struct err *failure)
{
	struct token *t = ctx;
	struct err err = *failure;

	t->transfer = NULL;
	if (r == 0 && response->status == 200) {
		r = keep_token(t, response, &err);
	} else if (r == 0 && try_other_method(t, response->status)) {
		r = fetch_token(t, &err);
		if (r >= 0)
			return;
	} else if (r == 0) {
		r = token_failed(t, response, &err);
	} else {
		err_ctx(&err, r, "token for %s", t->auth->options.registry);
	}
	tell_waiters(t, r, &err);
}

static void start_request(struct http_request *q, struct token *t)
{
	*q = (struct http_request){
		.url = &t->realm,
		.tls = t->auth->options.tls,
		.accept = "application/json",
		.max_body = TOKEN_REPLY_MAX,
		.done = on_token,
		.ctx = t,
	};
}

/* OAuth2: the secret travels in the body. */
static int post_token(struct token *t, struct err *err)
{
	const struct auth_credential *c = &t->auth->credential;
	AUTO(buf) struct buf body = BUF_INIT(256 * 1024);
	struct http_request q;
	int r;

	credential_room(&body, FORM_ROOM);
	if (c->identity_token) {
		url_form_add(&body, "grant_type", "refresh_token");
		url_form_add(&body, "refresh_token", c->identity_token);
	} else {
		url_form_add(&body, "grant_type", "password");
		url_form_add(&body, "username", c->username);
		url_form_add(&body, "password", c->password);
	}
	if (t->service)
		url_form_add(&body, "service", t->service);
	if (*t->wanted)
		url_form_add(&body, "scope", t->wanted);
	url_form_add(&body, "client_id", CLIENT_ID);
	if (t->auth->options.login)
		url_form_add(&body, "access_type", "offline");
	start_request(&q, t);
	q.method = HTTP_POST;
	q.content_type = "application/x-www-form-urlencoded";
	q.body = buf_str(&body);
	q.body_len = body.len;
	t->posted = true;
	r = http_start(t->auth->http, &q, &t->transfer, err);
	explicit_bzero(body.data, body.cap);
	return r;
}

/* A challenge's scope may be several, divided by blanks; GET names each by itself. */
static void add_scopes(struct url *url, const char *scopes)
{
	AUTO(strv) char **each = strv_split(scopes, ' ');

	STRV_FOREACH (scope, each)
		if (*scope)
			url_add_query(url, "scope", scope);
}

static int get_token(struct token *t, struct err *err)
{
	const struct auth_credential *c = &t->auth->credential;
	const char *secret = str_empty(c->password) ? c->identity_token : c->password;
	autofree char *basic = NULL, *header = NULL;
	AUTO(url) struct url url = { 0 };
	struct http_request q;
	int r;

	url_copy(&t->realm, &url);
	if (t->service)
		url_add_query(&url, "service", t->service);
	add_scopes(&url, t->wanted);
	if (t->auth->found && c->username && secret) {
		url_add_query(&url, "account", c->username);
		basic = auth_basic(c->username, secret);
		header = xasprintf("Basic %s", basic);
	}
	url_add_query(&url, "client_id", CLIENT_ID);
	if (t->auth->options.login && header)
		url_add_query(&url, "offline_token", "true");
	start_request(&q, t);
	q.url = &url;
	q.authorization = header;
	t->got = true;
	r = http_start(t->auth->http, &q, &t->transfer, err);
	if (header) {
		explicit_bzero(basic, strlen(basic));
		explicit_bzero(header, strlen(header));
	}
	return r;
}

/* Identity tokens are POSTed first, passwords are sent by GET first; see try_other_method. */
static int fetch_token(struct token *t, struct err *err)
{
	const struct auth *a = t->auth;
	bool post_first = a->found && a->credential.identity_token;
	bool again = t->got || t->posted;

	if (post_first != again)
		return post_token(t, err);
	return get_token(t, err);
}

/* --- challenges --- */

/*
 * A realm gets our password: it has to be as trustworthy as the registry. https, and no address
 * inside this host or network unless the registry is there as well.
 */
static int check_realm(
	const struct auth *a, const struct url *realm, const struct url *registry, struct err *err)
{
	enum url_host class = url_host_class(realm), own = url_host_class(registry);
	bool same_host = str_eq(realm->host, registry->host);
	bool both_loopback = class == URL_HOST_LOOPBACK && own == URL_HOST_LOOPBACK;
	autofree char *shown = url_display(realm);

	if (!realm->https && !both_loopback && (registry->https || !a->options.insecure))
		return err_set(err, ERR_AUTH, "%s names %s as its token server: not https, refused",
			a->options.registry, shown);
	if (class == URL_HOST_NAME || class == URL_HOST_PUBLIC || same_host || both_loopback)
		return 0;
	return err_set(err, ERR_AUTH, "%s names %s as its token server: a local address, refused",
		a->options.registry, shown);
}

static int use_basic(
	struct auth *a, const char *sent, const struct http_response *response, struct err *err)
{
	autofree char *basic = NULL;

	if (!a->found || !a->credential.username || !a->credential.password ||
		(sent && a->basic && str_eq(sent, a->basic)))
		return refused(a, response, err);
	basic = auth_basic(a->credential.username, a->credential.password);
	free_secret(a->basic);
	a->basic = xasprintf("Basic %s", basic);
	explicit_bzero(basic, strlen(basic));
	return 0;
}

static int use_bearer(
	struct token *t, const struct challenge *c, const struct url *registry, struct err *err)
{
	struct auth *a = t->auth;
	AUTO(url) struct url realm = { 0 };
	int r;

	r = url_parse(c->realm, &realm, err);
	if (r >= 0)
		r = check_realm(a, &realm, registry, err);
	if (r < 0)
		return r;
	url_done(&t->realm);
	t->realm = realm;
	realm = (struct url){ 0 };
	free(t->service);
	t->service = xstrdup(c->service);
	free(t->wanted);
	t->wanted = scope_merge(c->scope, t->scope);
	t->got = t->posted = false;
	return fetch_token(t, err);
}

/*
 * A token just fetched, for the very scope that is missing, that nobody else has and that was never
 * accepted: another one would be no better. While others are under way with it, it may have been
 * good for a moment. When the registry says that the token itself is bad, one more is tried.
 */
static bool is_final(struct token *t, const struct challenge *c, const char *sent)
{
	autofree char *wanted = NULL;

	if (!sent || !t->header || !str_eq(sent, t->header) || !t->wanted || t->accepted)
		return false;
	if (c->error && str_eq(c->error, "invalid_token") && !t->doubted) {
		t->doubted = true;
		return false;
	}
	wanted = scope_merge(c->scope, t->scope);
	return t->handed_out <= 1 && str_eq(wanted, t->wanted) &&
	       clock_boottime_ns() - t->fetched_at < FRESH_NS;
}

static void add_waiter(struct token *t, auth_done_fn *done, void *ctx)
{
	struct waiter *w = NEW(struct waiter);

	*w = (struct waiter){ .next = t->waiters, .done = done, .ctx = ctx };
	t->waiters = w;
}

/* Returns 1 when the answer is at hand, 0 when a fetch is under way. */
static int answer(struct auth *a, const struct http_response *response, struct token *t,
	const char *sent, struct err *err)
{
	AUTO(challenges) struct challenges list = { 0 };
	const struct challenge *c;
	const char *header;
	int r;

	if (t->transfer)
		return 0;
	header = current_header(t);
	if (header && (!sent || !str_eq(header, sent)))
		return 1;
	for (size_t i = 0; (header = http_header(response, "WWW-Authenticate", i)); i++)
		challenges_add(&list, header);
	c = challenges_pick(&list);
	if (!c)
		return refused(a, response, err);
	r = load_credential(a, err);
	if (r < 0)
		return r;
	if (a->found && a->credential.registry_token) {
		if (t->header)
			return refused(a, response, err);
		t->header = xasprintf("Bearer %s", a->credential.registry_token);
		t->expires_at = INT64_MAX;
		return 1;
	}
	if (c->scheme == CHALLENGE_BASIC) {
		r = use_basic(a, sent, response, err);
		return r < 0 ? r : 1;
	}
	if (is_final(t, c, sent))
		return refused(a, response, err);
	return use_bearer(t, c, response->url, err);
}

int auth_challenge(struct auth *a, const struct auth_question *q, struct err *err)
{
	struct token *t = token_of(a, q->scope);
	int r = answer(a, q->response, t, q->sent, err);

	if (r < 0)
		return r;
	if (r > 0)
		q->done(q->ctx, 0, NULL);
	else
		add_waiter(t, q->done, q->ctx);
	return 0;
}

void auth_forget(struct auth *a, void *ctx)
{
	for (struct token *t = a->tokens; t; t = t->next)
		for (struct waiter *w = t->waiters; w; w = w->next)
			if (w->ctx == ctx)
				w->done = NULL;
}
