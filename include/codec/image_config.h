/*
 * The configuration of an image (OCI image-spec config.md, with docker's members), as written in
 * the blob whose digest is the image id. Members that are not listed here are not lost: whoever
 * rewrites a config edits the JSON (codec/json.h), this struct is for reading and for new images.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"
#include "codec/digest.h"
#include "codec/platform.h"

#define IMAGE_CONFIG_BYTES_MAX (8U << 20)

struct image_history {
	char *created; /* RFC 3339 as written, or NULL; so for the rest */
	char *created_by;
	char *author;
	char *comment;
	bool empty_layer;
};

/* Absent and null are NULL or empty vectors; an empty array is an empty vector as well. */
struct image_config {
	char *architecture, *os, *variant; /* as written */
	struct platform platform;	   /* the same, normalised; "" members where absent */
	char *created;			   /* RFC 3339, or NULL */
	char *author;
	char **env;	   /* as written: entries may lack '=' (codec/env.h sorts that out) */
	char **entrypoint; /* a bare string in the JSON is a vector of one */
	char **cmd;
	char *user;
	char *workdir;
	char **volumes;	   /* paths, as written */
	char **exposed;	   /* "80/tcp", as written */
	char **labels;	   /* "key=value" */
	char *stop_signal; /* name or number, as written */
	char **shell;
	char **on_build;
	struct digest *diff_ids;
	size_t n_diff_ids;
	struct image_history *history;
	size_t n_history;
};

/*
 * -ERR_FORMAT; -ERR_UNSUPPORTED for diff ids that are not sha256 and for a config without rootfs
 * (no image). *ret owns its parts on success.
 */
int image_config_parse(
	const void *bytes, size_t len, struct image_config *ret, struct err *err) must_check;
void image_config_done(struct image_config *c);
DEFINE_AUTO(image_config, struct image_config, image_config_done)

/*
 * len(diff_ids) equals n_layers, and the count of history entries that are not empty layers
 * when there is a history. -ERR_FORMAT.
 */
int image_config_check_layers(
	const struct image_config *c, size_t n_layers, struct err *err) must_check;

/*
 * JSON text of a new image, deterministic; the caller frees it. architecture, os and variant
 * are taken from the strings, or from `platform` where these are NULL.
 */
char *image_config_format(const struct image_config *c) must_check;
