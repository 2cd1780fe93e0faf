/*
 * Images from archives: docker-archive (`docker save`, old and since 25), OCI archive and layout,
 * and the directory that skopeo calls dir:, as a tar file (plain, gzip or zstd by its first bytes;
 * xz and bzip2 where the host has the program), a directory, or a stream.
 *
 * One pass: every file of the archive is spooled into the store's tmp/ and hashed on the way, so
 * that order does not matter; then what the manifests name is verified, published as blobs and
 * unpacked, and last the references become visible. On failure nothing is.
 */
#pragma once

#include "base/err.h"
#include "codec/platform.h"
#include "store/store.h"
#include "userns/idmap.h"

struct load_options {
	const char *path;	 /* NULL: read `fd` */
	int fd;			 /* a stream, not seeked */
	const char *name_hint;	 /* names the only image, if it has no name; NULL: untagged */
	const struct idmap *map; /* unpack for it; NULL: leave that to the first run */
	const struct platform *platform; /* what every image has to be for; NULL: any, of an index
					  * the one for this machine */
	void (*progress)(void *arg, const char *what, uint64_t done); /* may be NULL */
	void *progress_arg;
};

/* What was loaded, in archive order: names ("debian:12") or "sha256:..." ids of untagged images. */
struct load_result {
	char **names;
	char **ids;
};
void load_result_done(struct load_result *r);
DEFINE_AUTO(load_result, struct load_result, load_result_done)

/* -ERR_FORMAT: neither kind of archive, or a broken one; -ERR_DIGEST. */
int image_load(struct store *s, const struct load_options *options, struct load_result *ret,
	struct err *err) must_check;
