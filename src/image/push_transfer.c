#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "image/push_priv.h"

static unsigned max_active(const struct push_image *i)
{
	unsigned n = i->push->options->max_uploads;

	return n ? n : PUSH_MAX_UPLOADS;
}

static void tell(const struct push_item *item, enum push_phase phase, uint64_t done, uint64_t total)
{
	const struct push_progress *progress = &item->image->push->options->progress;
	struct push_event e = {
		.layer = item->image->first + item->index,
		.phase = phase,
		.done = done,
		.total = total,
		.from = item->from,
	};

	if (progress->layer && !item->is_config)
		progress->layer(progress->ctx, &e);
}

/* --- one layer: pack it when nobody has it, send it --- */

static void stop(struct push_item *item)
{
	if (item->upload)
		client_upload_cancel(TAKE_PTR(item->upload));
	if (item->job)
		layer_pack_abort(TAKE_PTR(item->job));
	item->fd = fd_close(item->fd);
}

static void on_progress(void *ctx, uint64_t sent)
{
	struct push_item *item = ctx;

	item->image->push->reached = true;
	tell(item, PUSH_SENDING, sent, item->size);
}

static void on_done(void *ctx, enum client_uploaded how, int r, const struct err *err)
{
	struct push_item *item = ctx;

	item->upload = NULL;
	item->ended = true;
	item->how = how;
	item->failure = r;
	if (r < 0)
		item->err = *err;
	else
		item->image->push->reached = true;
}

/* A repository that has the blob for sure; else one that the caller has named. */
static const char *find_source(const struct push_item *item)
{
	char *const *named = item->image->push->options->mount_from;

	STRV_FOREACH (line, item->image->sources) {
		const char *rest = str_after(line, item->digest.text);

		if (rest && *rest == ' ')
			return rest + 1;
	}
	return named ? *named : NULL;
}

static int start_upload(struct push_item *item, struct err *err)
{
	struct push *p = item->image->push;
	struct client_upload_request q = {
		.digest = &item->digest,
		.size = item->size,
		.progress = on_progress,
		.done = on_done,
		.ctx = item,
	};
	int r = blob_open(p->store, &item->digest, &item->fd, err);

	if (r < 0 && r != -ERR_NOT_FOUND)
		return r;
	item->from = find_source(item);
	q.from = item->from;
	q.fd = item->fd;
	item->ended = false;
	item->state = PUSH_UPLOAD;
	return client_upload(p->client, &q, &item->upload, err);
}

static void how_to_pack(const struct push_item *item, struct layer_pack_how *ret)
{
	*ret = (struct layer_pack_how){
		.source = &item->blob->digest,
		.format = item->packing,
		.level = item->image->level,
	};
}

static int start_packing(struct push_item *item, struct err *err)
{
	struct layer_pack_how how;

	how_to_pack(item, &how);
	item->state = PUSH_PACK;
	tell(item, PUSH_COMPRESSING, 0, item->blob->size);
	return layer_pack_begin(item->image->push->store, &how, &item->job, err);
}

static int start(struct push_item *item, struct err *err)
{
	struct layer_pack_how how;
	int r;

	if (item->foreign || item->twin) {
		item->state = PUSH_DONE;
		tell(item, item->foreign ? PUSH_FOREIGN : PUSH_EXISTS, 0, 0);
		return 0;
	}
	if (!item->repack || item->packed)
		return start_upload(item, err);
	how_to_pack(item, &how);
	r = layer_pack_known(item->image->push->store, &how, &item->digest, &item->size, err);
	if (r < 0)
		return r;
	return r == 1 ? start_upload(item, err) : start_packing(item, err);
}

static int advance_packing(struct push_item *item, struct err *err)
{
	uint64_t done;
	int r = layer_pack_read(item->job, &done, err);

	if (r < 0)
		return r;
	tell(item, PUSH_COMPRESSING, done, item->blob->size);
	if (r == 0)
		return 0;
	r = layer_pack_finish(TAKE_PTR(item->job), &item->digest, &item->size, err);
	if (r < 0)
		return r;
	item->packed = true;
	return start_upload(item, err);
}

static int advance_upload(struct push_item *item, struct err *err)
{
	static const enum push_phase phases[] = {
		[CLIENT_EXISTED] = PUSH_EXISTS,
		[CLIENT_MOUNTED] = PUSH_MOUNTED,
		[CLIENT_SENT] = PUSH_SENT,
	};
	bool had_bytes = item->fd >= 0;

	if (!item->ended)
		return 0;
	item->fd = fd_close(item->fd);
	/* Its digest was known, its bytes are not: they have to be made once more. */
	if (item->failure == -ERR_NOT_FOUND && item->repack && !item->packed && !had_bytes)
		return start_packing(item, err);
	if (item->failure < 0) {
		if (err)
			*err = item->err;
		return item->failure;
	}
	item->state = PUSH_DONE;
	tell(item, phases[item->how], item->size, item->size);
	return 0;
}

/* --- all of them --- */

static size_t count(const struct push_image *i, enum push_state state)
{
	size_t n = 0;

	for (size_t k = 0; k < i->n_items; k++)
		n += i->items[k].state == state;
	return n;
}

static int fail(const struct push_item *item, int r, struct err *err)
{
	return err_ctx(
		err, r, "%s %.19s", item->is_config ? "config" : "layer", item->blob->digest.text);
}

static bool is_active(const struct push_item *item)
{
	return item->state == PUSH_PACK || item->state == PUSH_UPLOAD;
}

/*
 * One goes ahead, so that a wrong password is not tried five times, nor five tokens fetched where
 * one serves all.
 */
static bool has_to_wait(const struct push_item *item)
{
	return !item->image->push->reached && count(item->image, PUSH_UPLOAD) > 0 &&
	       (!item->repack || item->packed);
}

static int start_items(struct push_image *i, struct err *err)
{
	size_t active = count(i, PUSH_PACK) + count(i, PUSH_UPLOAD);

	for (size_t k = 0; k < i->n_items && active < max_active(i); k++) {
		struct push_item *item = &i->items[k];
		int r;

		if (item->state != PUSH_PENDING || has_to_wait(item))
			continue;
		r = start(item, err);
		if (r < 0)
			return fail(item, r, err);
		active += is_active(item);
	}
	return 0;
}

static size_t watch(struct push_image *i, struct pollfd *fds, struct push_item **owners)
{
	size_t n = 0;

	for (size_t k = 0; k < i->n_items; k++) {
		struct push_item *item = &i->items[k];

		if (item->state != PUSH_PACK)
			continue;
		fds[n] = (struct pollfd){ .fd = layer_pack_pollfd(item->job), .events = POLLIN };
		owners[n++] = item;
	}
	return n;
}

static int advance(struct push_image *i, const struct pollfd *fds, struct push_item **owners,
	size_t n, struct err *err)
{
	for (size_t k = 0; k < n; k++) {
		int r = fds[k].revents ? advance_packing(owners[k], err) : 0;

		if (r < 0)
			return fail(owners[k], r, err);
	}
	for (size_t k = 0; k < i->n_items; k++) {
		struct push_item *item = &i->items[k];
		int r = item->state == PUSH_UPLOAD ? advance_upload(item, err) : 0;

		if (r < 0)
			return fail(item, r, err);
	}
	return 0;
}

static int run(struct push_image *i, struct pollfd *fds, struct push_item **owners, struct err *err)
{
	for (;;) {
		int r = start_items(i, err);
		size_t n;

		if (r < 0 || count(i, PUSH_DONE) == i->n_items)
			return r;
		n = watch(i, fds, owners);
		r = client_poll(i->push->client, fds, n, -1, err);
		if (r >= 0)
			r = advance(i, fds, owners, n, err);
		if (r < 0)
			return r;
	}
}

int push_transfer(struct push_image *i, struct err *err)
{
	autofree struct pollfd *fds = NEW_ARRAY(struct pollfd, i->n_items + 1);
	autofree struct push_item **owners = NEW_ARRAY(struct push_item *, i->n_items + 1);
	int r;

	for (size_t k = 0; k < i->n_items; k++) {
		i->items[k].state = PUSH_PENDING;
		tell(&i->items[k], PUSH_WAITING, 0, 0);
	}
	r = run(i, fds, owners, err);
	for (size_t k = 0; k < i->n_items; k++)
		stop(&i->items[k]);
	return r;
}
