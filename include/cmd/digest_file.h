/*
 * --digestfile: where a push leaves the digest of what the registry has now, for scripts.
 */
#pragma once

#include "base/err.h"
#include "codec/digest.h"

/* The digest alone, without a line break, as podman writes it. path NULL: nothing is done. */
int digest_file_write(const char *path, const struct digest *digest, struct err *err) must_check;
