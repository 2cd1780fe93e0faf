/*
 * Whom to trust: the system's CA bundle where each distribution keeps it (or SSL_CERT_FILE and
 * SSL_CERT_DIR), more CAs and client certificates from the certs.d directories that docker and
 * the containers tools read, and whether to verify at all. Reads files; opens no connection.
 *
 * A directory of hashed links is preferred to a bundle file: it is looked up, not parsed.
 * certs.d/HOST[:PORT]: ~/.config/containers, ~/.config/docker, /etc/containers, /etc/docker; the
 * first directory that exists is the one. Inside: NAME.crt is a CA added to the system's, NAME.cert and NAME.key
 * are a client pair (half a pair is an error).
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"
#include "registry/url.h"

enum tls_mode {
	TLS_DEFAULT,  /* verify, except on loopback hosts that have no certs.d directory (docker) */
	TLS_VERIFY,   /* always verify, never plain http */
	TLS_INSECURE, /* --tls-verify=false: do not verify; plain http when https does not answer */
};

struct tls_options {
	enum tls_mode mode;
	const char *cert_dir; /* --cert-dir: used for `registry` instead of the search, or NULL */
	const char *registry; /* "host[:port]" that cert_dir belongs to */
};

/* What libcurl is told for one origin. Strings are the struct's; NULL where there is none. */
struct tls_trust {
	bool verify;
	bool has_certs_dir; /* a certs.d directory exists for this origin */
	char *ca_file;	    /* bundle */
	char *ca_path;	    /* directory (or several, colon-separated) of hashed certificates */
	char *ca_extra;	    /* PEM text: the *.crt of certs.d */
	char *client_cert;  /* path of *.cert */
	char *client_key;   /* path of *.key */
};

void tls_trust_done(struct tls_trust *t);
DEFINE_AUTO(tls_trust, struct tls_trust, tls_trust_done)

/*
 * Fill ret for the origin of `url`. `dir_name` is the name certs.d is searched by where it
 * differs from the URL's own host ("docker.io" for registry-1.docker.io), else NULL.
 * -ERR_FORMAT: half a client pair; errno of reading; -ERR_NOT_FOUND: verification is wanted and
 * no CA bundle was found anywhere (the message names the places and the cure).
 */
int tls_trust_find(const struct tls_options *o, const struct url *url, const char *dir_name,
	struct tls_trust *ret, struct err *err) must_check;

/* docker's rule: 127.0.0.0/8, ::1 and localhost are insecure registries unless told otherwise. */
bool tls_is_insecure(const struct tls_options *o, const struct url *url, const char *dir_name);
