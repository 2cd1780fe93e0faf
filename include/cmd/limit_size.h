/*
 * After a command has brought an image: keep the store within max-size of config.toml, and say on
 * stderr what went for it.
 */
#pragma once

#include "codec/digest.h"

struct context;

/* keep: what was brought; NULL: nothing in particular. A failure is a warning: the command did its work. */
void limit_size(struct context *ctx, const struct digest *keep);
