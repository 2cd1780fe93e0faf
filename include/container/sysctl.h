/*
 * --sysctl KEY=VALUE: which kernel settings belong to a container's own namespaces.
 *
 * A closed list, as docker's: what is not in it would change the host. Keys are written with dots
 * or with slashes; the result is a path below /proc/sys, for spec.sysctls.
 */
#pragma once

#include "base/err.h"

enum sysctl_flags {
	SYSCTL_OWN_NETWORK = 1 << 0, /* the container has this namespace of its own */
	SYSCTL_OWN_IPC = 1 << 1,
	SYSCTL_OWN_UTS = 1 << 2,
};

/*
 * *ret is "net/ipv4/ip_forward=1" and the caller's. -ERR_USAGE: no KEY=VALUE, a key or value with
 * other than printable characters, one that is not a container's own, or whose namespace is shared.
 */
int sysctl_parse(const char *arg, unsigned flags, char **ret, struct err *err) must_check;
