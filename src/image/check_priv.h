/*
 * Inside of image/check.h: check.c looks at references, check_layer.c unpacks a layer again,
 * tree_compare.c compares two trees.
 */
#pragma once

#include "codec/digest.h"
#include "image/image.h"
#include "store/store.h"
#include "userns/idmap.h"

struct layer_verify_args {
	const struct image *img;
	size_t index;		   /* of its layers; those below it are the parents */
	const struct digest *blob; /* that it was unpacked from */
	const struct idmap *map;
};

/*
 * Does layers/ID hold what the blob unpacks to? 1 yes, also when it is not unpacked or cannot be
 * compared; 0 no, and *ret_why says in what, the caller's.
 */
int layer_verify(struct store *s, const struct layer_verify_args *args, char **ret_why,
	struct err *err) must_check;

/*
 * Compare two directory trees as the owner of all their ids. 1 equal; 0 not, *ret_why names the
 * first difference. Both are read-only and stay the caller's.
 */
int tree_compare(
	int a_fd, int b_fd, const struct idmap *map, char **ret_why, struct err *err) must_check;
