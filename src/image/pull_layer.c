#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "image/pull_priv.h"
#include "sys/file.h"

void pull_layer_report(struct pull_layer *l, enum pull_phase phase)
{
	const struct pull_progress *progress = &l->pull->options->progress;

	if (progress->layer)
		progress->layer(
			progress->ctx, l->index, phase, l->written + l->n_gathered, l->blob->size);
}

/* --- the blob's bytes --- */

static int flush(struct pull_layer *l, struct err *err)
{
	int r;

	if (l->n_gathered == 0)
		return 0;
	r = file_write_all(ingest_fd(l->ingest), l->gathered, l->n_gathered, err);
	if (r < 0)
		return r;
	hash_update(l->hash, l->gathered, l->n_gathered);
	l->written += l->n_gathered;
	l->n_gathered = 0;
	if (l->written - l->on_its_way >= PULL_WRITEBACK) {
		file_start_writeback(ingest_fd(l->ingest), l->on_its_way, PULL_WRITEBACK);
		l->on_its_way += PULL_WRITEBACK;
	}
	if (l->unpack)
		layer_unpack_more(l->unpack, l->written);
	return 0;
}

/*
 * The stream begins at `offset`: where we asked it to, or at 0 when the server ignores Range. Then
 * what is here already is passed over, so that the extractor that reads it need not notice; a
 * server that sends other bytes this time is found out by the digest.
 */
static int on_begin(void *ctx, uint64_t offset, struct err *err)
{
	struct pull_layer *l = ctx;
	uint64_t have = l->written + l->n_gathered;

	if (offset > have)
		return err_set(err, ERR_NETWORK, "a part is missing before byte %llu",
			(unsigned long long)offset);
	l->skip = have - offset;
	return 0;
}

static int on_write(void *ctx, const void *data, size_t len, struct err *err)
{
	struct pull_layer *l = ctx;
	const char *p = data;
	size_t skip = l->skip < len ? (size_t)l->skip : len;

	l->skip -= skip;
	p += skip;
	len -= skip;
	while (len > 0) {
		size_t room = PULL_GATHER - l->n_gathered, n = len < room ? len : room;
		int r;

		memcpy(l->gathered + l->n_gathered, p, n);
		l->n_gathered += n;
		p += n;
		len -= n;
		if (l->n_gathered < PULL_GATHER)
			break;
		r = flush(l, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct pull_layer *l = ctx;

	l->transfer = NULL;
	l->failure = r;
	if (r < 0)
		l->err = *err;
}

/* What an earlier pull left is hashed again before anything is added to it. */
static int hash_prefix(struct pull_layer *l, struct err *err)
{
	uint64_t end = ingest_offset(l->ingest);

	while (l->written < end) {
		uint64_t left = end - l->written;
		size_t n = left < PULL_GATHER ? (size_t)left : PULL_GATHER;
		int r = file_pread_exact(ingest_fd(l->ingest), l->gathered, n, l->written, err);

		if (r < 0)
			return r;
		hash_update(l->hash, l->gathered, n);
		l->written += n;
	}
	return 0;
}

/* The manifest holds the blob itself. */
static int take_embedded(struct pull_layer *l, struct err *err)
{
	int r = on_begin(l, 0, err);

	return r < 0 ? r : on_write(l, l->blob->data, (size_t)l->blob->size, err);
}

static struct client_blob_request request_of(struct pull_layer *l)
{
	return (struct client_blob_request){
		.digest = &l->blob->digest,
		.size = l->blob->size,
		.offset = l->written,
		.sink = { .begin = on_begin, .write = on_write, .ctx = l },
		.done = on_done,
	};
}

/*
 * What no endpoint has, the manifest may name places for (registry.md 2.2, foreign layers). They
 * are asked last: a mirror that has the layer spares us strangers.
 */
static int start_elsewhere(struct pull_layer *l, struct err *err)
{
	struct client_blob_request q = request_of(l);
	char **urls = l->blob->urls;
	int r = l->failure;

	l->failure = 0;
	while (r < 0 && urls && urls[l->n_urls]) {
		log_debug("layer %s: %s; trying %s", l->blob->digest.text, l->err.msg,
			urls[l->n_urls]);
		r = client_blob_at(
			pull_layer_client(l), urls[l->n_urls++], &q, &l->transfer, &l->err);
	}
	if (r < 0 && err)
		*err = l->err;
	return r;
}

static int start_download(struct pull_layer *l, struct err *err)
{
	struct client_blob_request q = request_of(l);
	struct err why = { 0 };
	int r;

	l->failure = 0;
	if (l->written == l->blob->size)
		return 0;
	if (l->blob->data)
		return take_embedded(l, err);
	do {
		r = client_blob(pull_layer_client(l), &q, &l->transfer, &why);
	} while (r < 0 && pull_layer_passes_over(l, r, &why));
	if (r < 0 && err)
		*err = why;
	return r;
}

/* --- locks --- */

static void drop_download(struct pull_layer *l)
{
	if (l->transfer)
		client_blob_cancel(TAKE_PTR(l->transfer));
	if (l->hash)
		hash_free(TAKE_PTR(l->hash));
	free(TAKE_PTR(l->gathered));
	l->n_gathered = 0;
	l->written = l->on_its_way = l->skip = 0;
}

void pull_layer_abort(struct pull_layer *l)
{
	if (l->ingest && l->gathered)
		(void)!flush(l, NULL);
	drop_download(l);
	if (l->unpack)
		layer_unpack_abort(TAKE_PTR(l->unpack));
	if (l->ingest)
		ingest_abort(TAKE_PTR(l->ingest));
}

static int begin_unpack(struct pull_layer *l, int blob_fd, struct err *err)
{
	struct pull *p = l->pull;
	struct layer_unpack_args args = {
		.chain_ids = p->chain_ids,
		.index = l->index,
		.diff_id = &p->config.diff_ids[l->index],
		.blob = &l->blob->digest,
		.map = &p->map,
		.blob_fd = blob_fd,
		.flags = LAYER_NOWAIT,
	};

	return layer_unpack_begin(p->store, &args, &l->unpack, err);
}

/* The blob is in the store: only unpack. */
static int start_from_blob(struct pull_layer *l, struct err *err)
{
	autofd int fd = -EBADF;
	int r = blob_open(l->pull->store, &l->blob->digest, &fd, err);

	if (r < 0)
		return r;
	r = begin_unpack(l, fd, err);
	if (r == -EAGAIN) {
		l->state = PULL_BUSY;
		return 0;
	}
	if (r < 0)
		return r;
	l->written = l->blob->size;
	if (r == 1) {
		l->state = PULL_DONE;
		pull_layer_report(l, PULL_COMPLETE);
		return 0;
	}
	layer_unpack_end(l->unpack, l->blob->size);
	l->state = PULL_UNPACK;
	pull_layer_report(l, PULL_EXTRACTING);
	return 0;
}

static int start_with_ingest(struct pull_layer *l, struct err *err)
{
	int r;

	l->gathered = xmalloc(PULL_GATHER);
	l->hash = hash_new();
	r = hash_prefix(l, err);
	if (r < 0)
		return r;
	r = begin_unpack(l, ingest_fd(l->ingest), err);
	if (r == -EAGAIN) {
		pull_layer_abort(l);
		l->state = PULL_BUSY;
		return 0;
	}
	if (r < 0)
		return r;
	r = start_download(l, err);
	if (r < 0)
		return r;
	if (l->unpack && l->written > 0)
		layer_unpack_more(l->unpack, l->written);
	l->state = PULL_FETCH;
	pull_layer_report(l, PULL_DOWNLOADING);
	return 0;
}

int pull_layer_start(struct pull_layer *l, struct err *err)
{
	int r = ingest_begin(
		l->pull->store, &l->blob->digest, l->blob->size, INGEST_NOWAIT, &l->ingest, err);

	if (r == -EAGAIN) {
		l->state = PULL_BUSY;
		return 0;
	}
	if (r < 0)
		return r;
	if (r == 1)
		return start_from_blob(l, err);
	return start_with_ingest(l, err);
}

/* --- the end of a download --- */

/* The bytes are wrong. Once that may be an accident on the way: throw them away and start over. */
static int restart(struct pull_layer *l, const struct err *why, struct err *err)
{
	int r;

	log_debug("layer %s: %s; downloading it again", l->blob->digest.text, why->msg);
	l->restarted = true;
	drop_download(l);
	if (l->unpack)
		layer_unpack_abort(TAKE_PTR(l->unpack));
	r = ingest_reset(l->ingest, err);
	return r < 0 ? r : start_with_ingest(l, err);
}

static int wrong_bytes(struct pull_layer *l, const struct err *why, struct err *err)
{
	/* Another source may have the right ones; where there is none, try once more. */
	if (pull_layer_next_source(l) || !l->restarted)
		return restart(l, why, err);
	drop_download(l);
	ingest_discard(TAKE_PTR(l->ingest));
	if (err)
		*err = *why;
	return -ERR_DIGEST;
}

static int verify(struct pull_layer *l, struct err *err)
{
	char hex[HASH_HEX_LEN + 1];

	hash_final_hex(l->hash, hex);
	if (str_eq(hex, digest_hex(&l->blob->digest)))
		return 0;
	return err_set(err, ERR_DIGEST, "the registry sent bytes with the digest sha256:%s", hex);
}

static int end_download(struct pull_layer *l, struct err *err)
{
	struct err why = { 0 };
	uint64_t size = l->blob->size;
	int r;

	r = verify(l, &why);
	if (r < 0)
		return wrong_bytes(l, &why, err);
	drop_download(l);
	l->written = size;
	if (l->unpack)
		layer_unpack_end(l->unpack, size);
	r = ingest_commit(TAKE_PTR(l->ingest), err);
	if (r < 0)
		return r;
	l->state = l->unpack ? PULL_UNPACK : PULL_DONE;
	pull_layer_report(l, l->unpack ? PULL_EXTRACTING : PULL_COMPLETE);
	return 0;
}

int pull_layer_advance(struct pull_layer *l, struct err *err)
{
	int r;

	if (l->state != PULL_FETCH)
		return 0;
	if (l->failure == -ERR_DIGEST)
		return wrong_bytes(l, &l->err, err);
	r = flush(l, err);
	if (r < 0)
		return r;
	if (l->failure < 0 && l->n_urls == 0 && pull_layer_passes_over(l, l->failure, &l->err))
		return start_download(l, err);
	if (l->failure == -ERR_NOT_FOUND || (l->failure <= -ERR_USAGE && l->n_urls > 0))
		return start_elsewhere(l, err);
	if (l->failure < 0) {
		if (err)
			*err = l->err;
		return l->failure;
	}
	if (!l->transfer)
		return end_download(l, err);
	pull_layer_report(l, PULL_DOWNLOADING);
	return 0;
}

/*
 * The extractor is through, or has failed while the download goes on: the archive is bad then,
 * unless the bytes are, so that is only decided when the blob is verified.
 */
int pull_layer_unpacked(struct pull_layer *l, struct err *err)
{
	bool lacks = layer_unpack_lacks_parents(l->unpack);
	int r;

	r = layer_unpack_finish(TAKE_PTR(l->unpack), err);
	if (r == -ERR_FORMAT && lacks && !l->wants_parents) {
		l->wants_parents = true;
		l->state = PULL_PENDING;
		pull_layer_report(l, PULL_WAITING);
		return 0;
	}
	if (r < 0)
		return r;
	l->state = PULL_DONE;
	pull_layer_report(l, PULL_COMPLETE);
	return 0;
}
