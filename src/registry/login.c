#include "registry/login.h"

#include "base/alloc.h"
#include "registry/client_priv.h"

int client_login(struct client *c, char **ret_identity_token, struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	AUTO(url) struct url url = { 0 };
	struct client_op *op;
	int r = client_decide_endpoint(c, err);

	if (r >= 0)
		r = url_resolve(&c->base, "/v2/", &url, err);
	if (r < 0)
		return r;
	op = client_op_for_url(c, &url);
	/* Of no repository: a token for nothing, which proves who we are. */
	op->scope = "";
	op->max_body = HTTP_MAX_ERROR_BODY;
	r = client_op_wait(op, &w, err);
	if (r < 0)
		return r;
	*ret_identity_token = xstrdup(auth_identity_token(c->auth));
	return 0;
}
