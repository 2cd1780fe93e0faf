#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "image/pull_priv.h"

void pull_sources_close(struct pull *p)
{
	/* The first one lends its connections to the others. */
	for (size_t i = p->n_sources; i > 0; i--)
		client_free(p->sources[i - 1].client);
	free(TAKE_PTR(p->sources));
	p->n_sources = 0;
	registry_endpoints_done(&p->endpoints);
}

/* What the user typed for one registry is not shown to a mirror elsewhere. */
static int open_source(struct pull *p, size_t i, struct err *err)
{
	const struct registry_endpoint *e = &p->endpoints.v[i];
	struct client_options o = p->options->client;

	if (!e->takes_creds) {
		o.credentials = NULL;
		o.cert_dir = NULL;
	}
	if (e->insecure && o.tls == TLS_DEFAULT)
		o.tls = TLS_INSECURE;
	o.beside = i > 0 ? p->sources[0].client : NULL;
	o.one_try = e->is_mirror;
	return client_new(&o, &e->ref, &p->sources[i].client, err);
}

int pull_sources_open(struct pull *p, struct err *err)
{
	int r = registries_resolve(&p->ref, &p->endpoints, err);

	if (r < 0)
		return r;
	p->sources = NEW_ARRAY(struct pull_source, p->endpoints.n);
	for (p->n_sources = 0; p->n_sources < p->endpoints.n; p->n_sources++) {
		r = open_source(p, p->n_sources, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- order --- */

/* The one that had the manifest, then the others as configured. */
static size_t in_order(const struct pull *p, size_t k)
{
	if (k == 0)
		return p->chosen;
	return k <= p->chosen ? k - 1 : k;
}

static bool is_primary(const struct pull *p, size_t i)
{
	return i + 1 == p->n_sources;
}

/* What another endpoint may do better: not our own disk, memory or arguments. */
static bool may_pass_over(int r)
{
	return -r >= ERR_USAGE;
}

/* One that does not answer, or answers with the failures of servers, is not asked again. */
static void pass_over(struct pull *p, size_t i, int r, const struct err *why)
{
	const char *domain = p->endpoints.v[i].ref.domain;

	if (is_primary(p, i))
		return;
	if (r != -ERR_NETWORK && r != -ERR_TIMEOUT) {
		log_debug("mirror %s: %s", domain, why->msg);
		return;
	}
	if (!p->sources[i].dead)
		log_warn("mirror %s is not used: %s", domain, why->msg);
	p->sources[i].dead = true;
}

/* --- small things, waited for --- */

/* 1: done, 0: done and nothing came of it, ask the next; else as the functions of client.h. */
typedef int ask_fn(struct pull *p, size_t i, void *ctx, struct err *err);

/* The first answer; or why there is none, as the registry itself says it. */
static int ask_each(struct pull *p, ask_fn *ask, void *ctx, struct err *err)
{
	int r = 0;

	for (size_t k = 0; k < p->n_sources; k++) {
		size_t i = in_order(p, k);
		struct err why = { 0 };
		int one;

		if (p->sources[i].dead)
			continue;
		one = ask(p, i, ctx, &why);
		if (one > 0)
			return one;
		if (one < 0)
			pass_over(p, i, one, &why);
		if (k == 0 || is_primary(p, i)) {
			r = one;
			if (one < 0 && err)
				*err = why;
		}
		if (one < 0 && !may_pass_over(one)) {
			if (err)
				*err = why;
			return one;
		}
	}
	return r;
}

struct ask_manifest {
	const char *want; /* NULL: what the user asked for */
	struct client_manifest *ret;
};

static const char *wanted_of(const struct pull *p, size_t i)
{
	const struct reference *ref = &p->endpoints.v[i].ref;

	return ref->has_digest ? ref->digest.text : ref->tag;
}

static int ask_manifest(struct pull *p, size_t i, void *ctx, struct err *err)
{
	const struct ask_manifest *a = ctx;
	const char *want = a->want ? a->want : wanted_of(p, i);
	int r = client_manifest(p->sources[i].client, want, a->ret, err);

	if (r < 0)
		return r;
	if (!a->want)
		p->chosen = i;
	return 1;
}

int pull_ask_manifest(
	struct pull *p, const char *digest, struct client_manifest *ret, struct err *err)
{
	struct ask_manifest a = { .want = digest, .ret = ret };
	int r = ask_each(p, ask_manifest, &a, err);

	return r < 0 ? r : 0;
}

static int ask_head(struct pull *p, size_t i, void *ctx, struct err *err)
{
	return client_head(p->sources[i].client, wanted_of(p, i), ctx, err);
}

int pull_ask_head(struct pull *p, struct digest *ret, struct err *err)
{
	return ask_each(p, ask_head, ret, err);
}

struct ask_blob {
	const struct descriptor *blob;
	char **ret;
};

static int ask_blob(struct pull *p, size_t i, void *ctx, struct err *err)
{
	const struct ask_blob *a = ctx;
	int r = client_blob_read(
		p->sources[i].client, &a->blob->digest, a->blob->size, a->ret, err);

	return r < 0 ? r : 1;
}

int pull_ask_blob(struct pull *p, const struct descriptor *blob, char **ret, struct err *err)
{
	struct ask_blob a = { .blob = blob, .ret = ret };
	int r = ask_each(p, ask_blob, &a, err);

	return r < 0 ? r : 0;
}

/* --- layers --- */

struct client *pull_layer_client(struct pull_layer *l)
{
	struct pull *p = l->pull;

	/* Another layer may have found out meanwhile that it is of no use. */
	if (!l->tried)
		l->source = p->chosen;
	if (p->sources[l->source].dead)
		(void)pull_layer_next_source(l);
	return p->sources[l->source].client;
}

bool pull_layer_next_source(struct pull_layer *l)
{
	const struct pull *p = l->pull;

	l->tried |= UINT64_C(1) << l->source;
	for (size_t k = 0; k < p->n_sources; k++) {
		size_t i = in_order(p, k);

		if (p->sources[i].dead || (l->tried & UINT64_C(1) << i))
			continue;
		l->source = i;
		return true;
	}
	return false;
}

bool pull_layer_passes_over(struct pull_layer *l, int r, const struct err *why)
{
	if (!may_pass_over(r))
		return false;
	pass_over(l->pull, l->source, r, why);
	if (!pull_layer_next_source(l))
		return false;
	log_debug("layer %s: %s; trying %s", l->blob->digest.text, why->msg,
		l->pull->endpoints.v[l->source].ref.domain);
	return true;
}
