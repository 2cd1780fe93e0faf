/*
 * Names of images that are here: giving and taking them. What an image is made of is not touched,
 * and no image goes with its last name.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

/*
 * Give the image (`source` as image_resolve takes it) these names too. A name that leads to another
 * image is taken from that. Nothing is changed unless all targets are names. -ERR_NOT_FOUND,
 * -ERR_FORMAT; -ERR_USAGE: a target by digest.
 */
int image_tag(
	struct store *s, const char *source, char *const *targets, struct err *err) must_check;

/*
 * Take `names` from the image (all that it has, when the vector is empty), which stays. Nothing is
 * changed unless all of them are its names. -ERR_NOT_FOUND.
 */
int image_untag(struct store *s, const char *name, char *const *names, struct err *err) must_check;
