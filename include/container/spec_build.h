/*
 * From a container's configuration to the runtime's spec: options as text become mounts,
 * capabilities, a syscall filter, limits. Everything but the root file system, the descriptors
 * and the files of container/etc_files.h, which only a start has.
 */
#pragma once

#include "base/err.h"
#include "container/config.h"
#include "runtime/spec.h"
#include "userns/idmap.h"

/*
 * spec has been through spec_init; on failure it holds a part, and the caller's spec_done frees it.
 * -ERR_USAGE and -ERR_UNSUPPORTED name the option. With `check_only` nothing is looked at on the
 * host and no filter is compiled: the options' grammar alone is checked.
 */
enum spec_build_flags { SPEC_BUILD_CHECK_ONLY = 1 << 0 };
int spec_build(const struct container_config *c, const struct idmap *map, unsigned flags,
	struct spec *spec, struct err *err) must_check;
