/*
 * Credential files: docker's config.json and podman's auth.json (registry.md 3.3), and the text of
 * docker's credential helper protocol. Where the files are and who runs a helper is the registry
 * floor's business. Secrets are overwritten before their memory is released.
 *
 *	AUTO(auth_file) struct auth_file *f = NULL;
 *	r = auth_file_parse(bytes, len, 0, &f, err);
 *	r = auth_file_find(f, "quay.io/org/img", &cred, err);	1: found, 0: not
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

/* The user name with which helpers mark an identity token. */
#define AUTH_TOKEN_USER "<token>"

#define AUTH_FILE_BYTES_MAX (1U << 20)

struct auth_file;

struct auth_credential {
	char *username;
	char *password;
	char *identity_token; /* an OAuth2 refresh token: POST it, username is then unused */
	char *registry_token; /* a bearer token to send as it is */
};

void auth_credential_done(struct auth_credential *c);
DEFINE_AUTO(auth_credential, struct auth_credential, auth_credential_done)

enum auth_file_flags {
	AUTH_FILE_LEGACY = 1 << 0, /* ~/.dockercfg: the map of hosts is the document itself */
};

int auth_file_parse(const char *bytes, size_t len, unsigned flags, struct auth_file **ret,
	struct err *err) must_check;
void auth_file_free(struct auth_file *f);
DEFINE_AUTO_PTR(auth_file, struct auth_file, auth_file_free)

/*
 * The entry for "domain/path" (the normalised repository; a bare domain works too): exact
 * namespace first, then each shorter one, then the host; then stored keys with scheme and path
 * stripped, where docker.io, registry-1.docker.io and index.docker.io are one. An entry without
 * secrets ({} beside a helper) is no hit. 1 and *ret filled (the caller's), 0 when there is none;
 * -ERR_FORMAT for an `auth` that is not base64 of user:password.
 */
int auth_file_find(const struct auth_file *f, const char *repository, struct auth_credential *ret,
	struct err *err) must_check;

/*
 * The helper that answers for this domain: credHelpers first, then credsStore; inside f, NULL
 * when there is none. *ret_key: the server name to give to it (inside f or the argument, or
 * static: docker.io is "https://index.docker.io/v1/").
 */
const char *auth_file_helper(const struct auth_file *f, const char *domain, const char **ret_key);

/*
 * Changing a file; all else that it holds is kept. A `server` is "docker.io", "h:5000", or
 * podman's "h:5000/namespace".
 */

/* For a file that is not there yet. */
struct auth_file *auth_file_new(void) must_check;

/* The key a server is stored and given to helpers by: inside the argument, or static. */
const char *auth_file_key(const char *server);

/* Is there an entry, under any of the server's spellings, be it a helper's empty one? */
bool auth_file_has(const struct auth_file *f, const char *server);

/* Store, in place of all entries of that server; NULL: the empty entry that marks a helper's. */
void auth_file_set(struct auth_file *f, const char *server, const struct auth_credential *c);

/* Remove all its entries: how many there were. */
size_t auth_file_remove(struct auth_file *f, const char *server);

/* The servers that have entries, as they are spelled there; and each helper that is named, once. */
char **auth_file_servers(const struct auth_file *f) must_check;
char **auth_file_helpers(const struct auth_file *f) must_check;

/* The whole document with a line break behind it; holds secrets: the caller overwrites it. */
char *auth_file_print(const struct auth_file *f) must_check;

/* "user:password" in base64, for Authorization: Basic; the caller frees it. */
char *auth_basic(const char *username, const char *password) must_check;

/*
 * What `docker-credential-X get` printed: with exit status 0 the JSON answer (username "<token>"
 * makes the secret an identity token), else a message on stdout. 1 found, 0 for "credentials not
 * found in native keychain"; -ERR_AUTH with the helper's first line for other failures.
 */
int auth_helper_parse(const char *out, size_t len, int exit_status, struct auth_credential *ret,
	struct err *err) must_check;

/* What `docker-credential-X store` reads; holds a secret: the caller overwrites it. */
char *auth_helper_store_text(const char *server, const struct auth_credential *c) must_check;

/* What `docker-credential-X list` printed: the servers it knows. */
int auth_helper_list_parse(
	const char *out, size_t len, int exit_status, char ***ret, struct err *err) must_check;

/* What `store` and `erase` printed: nothing that matters, unless they failed. */
int auth_helper_done_parse(
	const char *out, size_t len, int exit_status, struct err *err) must_check;

/* Standard base64; padding may be missing, whitespace may not. -ERR_FORMAT. NUL-terminated too. */
int base64_decode(
	const char *s, size_t len, char **ret, size_t *ret_len, struct err *err) must_check;
char *base64_encode(const void *data, size_t len) must_check;
