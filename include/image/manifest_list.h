/*
 * Manifest lists of one's own: an index that is put together here, kept as a blob under a name
 * among the images (image_record_is_list), and pushed as one (image/push.h). Its images may be
 * here, or only in a registry: then the list has their descriptors alone.
 *
 *	AUTO(json) struct json *entries = json_array_new();
 *	store_lease_begin(s, err);
 *	manifest_entries_of(s, "app:amd64", &options, entries, err);
 *	manifest_list_begin(s, "app:1", MANIFEST_LIST_CREATE, &list, err);
 *	... index_put(list.doc, ...) ...
 *	manifest_list_commit(&list, &digest, err);
 *	store_lease_end(s);
 *
 * Between begin and commit a lock is held that keeps other changes of lists away: ask registries
 * before. Prints nothing.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/reference.h"
#include "registry/client.h"
#include "store/imagedb.h"
#include "store/store.h"
#include "sys/lock.h"

enum manifest_list_flags {
	MANIFEST_LIST_CREATE = 1 << 0, /* a new one; -ERR_EXISTS when the name is taken */
	MANIFEST_LIST_AMEND = 1 << 1,  /* with CREATE: an existing list will do */
};

struct manifest_list {
	struct json *doc; /* the index: change it (codec/index_edit.h) */
	struct reference ref;
	struct store *store; /* private, as the next */
	struct lock lock;
};

void manifest_list_done(struct manifest_list *l);
DEFINE_AUTO(manifest_list, struct manifest_list, manifest_list_done)

/* -ERR_NOT_FOUND "No such manifest list: x:latest". *l was zeroed by the caller. */
int manifest_list_begin(struct store *s, const char *name, unsigned flags, struct manifest_list *l,
	struct err *err) must_check;

/* Durable and visible under its name. *ret_digest (NULL: not wanted) is that of the new index. */
int manifest_list_commit(
	struct manifest_list *l, struct digest *ret_digest, struct err *err) must_check;

/* The record of a list, for reading; -ERR_NOT_FOUND as above, also when the name is an image's. */
int manifest_list_find(
	struct store *s, const char *name, struct image_record *ret, struct err *err) must_check;

struct manifest_source {
	struct client_options client;
	bool all; /* of an index all entries, not only this host's */
};

/*
 * Append to `entries` the descriptors of what `name` stands for: an image or a list that is here,
 * else one in the registry; "docker://NAME" always asks the registry. Manifest and config
 * of a single image are kept as blobs: hold a lease. -ERR_NOT_FOUND, -ERR_AUTH, -ERR_NETWORK.
 */
int manifest_entries_of(struct store *s, const char *name, const struct manifest_source *o,
	struct json *entries, struct err *err) must_check;

/* The digest by which an entry is meant: "sha256:...", or what `name` stands for as above. */
int manifest_entry_digest(struct store *s, const char *name, const struct manifest_source *o,
	struct digest *ret, struct err *err) must_check;
