/*
 * The kinds of archive, each turned into records whose blobs are verified and published. The
 * caller unpacks and names them afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "codec/platform.h"
#include "image/spool_priv.h"
#include "store/imagedb.h"

struct load_item {
	struct image_record record; /* without a reference */
	char **names;		    /* complete references; NULL: untagged */
};

struct load_job {
	struct store *store;
	struct spool spool;
	const struct platform *platform; /* that is asked for, or NULL */
	bool bare;			 /* dir: blobs are called by their digits alone */
	struct load_item *items;
	size_t n, cap;
};

/* An empty one behind the others; the job's, valid until the next is added. */
struct load_item *load_add_item(struct load_job *job);

/* Publish a file of the archive, after comparing it with what is expected (size UINT64_MAX: any). */
int load_adopt(struct load_job *job, const char *name, const struct digest *digest, uint64_t size,
	struct err *err) must_check;

/* manifest.json is there. */
int load_docker(struct load_job *job, struct err *err) must_check;

/* index.json is there. */
int load_oci(struct load_job *job, struct err *err) must_check;

/* manifest.json is an image's own manifest: the directory of skopeo's dir: transport. */
int load_bare(struct load_job *job, struct err *err) must_check;

/* Is manifest.json that? 1 or 0. */
int load_is_bare(struct load_job *job, struct err *err) must_check;

/* -ERR_NOT_FOUND when the caller asked for another platform. name may be NULL. */
int load_check_platform(const struct load_job *job, const struct platform *have, const char *name,
	struct err *err) must_check;

/* Does a descriptor of index.json carry a name? 1 or 0. */
int load_oci_is_named(struct load_job *job, struct err *err) must_check;
