/*
 * From options and an image to a container directory. Everything that can be wrong with the
 * options is found here, before anything is on disk.
 *
 *	r = container_create(s, &options, &image, &map, &c, err);	c is open and locked
 */
#pragma once

#include "base/err.h"
#include "container/config.h"
#include "container/container.h"
#include "image/image.h"
#include "userns/idmap.h"

/* What run and create were told. Borrowed strings and vectors; absent is NULL. */
struct container_options {
	const char *name;
	const char *image; /* as written; NULL for --rootfs */
	const char *rootfs;
	const char *entrypoint; /* "" resets the image's */
	char *const *args;	/* operands behind the image */
	char *const *env;	/* complete "KEY=value" or bare KEY, of codec/env.h, in order */
	const char *workdir;
	const char *user;
	const char *hostname;
	const char *domainname;
	const char *network; /* "host" or "none" */
	const char *ipc;     /* "private", "host" or "none" */
	const char *shm_size, *oom_score_adj, *stop_signal, *stop_timeout;
	char *const *labels;
	char *const *volumes;
	char *const *mounts;
	char *const *tmpfs;
	char *const *cap_add;
	char *const *cap_drop;
	char *const *security_opt;
	char *const *ulimits;
	char *const *groups;
	char *const *sysctls;
	char *const *dns;
	char *const *dns_search;
	char *const *dns_options;
	char *const *extra_hosts;
	char *const *exposed;
	unsigned flags; /* enum container_config_flags */
};

/*
 * Create it; *ret is open and its lock is held. image is NULL with rootfs, else its layers are
 * open. -ERR_USAGE and -ERR_UNSUPPORTED for options, -ERR_EXISTS for a name that is taken (docker's
 * words), errno of the store.
 */
int container_create(struct store *s, const struct container_options *o, const struct image *image,
	const struct idmap *map, struct container *ret, struct err *err) must_check;
