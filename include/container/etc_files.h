/*
 * The three files a container gets from outside: RUNDIR/ID/{resolv.conf,hosts,hostname}, made anew
 * at each start and gone with the run directory. With the host's network they are the host's own
 * words, as docker has it; without a network, hosts knows localhost and nobody else.
 */
#pragma once

#include "base/err.h"
#include "container/config.h"
#include "runtime/spec.h"
#include "store/store.h"

/* Makes RUNDIR/ID with the files in it and adds them to the spec. */
int etc_files_prepare(struct store *s, const struct container_config *c, struct spec *spec,
	struct err *err) must_check;
