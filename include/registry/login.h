/*
 * Trying credentials: GET /v2/ with whatever answer its challenge wants. Nothing is stored here.
 *
 *	options.credentials = ...;	or NULL: those that are stored
 *	options.login = true;
 *	client_new(&options, &reference, &c, err);	any repository of that registry
 *	r = client_login(c, &identity_token, err);
 */
#pragma once

#include "base/err.h"
#include "registry/client.h"

/*
 * Waits. 0: the registry takes them (or takes everybody). *ret_identity_token: what the token server
 * gave to be stored in place of the password, NULL when it gave none; the caller overwrites and
 * frees it. -ERR_AUTH: refused; -ERR_NETWORK, -ERR_NOT_FOUND: no registry there.
 */
int client_login(struct client *c, char **ret_identity_token, struct err *err) must_check;
