/*
 * What run and create have in common: their options, and the way from them to a container that is
 * created, open and locked, its image pulled when it is missing.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cli/option.h"
#include "container/container.h"
#include "userns/idmap.h"

struct context;

enum create_pull { CREATE_PULL_MISSING, CREATE_PULL_ALWAYS, CREATE_PULL_NEVER };

struct create_opts {
	bool tty, interactive, remove, read_only, init, rootfs, quiet, tls_verify, env_host;
	int pull;    /* enum create_pull */
	int network; /* position in the values of --network; so the next two */
	int ipc, uts;
	const char *name, *hostname, *entrypoint, *user, *workdir, *platform, *cidfile;
	const char *domainname, *shm_size, *oom_score_adj, *stop_signal, *stop_timeout;
	const char *authfile, *creds, *cert_dir;
	char **env, **env_file, **volumes, **mounts, **tmpfs;
	char **cap_add, **cap_drop, **security_opt, **ulimits, **groups, **labels, **label_files;
	char **sysctls, **dns, **dns_search, **dns_options, **extra_hosts, **exposed;
	bool sig_proxy; /* run only; so the next */
	char **attach;
};

extern const struct option_spec run_options[];
extern const struct option_spec create_options[];
extern const struct create_opts create_defaults;

/*
 * Create the container that the options and operands describe; argv is IMAGE [COMMAND...], or
 * DIRECTORY [COMMAND...] with --rootfs. *ret is open and its lock is held. Writes --cidfile.
 */
int create_from_options(struct context *ctx, const struct create_opts *o, char **argv,
	struct container *ret, struct err *err) must_check;
