/*
 * --ulimit name=soft[:hard], with docker's names and error texts.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define ULIMIT_UNLIMITED UINT64_MAX /* written -1 or "unlimited" */

struct ulimit {
	int resource;	  /* RLIMIT_* of <sys/resource.h> */
	const char *name; /* static: "nofile" */
	uint64_t soft, hard;
};

/* -ERR_USAGE. One number sets both. */
int ulimit_parse(const char *arg, struct ulimit *ret, struct err *err) must_check;
