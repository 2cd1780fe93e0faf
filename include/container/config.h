/*
 * What a container is: config.json of its directory, written once when it is created. It holds
 * the user's options as text, checked and made absolute at creation, and the image's values they
 * were merged with; container/spec_build.h turns it into what the kernel is asked for, each time
 * the container starts.
 *
 * Three members are also read by the store (store/container_dir.h): image_id, layers, name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"

#define CONTAINER_CONFIG_MAX (8U << 20)

enum container_config_flags {
	CONTAINER_TTY = 1 << 0,
	CONTAINER_INTERACTIVE = 1 << 1,
	CONTAINER_AUTO_REMOVE = 1 << 2,
	CONTAINER_READ_ONLY = 1 << 3,
	CONTAINER_WITH_INIT = 1 << 4,
	CONTAINER_HOST_UTS = 1 << 5,
};

/* Every pointer is owned; absent is NULL. */
struct container_config {
	char *id;
	char *name;
	int64_t created_ns;
	char *image;	/* as the user wrote it */
	char *image_id; /* "sha256:<hex>"; NULL for --rootfs */
	char **layers;	/* store ids, bottom first */
	char *map_key;	/* of userns/idmap.h: whose ids the files have */
	char *rootfs;	/* absolute, for --rootfs */
	char *cwd;	/* of the command that created it: what relative sources of mounts mean */

	char **args;	   /* what is executed: entrypoint and command, merged */
	char **entrypoint; /* the merged parts, as inspect shows them */
	char **cmd;
	char **env;
	char *workdir;
	char *user;
	char *hostname; /* never NULL once created; --uts host: the host's */
	char *domainname;
	char *stop_signal;
	char *stop_timeout; /* seconds; recorded for whoever stops it */
	char **exposed;	    /* "80/tcp": the image's and the user's; documentation, as in docker */
	char **labels;	    /* "key=value" */

	char *network;	/* "host" or "none" */
	char **volumes; /* -v; this and what follows is the options' text as given */
	char **mounts;
	char **tmpfs;
	char **cap_add;
	char **cap_drop;
	char **security_opt;
	char **ulimits;
	char **groups;
	char **sysctls;
	char **dns;
	char **dns_search;
	char **dns_options;
	char **extra_hosts;
	char *ipc; /* "private", "host" or "none"; NULL = private */
	char *shm_size;
	char *oom_score_adj;
	unsigned flags; /* enum container_config_flags */
};

void container_config_done(struct container_config *c);
DEFINE_AUTO(container_config, struct container_config, container_config_done)

/* As JSON; the caller frees it. */
char *container_config_format(const struct container_config *c) must_check;

/* -ERR_FORMAT. *ret owns its parts on success. */
int container_config_parse(
	const char *text, size_t len, struct container_config *ret, struct err *err) must_check;
