/* Manifests to a registry. Blobs are in client_upload.c. */
#include <string.h>

#include "base/str.h"
#include "registry/client_priv.h"
#include "registry/push.h"

int client_has_manifest(struct client *c, const struct digest *digest, struct err *err)
{
	struct digest have;
	int r = client_head(c, digest->text, &have, err);

	return r == 1 && !digest_equal(&have, digest) ? 0 : r;
}

/* What the registry's own words make of a refusal. */
static int kind_of(const struct client_wait *w)
{
	const char *code = w->code ? w->code : "";

	if (str_eq(code, "MANIFEST_BLOB_UNKNOWN") || str_eq(code, "BLOB_UNKNOWN"))
		return ERR_NOT_FOUND;
	if (w->status == 415 || str_eq(code, "MANIFEST_INVALID") || str_eq(code, "UNSUPPORTED"))
		return ERR_UNSUPPORTED;
	return 0;
}

static int refused(const struct client_wait *w, int r, struct err *err)
{
	int kind = w->status >= 400 ? kind_of(w) : 0;

	if (kind == 0)
		return r;
	if (err)
		err->kind = kind;
	return -kind;
}

int client_put_manifest(
	struct client *c, const char *tag_or_digest, const struct client_put *q, struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	struct client_op *op;
	struct digest own;
	int r = client_decide_endpoint(c, err);

	if (r < 0)
		return r;
	op = client_op_new(c, "manifests", tag_or_digest, err);
	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_PUT;
	op->scope = c->push_scope;
	op->content_type = q->media_type;
	op->body = q->bytes;
	op->body_len = q->len;
	r = client_op_wait(op, &w, err);
	if (r < 0)
		return refused(&w, r, err);
	digest_of(q->bytes, q->len, &own);
	if (digest_is_set(&w.digest) && !digest_equal(&w.digest, &own))
		return err_set(err, ERR_DIGEST, "%s stored the manifest as %s, its bytes are %s",
			c->domain, w.digest.text, own.text);
	if (w.status == 200 && !digest_is_set(&w.digest))
		return err_set(err, ERR_NETWORK,
			"%s answered 200 to a manifest: this is no registry", c->domain);
	return 0;
}
