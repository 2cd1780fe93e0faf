/*
 * Changes to an image's config, written as Dockerfile lines: `import --change`, `commit --change`.
 * CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR, in either case.
 * Only text and the struct: no file and no store is touched.
 */
#pragma once

#include "base/err.h"
#include "codec/image_config.h"

/*
 * Apply one line. The config owns what is added. -ERR_FORMAT with docker's words ("FOO is not a
 * valid change command"); the config is then still valid, and may be partly changed.
 */
int change_apply(struct image_config *c, const char *line, struct err *err) must_check;
