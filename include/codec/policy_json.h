/*
 * policy.json of the containers tools (containers-policy.json(5)): which images may be taken from
 * where. `insecureAcceptAnything` and `reject` are decided here; a requirement of a signature
 * ("signedBy", "sigstoreSigned") is one that this program cannot meet, so it refuses.
 *
 *	AUTO(policy) struct policy *p = NULL;
 *	r = policy_parse(text, len, &p, err);
 *	AUTO(strv) char **scopes = policy_scopes_of_reference(&ref);
 *	r = policy_check(p, "docker", scopes, err);
 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/reference.h"

#define POLICY_BYTES_MAX (1U << 20)

struct policy;

/*
 * Strict, as the other tools are: unknown keys and requirements, and empty lists, are -ERR_FORMAT,
 * so that nothing which was meant to restrict is passed over.
 */
int policy_parse(const char *text, size_t len, struct policy **ret, struct err *err) must_check;
void policy_free(struct policy *p);
DEFINE_AUTO_PTR(policy, struct policy, policy_free)

/*
 * The requirements of the first of `scopes` that the transport ("docker", "docker-archive",
 * "oci-archive", "oci", "dir") has; else those of its scope ""; else the default. All have to
 * accept. -ERR_DENIED: rejected; -ERR_UNSUPPORTED: a signature is required.
 */
int policy_check(const struct policy *p, const char *transport, char *const *scopes,
	struct err *err) must_check;

/* Of "h:5000/a/b:t": itself, "h:5000/a/b", "h:5000/a", "h:5000", then "*.domain" of a host name. */
char **policy_scopes_of_reference(const struct reference *ref) must_check;

/* Of an absolute path without "." and "..": itself and each directory above it but "/". */
char **policy_scopes_of_path(const char *path) must_check;
