/*
 * What every command that talks to a registry is told by: --authfile, --creds, --cert-dir and
 * --tls-verify. One struct inside the command's own, one macro in its table, one call.
 *
 *	struct push_opts {
 *		struct registry_options registry;
 *		...
 *	};
 *	static const struct push_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };
 *	static const struct option_spec push_options[] = {
 *		OPT_REGISTRY(struct push_opts, registry),
 *		...
 *
 *	AUTO(credentials) struct credentials *creds = NULL;
 *	struct client_options client = CLIENT_OPTIONS_INIT;
 *	r = registry_options_apply(&o->registry, &client, &creds, err);
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cli/option.h"
#include "registry/client.h"

struct registry_options {
	const char *authfile; /* as typed, or NULL; so for the rest */
	const char *creds;    /* USER[:PASSWORD] */
	const char *cert_dir;
	bool tls_verify;
	bool tls_verify_given; /* then it holds for loopback too */
	bool insecure;	       /* docker's word for --tls-verify=false */
};

#define REGISTRY_OPTIONS_INIT      \
	{                          \
		.tls_verify = true \
	}

#define OPT_AUTHFILE(T, f)                                                                       \
	OPT_STRING(T, f.authfile, 0, "authfile", "FILE", "Take credentials from this file only", \
		.complete = COMPLETE_FILE,                                                       \
		.detail = "Without it, $REGISTRY_AUTH_FILE, the files of podman and "            \
			  "docker and their credential helpers are asked.")

#define OPT_TLS(T, f)                                                                             \
	OPT_STRING(T, f.cert_dir, 0, "cert-dir", "DIR",                                           \
		"Take the registry's CA (*.crt) and client certificate (*.cert, *.key) from DIR", \
		.complete = COMPLETE_DIR,                                                         \
		.detail = "Without it, certs.d/HOST[:PORT] below ~/.config/containers, "          \
			  "/etc/containers and /etc/docker."),                                    \
		OPT_FLAG(T, f.tls_verify, 0, "tls-verify",                                        \
			"Require https and verify certificates", .default_text = "true",          \
			.seen = OPT_SEEN(T, f.tls_verify_given),                                  \
			.detail = "Registries on loopback are not verified, and may speak plain " \
				  "HTTP, unless this option is given or they have a certs.d "     \
				  "directory.")

/* Only for commands that have it in docker. */
#define OPT_INSECURE(T, f) OPT_FLAG(T, f.insecure, 0, "insecure", "The same as --tls-verify=false")

/* The four options of `f`, a struct registry_options inside T. */
#define OPT_REGISTRY(T, f)                                                                     \
	OPT_STRING(T, f.creds, 0, "creds", "USER[:PASSWORD]", "Log in with these credentials", \
		.detail = "They are visible to other users in the process list; a file given " \
			  "by --authfile is not."),                                            \
		OPT_AUTHFILE(T, f), OPT_TLS(T, f)

/*
 * Fill the fields of ret that these options are about. *ret_creds (the caller's: AUTO(credentials))
 * is NULL without --creds, and has to outlive the client. -ERR_USAGE: --creds without a user.
 */
int registry_options_apply(const struct registry_options *o, struct client_options *ret,
	struct credentials **ret_creds, struct err *err) must_check;
