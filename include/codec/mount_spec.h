/*
 * What -v, --mount and --tmpfs say, in docker's grammar and with docker's error texts.
 * Pure text: whether a source exists is not looked at.
 *
 * Relative sources ("./x", ".") are made absolute with `cwd`, as docker's client does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

enum mount_type {
	MOUNT_TYPE_BIND,
	MOUNT_TYPE_VOLUME, /* source is a volume's name, or NULL for an anonymous one */
	MOUNT_TYPE_TMPFS,
};

enum mount_propagation {
	MOUNT_PROPAGATION_DEFAULT, /* not said: rprivate */
	MOUNT_PROPAGATION_PRIVATE,
	MOUNT_PROPAGATION_RPRIVATE,
	MOUNT_PROPAGATION_SHARED,
	MOUNT_PROPAGATION_RSHARED,
	MOUNT_PROPAGATION_SLAVE,
	MOUNT_PROPAGATION_RSLAVE,
};

enum mount_spec_flags {
	MOUNT_SPEC_READ_ONLY = 1 << 0,
	MOUNT_SPEC_NOEXEC = 1 << 1,
	MOUNT_SPEC_NOSUID = 1 << 2,
	MOUNT_SPEC_NODEV = 1 << 3,
	MOUNT_SPEC_NONRECURSIVE = 1 << 4,    /* bind: without the mounts below the source */
	MOUNT_SPEC_READ_ONLY_TOP = 1 << 5,   /* bind-recursive=writable: submounts stay writable */
	MOUNT_SPEC_READ_ONLY_FORCE = 1 << 6, /* bind-recursive=readonly: fail if not recursive */
	MOUNT_SPEC_CREATE_SOURCE = 1 << 7,   /* -v: a missing source directory is made */
	MOUNT_SPEC_RELABEL_SHARED = 1 << 8,  /* :z, for SELinux */
	MOUNT_SPEC_RELABEL_PRIVATE = 1 << 9, /* :Z */
	MOUNT_SPEC_NOCOPY = 1 << 10,	     /* volume: nothing is copied up from the image */
};

struct mount_spec {
	enum mount_type type;
	unsigned flags; /* enum mount_spec_flags */
	enum mount_propagation propagation;
	char *source;  /* bind: absolute and clean; volume: name or NULL; tmpfs: NULL */
	char *target;  /* absolute and clean, never "/" */
	char *subpath; /* volume-subpath, or NULL */
	/*
	 * tmpfs: validated "key=value" of size (bytes, or N%), mode (octal), uid, gid, nr_inodes,
	 * each at most once, ready for fsconfig or for a string joined by commas.
	 */
	char **tmpfs;
	char **driver_options; /* volume-opt, volume-label, volume-driver as given, or NULL */
};

void mount_spec_done(struct mount_spec *m);
DEFINE_AUTO(mount_spec, struct mount_spec, mount_spec_done)

/*
 * All three: -ERR_USAGE with docker's words, -ERR_UNSUPPORTED with the reason for what podman or
 * docker has and this program does not. *ret is written on success only and owns its strings.
 */

/*
 * -v [SOURCE:]TARGET[:OPTIONS]. A source with '/' is a bind, another one a volume's name. A bind is
 * nosuid and nodev unless the options say "suid" or "dev": a set-uid file or a device node that the
 * host keeps out of reach by its place must not come into reach by accident.
 */
int mount_spec_parse_volume(
	const char *arg, const char *cwd, struct mount_spec *ret, struct err *err) must_check;

/* --mount type=...,source=...,target=...[,...]: one record of CSV (RFC 4180 quotes). */
int mount_spec_parse_mount(
	const char *arg, const char *cwd, struct mount_spec *ret, struct err *err) must_check;

/* --tmpfs TARGET[:OPTIONS]. noexec, nosuid and nodev unless the options say otherwise. */
int mount_spec_parse_tmpfs(const char *arg, struct mount_spec *ret, struct err *err) must_check;

/* No two targets are equal: -ERR_USAGE "Duplicate mount point: /x". */
int mount_specs_check(const struct mount_spec *v, size_t n, struct err *err) must_check;

/* Static: "bind", "volume", "tmpfs". */
const char *mount_type_name(enum mount_type type);
const char *mount_propagation_name(enum mount_propagation p); /* "" for the default */
