/*
 * From a spec to the ordered list of operations that make the container.
 *
 * Making a plan changes nothing and can be printed (golden tests, --dry-run): what a start does is
 * decided here, before anything is cloned. runtime/child.c walks the list in the new namespaces
 * with every string and table already in memory; it allocates nothing.
 *
 *	AUTO(plan) struct plan *p = NULL;
 *	plan_make(&spec, &p, err);
 *	plan_print(p, &buf);
 *
 * A plan borrows the spec's strings: the spec must outlive it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "runtime/spec.h"

/* Descriptors that operations hand to each other, by name. */
enum plan_slot {
	PLAN_SLOT_NONE,
	PLAN_SLOT_ROOT,	  /* root of the container's file system */
	PLAN_SLOT_PROC,	  /* its own procfs: detached first, later /proc */
	PLAN_SLOT_SYS,	  /* sysfs, or a clone of the host's */
	PLAN_SLOT_CGROUP, /* cgroup2 */
	PLAN_SLOT_DEV,	  /* tmpfs for /dev */
	PLAN_SLOT_PTS,	  /* devpts */
	PLAN_SLOT_SHM,
	PLAN_SLOT_MQUEUE,
	PLAN_SLOT_NULL,	  /* read-only clone of the host's null device: hides files */
	PLAN_SLOT_EMPTY,  /* empty read-only tmpfs: hides directories */
	PLAN_SLOT_LOOKUP, /* the root, read-only, for /etc/passwd before there is a map */
	PLAN_SLOT_BIND,	  /* first of the user's sources: mounts, then files */
};

enum plan_op_kind {
	PLAN_PRIVATE,	  /* no mount event in or out */
	PLAN_FS,	  /* fsopen, options, fsmount: a new instance into a slot */
	PLAN_SOURCE,	  /* clone a path of the host into a slot */
	PLAN_OVERLAY,	  /* the root from layers */
	PLAN_ROOT_ATTACH, /* the root over "/" of the namespace */
	PLAN_USER,	  /* look up user and groups in the root */
	PLAN_MAP_SELF,	  /* one id: the user inside is the caller */
	PLAN_MAP_WAIT,	  /* ranges: until the parent has written them */
	PLAN_BECOME_ROOT, /* ids 0 inside, no groups */
	PLAN_OOM_SCORE,	  /* before HIDE, which closes our own files in procfs to us */
	PLAN_HIDE,	  /* not dumpable; die with the parent while setting up */
	PLAN_KEYRING,	  /* anonymous session keyring */
	PLAN_SYSCTL,	  /* one value through our procfs */
	PLAN_LOOPBACK,	  /* lo up */
	PLAN_DIRECTORY,	  /* one directory in /dev */
	PLAN_DEVICE,	  /* one device node in /dev */
	PLAN_LINK,	  /* one symbolic link in /dev */
	PLAN_STAGE,	  /* a slot onto a path of the host, in our namespace, for the time being */
	PLAN_ATTACH,	  /* a slot onto a directory of another slot, STRICT */
	PLAN_MASK,	  /* hide a path of proc or sys */
	PLAN_READONLY,	  /* a path of proc or sys made read-only */
	PLAN_BIND,	  /* a slot onto a user's path, IN_ROOT, made when missing */
	PLAN_TMPFS,	  /* a new tmpfs onto a user's path */
	PLAN_CONSOLE,	  /* pty of our devpts */
	PLAN_PIVOT,	  /* swap the root, drop the host's tree */
	PLAN_CHECK,	  /* what is mounted is what the plan mounted, no less and no more */
	PLAN_ROOT_RDONLY,
	PLAN_HOSTNAME,
	PLAN_DOMAINNAME,
	PLAN_WORKDIR,
	PLAN_RLIMIT,
	PLAN_SESSION, /* new session, controlling terminal, descriptors 0-2 */
	PLAN_READY,   /* tell the parent, wait for "go" */
	PLAN_SCOPE,   /* landlock: no abstract sockets of the host */
	PLAN_DROP,    /* capabilities, ids, filter */
	PLAN_INIT,    /* fork; the parent stays as pid 1 */
	PLAN_EXEC,
};

enum plan_op_flags {
	PLAN_OPTIONAL = 1 << 0,	 /* a host that lacks it is no reason to stop */
	PLAN_RECURSIVE = 1 << 1, /* with the mounts below */
	PLAN_CLONE = 1 << 2,	 /* DEVICE: clone the host's node, mknod is not allowed here */
	PLAN_VOLATILE = 1 << 3,	 /* OVERLAY */
	PLAN_LOOKUP = 1 << 4,	 /* OVERLAY: read-only, upper directory as top layer */
	PLAN_FROM_USER = 1 << 5, /* MAP_SELF: ids that USER found, else uid and gid below */
};

struct plan_option {
	const char *key, *value; /* value NULL = flag */
};

#define PLAN_MAX_OPTIONS 6

struct plan_op {
	enum plan_op_kind kind;
	unsigned flags;	    /* enum plan_op_flags */
	int slot;	    /* made or used: enum plan_slot, plus an index for BIND */
	int into;	    /* slot in which `path` begins */
	const char *path;   /* relative to `into`, or absolute on the host (SOURCE) */
	const char *source; /* FS: type, LINK: target, SYSCTL: value */
	uint64_t attrs;	    /* MATTR_* of the mount */
	uint32_t mode;	    /* DEVICE, DIRECTORY, TMPFS (0 = as what is there, else 01777) */
	uint32_t major, minor;
	uint32_t uid, gid; /* MAP_SELF */
	size_t index;	   /* RLIMIT: which one of the spec */
	struct plan_option options[PLAN_MAX_OPTIONS];
	unsigned n_options;
};

struct plan {
	struct plan_op *ops;
	size_t n_ops, cap_ops;
	unsigned n_slots;
	char **strings; /* texts made for options; owned */
};

/* The spec has to have passed spec_check. */
int plan_make(const struct spec *s, struct plan **ret, struct err *err) must_check;
void plan_free(struct plan *p);
DEFINE_AUTO_PTR(plan, struct plan, plan_free)

/* One line for each operation; no descriptor numbers, no addresses. */
void plan_print(const struct plan *p, struct buf *out);
const char *plan_op_name(enum plan_op_kind kind);
