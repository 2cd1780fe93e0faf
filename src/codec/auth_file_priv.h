/*
 * Between auth_file.c, which finds what a credential file holds, and auth_file_edit.c, which
 * changes it.
 */
#pragma once

#include <stdbool.h>

#include "codec/auth_file.h"
#include "codec/json.h"

#define AUTH_HUB_KEY "https://index.docker.io/v1/"

struct auth_file {
	struct json *doc;
	struct json *auths; /* inside doc; NULL when there are none */
};

/* docker.io has three spellings: the first of them. Others are themselves. */
const char *auth_canonical_host(const char *host);

/* A stored key without scheme and path; the caller's. */
char *auth_key_host(const char *key) must_check;

/* Is this the key of a host: bare, with a scheme, or with docker's /v1/ behind it? A namespace of
 * podman's ("quay.io/org") is not. */
bool auth_key_is_host(const char *key);

/* Overwrite and free. */
void auth_wipe(char *s);
