/*
 * WWW-Authenticate, as registries send it: RFC 9110 11.6.1 with the liberties of the field
 * (registry.md 3.1), and the reply of a token server (3.2).
 *
 *	struct challenges list = {};
 *	challenges_add(&list, header_value);		each WWW-Authenticate header
 *	const struct challenge *c = challenges_pick(&list);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

enum challenge_scheme { CHALLENGE_OTHER, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char *realm; /* NULL where absent; so for the rest */
	char *service;
	char *scope;
	char *error; /* "insufficient_scope", "invalid_token" */
};

#define CHALLENGES_MAX 16

struct challenges {
	struct challenge v[CHALLENGES_MAX];
	size_t n;
};

/*
 * Add what one header value holds: several challenges, in any spelling of scheme and parameters;
 * what cannot be understood is skipped, and what is more than CHALLENGES_MAX is ignored.
 */
void challenges_add(struct challenges *list, const char *header);
void challenges_done(struct challenges *list);
DEFINE_AUTO(challenges, struct challenges, challenges_done)

/* Bearer with a realm, else Basic, else NULL. Points into list. */
const struct challenge *challenges_pick(const struct challenges *list);

struct token_reply {
	char *token;
	char *refresh_token; /* NULL where absent */
	uint32_t expires_in; /* seconds, at least 60 */
};

/*
 * The body of a token server's 200. -ERR_FORMAT quotes the first 50 bytes of what is no JSON
 * (captive portals), -ERR_AUTH when it holds no token or one that no header can carry.
 */
int token_reply_parse(
	const char *bytes, size_t len, struct token_reply *ret, struct err *err) must_check;
void token_reply_done(struct token_reply *t);
DEFINE_AUTO(token_reply, struct token_reply, token_reply_done)
