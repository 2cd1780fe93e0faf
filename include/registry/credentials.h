/*
 * Whom we log in as, and where that is kept: from --creds, or from the auth files of podman and docker and their
 * credential helpers (docker-credential-NAME). Secrets live in structs that nothing prints and are
 * overwritten when freed (CVE-2019-13509).
 *
 * Order: --authfile or $REGISTRY_AUTH_FILE and then nothing else; $XDG_RUNTIME_DIR/containers/
 * auth.json (/run/containers/UID/auth.json without the variable); ~/.config/containers/auth.json;
 * $DOCKER_AUTH_CONFIG (the JSON itself); $DOCKER_CONFIG/config.json or ~/.docker/config.json;
 * ~/.dockercfg. The first with a hit wins; inside one, a helper comes before what is written there.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "codec/auth_file.h"

struct credentials;

/* "USER[:PASSWORD]", as --creds takes it. -ERR_USAGE without a user. The caller frees *ret. */
int credentials_parse(const char *text, struct credentials **ret, struct err *err) must_check;
struct credentials *credentials_new(const char *username, const char *password) must_check;
void credentials_free(struct credentials *c);
DEFINE_AUTO_PTR(credentials, struct credentials, credentials_free)

/* A copy in the form that a lookup gives. */
void credentials_copy(const struct credentials *c, struct auth_credential *ret);

/*
 * What the files and helpers say of `domain` ("docker.io", "h:5000") and `path` ("library/x").
 * 1 with *ret (the caller's), 0 when nothing is stored; a file named by the user that is missing
 * or any file that is malformed is an error; a helper that is not installed is a warning.
 */
int credentials_find(const char *authfile, const char *domain, const char *path,
	struct auth_credential *ret, struct err *err) must_check;

/*
 * Where `login` stores what belongs to a server ("docker.io", "h:5000", "h/namespace"): in
 * --authfile or $REGISTRY_AUTH_FILE; else where there is an entry for it already; else in docker's
 * config.json, which outlives a reboot and names the helpers. When that file names a helper for the
 * server, the secret goes to it and the file gets an empty entry.
 */
struct credentials_place {
	char *path;   /* of the file */
	char *helper; /* that has the secret; NULL: it is in the file */
};

void credentials_place_done(struct credentials_place *p);
DEFINE_AUTO(credentials_place, struct credentials_place, credentials_place_done)

/*
 * Store in that place: the file is replaced in one step, 0600, directories made 0700, a symbolic
 * link followed, everything else in it kept. *ret says where; the caller's.
 */
int credentials_store(const char *authfile, const char *server, const struct auth_credential *c,
	struct credentials_place *ret, struct err *err) must_check;

/*
 * Forget a server in every place that credentials_find would look at (but $DOCKER_AUTH_CONFIG),
 * helpers included. 1, or 0 when nothing was stored.
 */
int credentials_erase(const char *authfile, const char *server, struct err *err) must_check;

/* Forget all servers of those places. How many there were. */
int credentials_erase_all(const char *authfile, struct err *err) must_check;

/*
 * Run "docker-credential-<name> get" for this server: searched in PATH, no shell, 30 s at most.
 * 1 and *ret, 0 when it knows none, -ERR_NOT_FOUND when there is no such program, -ERR_AUTH.
 */
int credentials_ask_helper(const char *name, const char *server, struct auth_credential *ret,
	struct err *err) must_check;

/* The other verbs of the protocol, likewise. The secret goes through a pipe, never into argv. */
int credentials_helper_store(const char *name, const char *server, const struct auth_credential *c,
	struct err *err) must_check;
int credentials_helper_erase(const char *name, const char *server, struct err *err) must_check;
int credentials_helper_list(const char *name, char ***ret, struct err *err) must_check;
