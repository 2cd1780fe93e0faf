/*
 * Pulling: from a reference to layers that can be mounted.
 *
 *	reference -> manifest (verified bytes, kept as blobs) -> config blob -> for each missing
 *	layer a download into an ingest file and an extractor that follows it -> digests, sizes
 *	and diff ids compared -> one syncfs -> blobs and layers published -> the reference.
 *
 * A name becomes visible only when all it names is complete and durable (security notes 5.2).
 * A failed pull leaves the reference as it was and the bytes fetched so far in ingest/, where the
 * next pull goes on. What another process is fetching is waited for, not fetched twice; no lock is
 * held meanwhile. Nothing is printed here: progress goes to the caller's functions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/platform.h"
#include "codec/reference.h"
#include "registry/client.h"
#include "store/imagedb.h"
#include "userns/idmap.h"

struct store;

enum pull_phase {
	PULL_WAITING,	  /* for a free slot, or for another process that fetches it */
	PULL_DOWNLOADING, /* done and total are compressed bytes */
	PULL_EXTRACTING,  /* downloaded and verified, the extractor is behind */
	PULL_COMPLETE,
	PULL_EXISTS, /* was here already */
};

/* Any of these may be NULL. Layers are numbered as in the manifest, bottom first. */
struct pull_progress {
	/* Manifest and config are known; called once when there is something to fetch. */
	void (*begin)(void *ctx, const struct digest *layers, size_t n);
	void (*layer)(void *ctx, size_t i, enum pull_phase phase, uint64_t done, uint64_t total);
	void *ctx;
};

#define PULL_MAX_DOWNLOADS 3

struct pull_options {
	struct client_options client;
	const struct platform *platform; /* NULL: the host's */
	const struct idmap *map;	 /* NULL: idmap_detect() */
	unsigned max_downloads;		 /* 0: PULL_MAX_DOWNLOADS */
	bool keep_references;		 /* only bring back what is missing (image/refetch.h) */
	struct pull_progress progress;
};

enum pull_outcome {
	PULL_UP_TO_DATE,
	PULL_NEWER,
};

struct pull_result {
	struct image_record record; /* what the reference now points to */
	enum pull_outcome outcome;
};

/*
 * Kinds worth testing: -ERR_NOT_FOUND (no such image or platform), -ERR_AUTH, -ERR_DIGEST,
 * -ERR_NETWORK, -ERR_FORMAT, -ERR_UNSUPPORTED, -ENOSPC. Messages name the layer; the caller adds
 * the image.
 */
int image_pull(struct store *s, const struct reference *ref, const struct pull_options *o,
	struct pull_result *ret, struct err *err) must_check;
