/*
 * Error bodies of registries and token servers, in one line for the user: the distribution spec's
 * {"errors":[{"code","message","detail"}]}, {"details"}, {"message"}, OAuth2's
 * {"error","error_description"}, plain text; HTML gives only its title.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

#define REGISTRY_ERROR_BYTES_MAX (64U << 10)

struct registry_error {
	char code[64];	   /* of the first error, "MANIFEST_UNKNOWN"; "" when there is none */
	char message[512]; /* printable; "" when the body says nothing */
};

/* Never fails: what is not understood gives "" or the first bytes of it. */
void registry_error_parse(const char *bytes, size_t len, struct registry_error *ret);
