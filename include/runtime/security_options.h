/*
 * The values of --security-opt: docker's and podman's words to one struct. Whether the host can
 * do what they ask is checked here too (an LSM label where there is no LSM is an error, never
 * silence); carrying it out is the child's job.
 *
 *	no-new-privileges[=true|false]	(also with ':')
 *	seccomp=unconfined|default|FILE
 *	apparmor=unconfined|PROFILE
 *	label=disable|user:U|role:R|type:T|level:L
 *	landlock=unconfined		with the host's network, its abstract sockets too
 *	systempaths=unconfined		nothing masked, nothing read-only
 *	mask=PATH[:PATH...]		more masked paths (podman)
 *	unmask=ALL|PATH[:PATH...]	fewer masked and read-only ones (podman)
 */
#pragma once

#include <stdbool.h>

#include "base/auto.h"
#include "base/err.h"

struct security_options {
	bool no_new_privs;
	bool no_landlock;
	bool unconfined_paths; /* systempaths=unconfined, unmask=ALL */
	char *seccomp;	       /* NULL = default; "unconfined"; path of a profile */
	char *apparmor;	       /* profile to run under; NULL = unconfined or the host has none */
	char *selinux_label;   /* of the process; NULL = none */
	char **mask;	       /* vectors of absolute, clean paths */
	char **unmask;
};

/*
 * options is the vector of values as given, NULL is empty. The caller owns ret and releases it
 * with security_options_done. -ERR_USAGE: unknown word or value; -ERR_UNSUPPORTED: this host
 * cannot do it, and the message says what is missing.
 */
int security_options_parse(
	char *const *options, struct security_options *ret, struct err *err) must_check;
void security_options_done(struct security_options *o);
DEFINE_AUTO(security_options, struct security_options, security_options_done)

/*
 * The lists of paths to mask and to make read-only (clean absolute paths inside the container,
 * some may not exist there), after the options. The caller owns both vectors, NULL when empty.
 * thermal_throttle directories are looked up in the host's /sys, one for each CPU.
 */
void security_options_paths(
	const struct security_options *o, char ***ret_masked, char ***ret_readonly);
