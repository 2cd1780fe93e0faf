#include "cmd/pull_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/progress.h"
#include "cmd/context.h"
#include "cmd/limit_size.h"
#include "cmd/short_name.h"

/* What the progress functions of image/pull.h draw on. */
struct view {
	struct progress *progress;
	unsigned *items; /* one for each layer */
};

static void on_begin(void *ctx, const struct digest *layers, size_t n)
{
	struct view *v = ctx;

	v->items = NEW_ARRAY(unsigned, n + 1);
	for (size_t i = 0; i < n; i++) {
		char id[13] = "";

		memcpy(id, digest_hex(&layers[i]), 12);
		v->items[i] = progress_add(v->progress, id);
	}
}

static void on_layer(void *ctx, size_t i, enum pull_phase phase, uint64_t done, uint64_t total)
{
	struct view *v = ctx;

	switch (phase) {
	case PULL_WAITING:
		progress_state(v->progress, v->items[i], "Waiting");
		break;
	case PULL_DOWNLOADING:
		progress_set(v->progress, v->items[i], "Downloading", done, total);
		break;
	case PULL_EXTRACTING:
		progress_set(v->progress, v->items[i], "Extracting", done, total);
		break;
	case PULL_COMPLETE:
		progress_state(v->progress, v->items[i], "Pull complete");
		break;
	case PULL_EXISTS:
		progress_state(v->progress, v->items[i], "Already exists");
		break;
	}
}

static int fill_options(struct context *ctx, const struct pull_image_options *o,
	struct pull_options *ret, struct credentials **ret_creds, struct err *err)
{
	int r = registry_options_apply(&o->registry, &ret->client, ret_creds, err);

	if (r < 0)
		return r;
	if (o->retries)
		ret->client.retries = (unsigned)*o->retries;
	if (o->delay_ns)
		ret->client.retry_delay_ms = (unsigned)(*o->delay_ns / 1000000);
	/* Whole seconds; 0 bears it for ever. */
	if (o->stall_ns)
		ret->client.stall_seconds =
			(unsigned)((*o->stall_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	return context_idmap(ctx, &ret->map, err);
}

static void say_what(struct progress *p, const struct reference *ref)
{
	if (ref->tag_implied && !ref->has_digest)
		progress_line(p, "Using default tag: %s", ref->tag);
	progress_line(
		p, "%s: Pulling from %s", ref->has_digest ? ref->digest.text : ref->tag, ref->path);
}

static int pull(struct context *ctx, const struct reference *ref, struct pull_options *po,
	bool quiet, struct pull_result *ret, struct err *err)
{
	AUTO(progress) struct progress *p = progress_new(STDERR_FILENO, quiet ? PROGRESS_QUIET : 0);
	struct view view = { .progress = p };
	struct store *store;
	int r = context_store(ctx, &store, err);

	if (r < 0)
		return r;
	po->progress = (struct pull_progress){ on_begin, on_layer, &view };
	say_what(p, ref);
	r = image_pull(store, ref, po, ret, err);
	free(view.items);
	return r;
}

/* Of one of the names that a short one may stand for. */
static int pull_candidate(struct context *ctx, const char *name, struct pull_options *po,
	bool quiet, struct pull_result *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *shown = NULL;
	int r = reference_parse(name, &ref, err);

	if (r < 0)
		return r;
	r = pull(ctx, &ref, po, quiet, ret, err);
	if (r >= 0)
		return 0;
	shown = reference_familiar(&ref);
	return err_ctx(err, r, "image %s", shown);
}

static int pull_first(struct context *ctx, char *const *names, struct pull_options *po, bool quiet,
	struct pull_result *ret, struct err *err)
{
	int r;

	for (;; names++) {
		r = pull_candidate(ctx, *names, po, quiet, ret, err);
		/* A full disk is no reason to look elsewhere. */
		if (r >= 0 || !names[1] || -r < ERR_USAGE)
			return r;
		log_warn("%.*s", (int)strcspn(err->msg, "\n"), err->msg);
		err_clear(err);
	}
}

int pull_image(struct context *ctx, const char *name, const struct pull_image_options *o,
	struct pull_result *ret, struct err *err)
{
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(short_name) struct short_name names = { 0 };
	struct pull_options po = { .client = CLIENT_OPTIONS_INIT };
	struct platform platform;
	int r = registries_expand(name, &names, err);

	if (r >= 0)
		r = short_name_settle(name, &names, err);
	if (r >= 0 && o->platform) {
		r = platform_parse(o->platform, &platform, err);
		if (r < 0)
			return err_ctx(err, r, "--platform");
		po.platform = &platform;
	}
	if (r >= 0)
		r = fill_options(ctx, o, &po, &creds, err);
	if (r >= 0)
		r = pull_first(ctx, names.candidates, &po, o->quiet, ret, err);
	if (r < 0)
		return r;
	limit_size(ctx, &ret->record.image_id);
	return 0;
}

int pull_image_summary(const struct pull_result *result, bool to_stdout, struct err *err)
{
	const struct image_record *record = &result->record;
	AUTO(reference) struct reference ref = { 0 };
	FILE *out = to_stdout ? stdout : stderr;
	autofree char *shown = NULL;
	int r = reference_parse(record->reference, &ref, err);

	if (r < 0)
		return r;
	shown = reference_familiar(&ref);
	fprintf(out, "Digest: %s\n",
		digest_is_set(&record->index) ? record->index.text : record->manifest.text);
	fprintf(out, "Status: %s for %s\n",
		result->outcome == PULL_NEWER ? "Downloaded newer image" : "Image is up to date",
		shown);
	return 0;
}
