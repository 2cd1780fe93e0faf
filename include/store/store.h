/*
 * The store: one private directory with everything proa keeps on disk.
 *
 *	version            "1"; its presence says that the skeleton below is complete
 *	locks/             flock files: "lists", "store", "images", "layer-ID"
 *	tmp/               unfinished trees and leases, each flocked by its maker
 *	trash/             already invisible, waiting to be deleted
 *	ingest/HEX         resumable downloads, flocked by who fills them
 *	blobs/sha256/HEX   immutable, 0400
 *	layers/ID/{fs,meta.json}
 *	images/            references, small JSON files
 *	containers/ID/     see store/container_dir.h; names/NAME is a link to an ID
 *	volumes/ networks/ cache/
 *
 * It lives in --root, else $XDG_DATA_HOME/proa or ~/.local/share/proa, and for root in
 * /var/lib/proa; on a network file system a new one goes to $PROA_LOCAL or /var/tmp/proa-UID
 * instead. It must be 0700 and ours. What a reboot voids lives in the run directory:
 * --runroot, else $XDG_RUNTIME_DIR/proa, for root /run/proa, else a verified /tmp/proa-UID.
 *
 * A visible name means complete and durable. Because one syncfs per pull is enough, a blob or layer
 * is first published as "NAME~BOOT" (complete, valid until this boot ends, visible to everybody
 * here through blob_open and layer_open_fs) and becomes NAME by store_sync, which image_ref_set
 * calls by itself. What carries the mark of another boot is never used and is swept.
 *
 * Locks, in this order: lists (while a manifest list is changed) -> store (shared while things are
 * looked up and referred to, exclusive for garbage collection and sweeping) -> images -> layers ->
 * container. No lock is held while waiting for the network, but an ingest's own.
 *
 * The store may be moved or renamed while nobody uses it, and read from a read-only file system:
 * images and what is known of containers can be looked at then; whatever changes it is refused.
 *
 * Opening costs about six system calls and writes nothing when the store exists.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "sys/lock.h"

struct store;

/* root and runroot: NULL for the default place. Creates the store when it is missing. */
int store_open(
	const char *root, const char *runroot, struct store **ret, struct err *err) must_check;
void store_close(struct store *s);
DEFINE_AUTO_PTR(store, struct store, store_close)

/* What config.toml says (store/config.h); without this call, the defaults hold. */
struct store_config;
void store_configure(struct store *s, const struct store_config *config);
const struct store_config *store_configuration(const struct store *s);

/* Descriptor and absolute path of the root directory; the store owns both. */
int store_dirfd(const struct store *s);
const char *store_path(const struct store *s);

/* On a file system that is mounted read-only: images can be shown, and nothing else. */
bool store_is_read_only(const struct store *s);

/* The run directory, opened (and made) at the first call; the store owns fd and path. */
int store_rundir(struct store *s, int *ret_fd, struct err *err) must_check;
const char *store_rundir_path(const struct store *s);

/*
 * The store lock. Shared: hold it from image_resolve until the container that uses the image's
 * layers is visible (container_dir_create), so that no garbage collection falls in between.
 */
int store_lock(struct store *s, unsigned lock_flags, struct lock *ret, struct err *err) must_check;

/* Make everything published so far durable, under its final name. Cheap when nothing is pending. */
int store_sync(struct store *s, struct err *err) must_check;

/*
 * A lease keeps garbage collection away from blobs and layers that no reference protects yet.
 * While it is open, each blob or layer that the functions of this store find, take or publish
 * is covered until store_lease_end. One lease at a time; a dead holder's lease is void.
 * pull, load, import and commit open one at their start and end it after image_ref_set.
 */
int store_lease_begin(struct store *s, struct err *err) must_check;
void store_lease_end(struct store *s);

/*
 * Make tmp/<prefix><random> as a directory, open and flocked: it is swept when its maker is dead.
 * The path, relative to the store, goes to ret_path. The caller closes *ret_fd, and removes it.
 */
#define STORE_TMP_SIZE 64
int store_make_tmp_dir(struct store *s, const char *prefix, char ret_path[STORE_TMP_SIZE],
	int *ret_fd, struct err *err) must_check;

/*
 * Remove what dead processes left in tmp/, trash/ and containers/, and what an earlier boot did
 * not finish. Skips everything when the store is busy. Never fails a command: problems are debug
 * messages. Call it from commands that change or list, not from `run`.
 */
void store_sweep(struct store *s);
