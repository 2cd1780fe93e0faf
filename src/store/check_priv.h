/*
 * Inside of store/check.h: check.c leads; check_blob.c, check_layer.c and check_container.c look
 * at one kind of thing each.
 */
#pragma once

#include "store/check.h"

#define CHECK_CURE_REPAIR "proa system check --repair"

/* A finding about something of ours that nobody needs; moved to trash/ in a repair. */
void check_stray(struct check *c, const char *store_relative_path, const char *problem);

/* look() for each name in a directory of the store. A missing directory has no names. */
int check_each(struct check *c, const char *dir,
	int (*look)(struct check *, const char *, struct err *), struct err *err) must_check;

/* Names, types and modes; no content. The store lock is held. */
int check_blobs(struct check *c, struct err *err) must_check;

/* Digests of all blobs. Without the store lock, as it takes its time. */
int check_blob_contents(struct check *c, struct err *err) must_check;

/* Are the bytes of blobs/sha256/HEX those of its name? */
bool check_blob_is_good(struct store *s, const char *hex);

/* layers/ID: the frame, not the tree. The store lock is held. */
int check_layers(struct check *c, struct err *err) must_check;

/* containers/ and names/. The store lock is held. */
int check_containers(struct check *c, struct err *err) must_check;
