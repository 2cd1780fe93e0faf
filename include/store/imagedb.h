/*
 * References: images/<escaped name>, one small JSON file for each name of an image, written
 * atomically. An image that lost its last name to another image keeps a record without a reference
 * (docker's "dangling" image) under images/@<id>.
 *
 * Every image has an OCI or docker manifest among the blobs: load and import write one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "codec/digest.h"
#include "codec/reference.h"
#include "store/store.h"

struct image_record {
	char *reference;	/* full form ("docker.io/library/debian:12"); NULL: untagged */
	struct digest image_id; /* digest of the config: docker's image id */
	struct digest manifest; /* of the image's own manifest */
	struct digest index;	/* of the index it was chosen from; text[0] is 0 when none */
	bool from_registry;	/* that repository serves index (or manifest): RepoDigests */
	int64_t created_ns;	/* wall clock when the record was made */
};

/*
 * A manifest list (image index) has no config of its own: all three digests are that of its
 * document. Its images may be here or not.
 */
static inline bool image_record_is_list(const struct image_record *r)
{
	return digest_equal(&r->image_id, &r->manifest);
}

void image_record_done(struct image_record *r);
DEFINE_AUTO(image_record, struct image_record, image_record_done)
/* A deep copy into ret, which owned nothing before. */
void image_record_copy(const struct image_record *r, struct image_record *ret);

/*
 * Point `ref` (NULL: no name, only an id) at record's image; record->reference is ignored and
 * created_ns is set here. Calls store_sync first: a visible reference has all it needs. The
 * image that the name pointed at before stays as an untagged one if that was its last name.
 */
int image_ref_set(struct store *s, const struct reference *ref, const struct image_record *record,
	struct err *err) must_check;

/* -ERR_NOT_FOUND. The caller frees *ret with image_record_done. */
int image_ref_get(struct store *s, const struct reference *ref, struct image_record *ret,
	struct err *err) must_check;

/* Remove one record (by its reference, or the untagged one of that id). -ERR_NOT_FOUND. */
int image_ref_delete(
	struct store *s, const struct image_record *record, struct err *err) must_check;

/*
 * Take this name from its image, which stays: without a name, when it was the last one.
 * -ERR_NOT_FOUND.
 */
int image_ref_untag(struct store *s, const struct image_record *record, struct err *err) must_check;

/*
 * Remember that the image was used now, and when that was (wall clock; 0 unknown). It is the time of
 * the record's file: a damaged or read-only store only forgets it.
 */
void image_ref_touch(struct store *s, const struct image_record *record);
int64_t image_ref_used_ns(struct store *s, const struct image_record *record);

struct image_list {
	struct image_record *items; /* sorted by reference, untagged ones last */
	size_t n;
};

/* Every record; damaged files are skipped with a debug message, one that cannot be read fails. */
int image_ref_list(struct store *s, struct image_list *ret, struct err *err) must_check;
void image_list_done(struct image_list *l);
DEFINE_AUTO(image_list, struct image_list, image_list_done)
