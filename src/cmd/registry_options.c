#include "cmd/registry_options.h"

int registry_options_apply(const struct registry_options *o, struct client_options *ret,
	struct credentials **ret_creds, struct err *err)
{
	*ret_creds = NULL;
	if (o->creds) {
		int r = credentials_parse(o->creds, ret_creds, err);

		if (r < 0)
			return r;
	}
	ret->credentials = *ret_creds;
	ret->authfile = o->authfile;
	ret->cert_dir = o->cert_dir;
	if (!o->tls_verify || o->insecure)
		ret->tls = TLS_INSECURE;
	else if (o->tls_verify_given)
		ret->tls = TLS_VERIFY;
	return 0;
}
