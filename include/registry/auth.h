/*
 * Who we are to a registry: answers a 401 with Basic or with a bearer token.
 *
 * Credentials come from registry/credentials.h, asked for at the first challenge. Tokens are fetched
 * from the challenge's realm: identity tokens are POSTed (OAuth2), passwords sent by GET, each by
 * the other way where the server lacks the first (registry.md 3.4). They are kept for each scope
 * until nine tenths of their life, and fetched once however many transfers wait for them.
 * A credential goes to the registry itself and to the realm it names, and nowhere else: the realm
 * has to be https (or the registry insecure), and may not be a loopback, link-local or private
 * address unless the registry is one (CVE-2020-15157 and its kin).
 *
 *	auth_new(http, &options, &a, err);
 *	header = auth_header(a, "repository:x:pull");		before a request
 *	auth_challenge(a, &q, err);				after a 401
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"
#include "registry/credentials.h"
#include "registry/http.h"

struct auth;

struct auth_options {
	const char *authfile;		       /* --authfile, or NULL for the usual places */
	const struct credentials *credentials; /* --creds, or NULL; must outlive the auth */
	const char *registry;	       /* as the reference names it: "docker.io", "h:5000" */
	const char *repository;	       /* "library/debian": auth files may be that exact */
	const struct tls_options *tls; /* for the realm; must outlive the auth and its http */
	bool insecure;		       /* realms may be plain http */
	bool login;		       /* ask token servers for an identity token, too */
};

int auth_new(struct http *h, const struct auth_options *o, struct auth **ret,
	struct err *err) must_check;
void auth_free(struct auth *a);
DEFINE_AUTO_PTR(auth, struct auth, auth_free)

/*
 * Value of the Authorization header for a request needing `scope`, NULL when there is nothing to
 * send yet. Borrowed: valid until the next call on `a`.
 */
const char *auth_header(struct auth *a, const char *scope);

/*
 * A request with this header for `scope` was not refused: from now on a refusal means that the
 * token has expired, however new it is (tokens of a few seconds exist).
 */
void auth_accepted(struct auth *a, const char *scope, const char *sent);

/*
 * The identity token that a token server gave for the credentials (auth_options.login), to be
 * stored in place of a password; NULL when none did. Inside a.
 */
const char *auth_identity_token(const struct auth *a);

/* Called once for each successful auth_challenge. r == 0: auth_header has something new. */
typedef void auth_done_fn(void *ctx, int r, const struct err *err);

/* One refused request. Borrowed while the call lasts; `done` gets ctx. */
struct auth_question {
	const struct http_response *response;
	const char *scope;
	const char *sent; /* the header that was refused; NULL: none was sent */
	auth_done_fn *done;
	void *ctx;
};

/*
 * The registry refused with 401 (or 403 naming a scope). Starts what is needed to answer; `done`
 * is called from http_poll, or before this returns when nothing has to be fetched. A token that
 * came meanwhile is used without another fetch, one refused twice is an error. -ERR_AUTH: no
 * credential, refused, no scheme that we speak, or a realm that may not be asked.
 */
int auth_challenge(struct auth *a, const struct auth_question *q, struct err *err) must_check;

/* Nobody waits for this context any more. */
void auth_forget(struct auth *a, void *ctx);
