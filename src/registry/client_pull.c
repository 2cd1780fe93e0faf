#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "registry/client_priv.h"

/* One line, comma-joined: some servers read the first Accept header only (registry.md 2.1). */
#define ACCEPT_MANIFESTS                                              \
	"application/vnd.oci.image.index.v1+json, "                   \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.oci.image.manifest.v1+json, "                \
	"application/vnd.docker.distribution.manifest.v2+json, */*"

struct client_blob {
	struct client_op *op;
	struct client_blob_request q;
};

/* --- manifests --- */

void client_manifest_done(struct client_manifest *m)
{
	free(m->bytes);
	free(m->content_type);
	*m = (struct client_manifest){ 0 };
}

static int check_digest(
	const struct client_wait *w, const struct digest *own, const char *wanted, struct err *err)
{
	const char *hint = w->encoded ? " (the answer came with a Content-Encoding)" : "";

	if (strchr(wanted, ':') && !str_eq(wanted, own->text))
		return err_set(err, ERR_DIGEST, "manifest %s: the registry sent %s instead%s",
			wanted, own->text, hint);
	if (digest_is_set(&w->digest) && !digest_equal(&w->digest, own))
		return err_set(err, ERR_DIGEST,
			"manifest %s: its bytes are %s, the registry's header says %s%s", wanted,
			own->text, w->digest.text, hint);
	return 0;
}

int client_manifest(
	struct client *c, const char *tag_or_digest, struct client_manifest *ret, struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	struct client_op *op;
	struct digest digest;
	int r;

	r = client_decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = client_op_new(c, "manifests", tag_or_digest, err);
	if (!op)
		return -ERR_FORMAT;
	op->accept = ACCEPT_MANIFESTS;
	op->max_body = CLIENT_MAX_MANIFEST;
	r = client_op_wait(op, &w, err);
	if (r < 0) /* a tag is in the image's name, which the caller adds */
		return strchr(tag_or_digest, ':') ? err_ctx(err, r, "manifest %s", tag_or_digest)
						  : r;
	digest_of(w.bytes, w.len, &digest);
	r = check_digest(&w, &digest, tag_or_digest, err);
	if (r < 0)
		return r;
	*ret = (struct client_manifest){
		.bytes = TAKE_PTR(w.bytes),
		.len = w.len,
		.content_type = TAKE_PTR(w.content_type),
		.digest = digest,
	};
	return 0;
}

int client_head(struct client *c, const char *tag, struct digest *ret, struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	struct client_op *op;
	int r;

	r = client_decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = client_op_new(c, "manifests", tag, err);
	if (!op)
		return -ERR_FORMAT;
	op->method = HTTP_HEAD;
	op->accept = ACCEPT_MANIFESTS;
	r = client_op_wait(op, &w, err);
	/* HEAD has no body to explain a refusal with: let the caller GET and learn why. */
	if (w.status != 0 && w.status != 200)
		return 0;
	if (r < 0)
		return r;
	if (!digest_is_set(&w.digest))
		return 0;
	*ret = w.digest;
	return 1;
}

/* --- blobs --- */

static void on_blob(void *ctx, const struct http_response *response, int r, const struct err *err)
{
	struct client_blob *b = ctx;
	struct err own = *err;

	if (r == 0 && response->status != 200 && response->status != 206)
		r = client_status_error(b->op->client, response, &own);
	b->q.done(b->q.sink.ctx, r, &own);
	free(b);
}

static int start_blob(struct client_op *op, const struct client_blob_request *q,
	struct client_blob **ret, struct err *err)
{
	struct client_blob *b = NEW(struct client_blob);
	int r;

	b->op = op;
	b->q = *q;
	op->offset = q->offset;
	op->size = q->size;
	op->sink = q->sink;
	op->done = on_blob;
	op->ctx = b;
	r = client_op_send(op, err);
	if (r < 0) {
		client_op_free(op);
		free(b);
		return r;
	}
	*ret = b;
	return 0;
}

int client_blob(struct client *c, const struct client_blob_request *q, struct client_blob **ret,
	struct err *err)
{
	struct client_op *op;
	int r;

	r = client_decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = client_op_new(c, "blobs", q->digest->text, err);
	if (!op)
		return -ERR_FORMAT;
	return start_blob(op, q, ret, err);
}

/* A manifest of the world is no reason to look around inside this host or network. */
static int check_place(const struct client *c, const struct url *url, struct err *err)
{
	enum url_host class = url_host_class(url);
	autofree char *shown = url_display(url);

	if (class == URL_HOST_NAME || class == URL_HOST_PUBLIC || class == url_host_class(&c->base))
		return 0;
	return err_set(err, ERR_DENIED, "%s: a local address, refused", shown);
}

int client_blob_at(struct client *c, const char *text, const struct client_blob_request *q,
	struct client_blob **ret, struct err *err)
{
	AUTO(url) struct url url = { 0 };
	struct client_op *op;
	int r;

	r = url_parse(text, &url, err);
	if (r >= 0)
		r = check_place(c, &url, err);
	if (r < 0)
		return r;
	op = client_op_for_url(c, &url);
	op->anonymous = op->no_challenge = true;
	return start_blob(op, q, ret, err);
}

void client_blob_cancel(struct client_blob *b)
{
	client_op_free(b->op);
	free(b);
}

int client_blob_read(
	struct client *c, const struct digest *digest, uint64_t size, char **ret, struct err *err)
{
	AUTO(client_wait) struct client_wait w = { 0 };
	struct client_op *op;
	struct digest have;
	int r;

	if (size > CLIENT_MAX_CONFIG)
		return err_set(err, ERR_LIMIT,
			"blob %s: %llu bytes are more than a config may have", digest->text,
			(unsigned long long)size);
	r = client_decide_endpoint(c, err);
	if (r < 0)
		return r;
	op = client_op_new(c, "blobs", digest->text, err);
	if (!op)
		return -ERR_FORMAT;
	op->max_body = size;
	r = client_op_wait(op, &w, err);
	if (r < 0)
		return err_ctx(err, r, "blob %s", digest->text);
	digest_of(w.bytes, w.len, &have);
	if (w.len != size || !digest_equal(&have, digest))
		return err_set(err, ERR_DIGEST,
			"blob %s: the registry sent %zu bytes with digest %s", digest->text, w.len,
			have.text);
	*ret = TAKE_PTR(w.bytes);
	return 0;
}
