#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "image/pull_priv.h"

/* How often a layer that somebody else has is tried again. */
#define BUSY_MS 50

static unsigned max_active(const struct pull *p)
{
	return p->options->max_downloads ? p->options->max_downloads : PULL_MAX_DOWNLOADS;
}

static bool is_active(const struct pull_layer *l)
{
	return l->state == PULL_FETCH || l->state == PULL_UNPACK;
}

static size_t count(const struct pull *p, enum pull_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_layers; i++)
		n += p->layers[i].state == state;
	return n;
}

static bool parents_done(const struct pull_layer *l)
{
	for (size_t i = 0; i < l->index; i++)
		if (l->pull->layers[i].state != PULL_DONE)
			return false;
	return true;
}

static bool may_start(const struct pull_layer *l)
{
	return (l->state == PULL_PENDING || l->state == PULL_BUSY) &&
	       (!l->wants_parents || parents_done(l));
}

static int fail(const struct pull_layer *l, int r, struct err *err)
{
	return err_ctx(err, r, "layer %.19s", l->blob->digest.text);
}

static int start_layers(struct pull *p, struct err *err)
{
	size_t active = count(p, PULL_FETCH) + count(p, PULL_UNPACK);

	for (size_t i = 0; i < p->n_layers && active < max_active(p); i++) {
		struct pull_layer *l = &p->layers[i];
		int r;

		if (!may_start(l))
			continue;
		r = pull_layer_start(l, err);
		if (r < 0)
			return fail(l, r, err);
		active += is_active(l);
	}
	return 0;
}

/* Layers whose extractor is to be watched: while a download lasts, only its failure is news. */
static size_t watch(struct pull *p, struct pollfd *fds, struct pull_layer **owners)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_layers; i++) {
		struct pull_layer *l = &p->layers[i];

		if (l->state != PULL_UNPACK)
			continue;
		fds[n] = (struct pollfd){ .fd = layer_unpack_pollfd(l->unpack), .events = POLLIN };
		owners[n++] = l;
	}
	return n;
}

static int advance(struct pull *p, struct err *err)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		int r = pull_layer_advance(&p->layers[i], err);

		if (r < 0)
			return fail(&p->layers[i], r, err);
	}
	return 0;
}

static int take_unpacked(
	const struct pollfd *fds, struct pull_layer **owners, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		if (!fds[i].revents)
			continue;
		r = pull_layer_unpacked(owners[i], err);
		if (r < 0)
			return fail(owners[i], r, err);
	}
	return 0;
}

static int run(struct pull *p, struct pollfd *fds, struct pull_layer **owners, struct err *err)
{
	while (count(p, PULL_DONE) < p->n_layers) {
		int r = start_layers(p, err), timeout;
		size_t n;

		if (r < 0)
			return r;
		/* A resumed download may be complete at once. */
		timeout = count(p, PULL_BUSY) > 0 ? BUSY_MS : -1;
		for (size_t i = 0; i < p->n_layers; i++)
			if (p->layers[i].state == PULL_FETCH && !p->layers[i].transfer)
				timeout = 0;
		if (count(p, PULL_DONE) == p->n_layers)
			break;
		n = watch(p, fds, owners);
		r = client_poll(p->sources[0].client, fds, n, timeout, err);
		if (r >= 0)
			r = advance(p, err);
		if (r >= 0)
			r = take_unpacked(fds, owners, n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int pull_transfer(struct pull *p, struct err *err)
{
	autofree struct pollfd *fds = NEW_ARRAY(struct pollfd, p->n_layers + 1);
	autofree struct pull_layer **owners = NEW_ARRAY(struct pull_layer *, p->n_layers + 1);
	int r = run(p, fds, owners, err);

	for (size_t i = 0; i < p->n_layers; i++)
		pull_layer_abort(&p->layers[i]);
	return r;
}
