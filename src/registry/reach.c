#include "registry/reach.h"

#include "registry/registries.h"

int registry_reach(const struct client_options *o, const struct reference *ref, struct client **ret,
	struct err *err)
{
	struct client_options options = *o;
	bool insecure = false;
	int r = registries_check(ref, &insecure, err);

	if (r < 0)
		return r;
	/* What the user says on the command line comes first. */
	if (insecure && options.tls == TLS_DEFAULT)
		options.tls = TLS_INSECURE;
	return client_new(&options, ref, ret, err);
}
