/*
 * From a spec to the ordered list of operations that make the container.
 *
 * Making a plan asks the kernel nothing and can be printed (golden tests, --dry-run): what a start
 * does is decided here, before anything is cloned. runtime/child.c walks the list in the new
 * namespaces with every string and table already in memory; it allocates nothing.
 *
 *	AUTO(plan) struct plan *p = NULL;
 *	plan_make(&spec, &host, &p, err);
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
	PLAN_SLOT_ROOT,	 /* root of the container's root file system */
	PLAN_SLOT_PROC,	 /* its own procfs: detached, later /proc */
	PLAN_SLOT_SYS,	 /* sysfs, or a clone of the host's */
	PLAN_SLOT_DEV,	 /* tmpfs for /dev */
	PLAN_SLOT_PTS,	 /* devpts */
	PLAN_SLOT_NULL,	 /* read-only clone of the host's null device, source of masks */
	PLAN_SLOT_EMPTY, /* empty read-only tmpfs, source of masks */
	PLAN_SLOT_CWD,	 /* working directory */
	PLAN_SLOT_BIND,	 /* first of the sources: PLAN_SLOT_BIND + i */
};

enum plan_op_kind {
	PLAN_PRIVATE,	  /* no mount event in or out */
	PLAN_SOURCE,	  /* clone a host path into a slot, with attributes */
	PLAN_FS,	  /* fsopen, options, fsmount into a slot */
	PLAN_OVERLAY,	  /* the root from layers */
	PLAN_ROOT_ATTACH, /* put the root over "/" */
	PLAN_ATTACH,	  /* a slot onto a fixed directory of another slot, STRICT */
	PLAN_BIND,	  /* a slot onto a user's path, IN_ROOT, made when missing */
	PLAN_TMPFS,	  /* a new tmpfs onto a user's path */
	PLAN_DEVICE,	  /* one device node in /dev */
	PLAN_LINK,	  /* one symbolic link in /dev */
	PLAN_DIRECTORY,	  /* one directory in /dev */
	PLAN_MASK,	  /* hide a path of proc or sys */
	PLAN_READONLY,	  /* a path of proc or sys made read-only */
	PLAN_SYSCTL,	  /* one value through our proc */
	PLAN_LOOPBACK,	  /* lo up */
	PLAN_USER,	  /* look up user and groups in the root */
	PLAN_MAP_SELF,	  /* single map: write it, user inside = the caller */
	PLAN_MAP_WAIT,	  /* ranges: wait until the parent has written them */
	PLAN_BECOME_ROOT, /* ids 0 inside, not dumpable, parent-death signal */
	PLAN_KEYRING,	  /* anonymous session keyring */
	PLAN_CONSOLE,	  /* pty, controlling terminal, stdio */
	PLAN_STDIO,	  /* descriptors 0-2 put in place, owners fixed */
	PLAN_PIVOT,	  /* swap the root, drop the host's tree */
	PLAN_CHECK,	  /* /proc, /sys, /dev are the mounts that we made */
	PLAN_ROOT_RDONLY,
	PLAN_HOSTNAME,
	PLAN_DOMAINNAME,
	PLAN_WORKDIR,
	PLAN_RLIMIT,
	PLAN_READY, /* tell the parent, wait for "go" */
	PLAN_DROP,  /* capabilities, ids, filter */
	PLAN_EXEC,
};

struct plan_option {
	const char *key, *value; /* value NULL = flag */
};

#define PLAN_MAX_OPTIONS 8

struct plan_op {
	enum plan_op_kind kind;
	int slot;	       /* made or used: enum plan_slot (+ index) */
	int into;	       /* ATTACH, MASK ...: where the path begins */
	const char *path;      /* relative to `into`, or a host path */
	const char *source;    /* LINK: target text; SYSCTL: value; FS: type */
	uint64_t attrs;	       /* MATTR_* set on the mount */
	uint32_t mode;	       /* DEVICE, DIRECTORY: mode; */
	uint32_t major, minor; /* DEVICE */
	unsigned flags;	       /* enum plan_op_flags */
	struct plan_option options[PLAN_MAX_OPTIONS];
	unsigned n_options;
	size_t index; /* RLIMIT: which of the spec */
};

enum plan_op_flags {
	PLAN_OPTIONAL = 1 << 0,	 /* a host that lacks it is no reason to stop */
	PLAN_RECURSIVE = 1 << 1, /* with the mounts below */
	PLAN_CLONE = 1 << 2,	 /* DEVICE: clone the host's node, mknod is not allowed */
};

/* What the plan has to know of the host; asked once by the caller, fixed in golden tests. */
struct plan_host {
	unsigned n_cpus; /* directories /sys/devices/system/cpu/cpuN */
	bool has_thermal_throttle;
	bool proc_is_masked; /* the outer /proc has mounts on it: no fresh one (nested) */
};

void plan_host_probe(struct plan_host *ret);

struct plan;

int plan_make(const struct spec *s, const struct plan_host *h, struct plan **ret,
	struct err *err) must_check;
void plan_free(struct plan *p);
DEFINE_AUTO_PTR(plan, struct plan, plan_free)

size_t plan_n_ops(const struct plan *p);
const struct plan_op *plan_op_at(const struct plan *p, size_t i);
unsigned plan_n_slots(const struct plan *p);

/* One line for each operation. */
void plan_print(const struct plan *p, struct buf *out);

/* "bind /data": what an error message calls the operation; static or the plan's memory. */
const char *plan_op_name(enum plan_op_kind kind);
