/*
 * The child between clone and exec: what it was given, and the operations it can carry out.
 *
 * Rules for everything declared here: no allocation, no stdio, no locale, no libc function that
 * takes a lock or loads a module (CVE-2019-14271); descriptors from birth O_CLOEXEC; every failure
 * is one struct err, which child_run sends to the parent before it leaves by _exit.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "codec/passwd.h"
#include "runtime/plan.h"
#include "runtime/spec.h"

/* A directory of the root file system: found again by path in the new mount namespace. */
struct child_dir {
	char *path;
	dev_t dev;
	ino_t ino;
};

/* What was done less well than planned; the parent warns once for each. */
enum child_degraded {
	CHILD_OUTER_PROC = 1 << 0, /* /proc is a clone of the caller's */
	CHILD_NO_CGROUP = 1 << 1,
	CHILD_NO_MQUEUE = 1 << 2,
	CHILD_NO_DEVICE = 1 << 3,
	CHILD_NO_SYSFS = 1 << 4, /* a read-only clone of the host's instead of an own one */
};

/* First message of the child to the parent, unless it is a struct err. */
struct child_ready {
	uint32_t degraded; /* enum child_degraded */
	uint32_t uid, gid;
};

#define CHILD_MSG_MAPPED 'm'
#define CHILD_MSG_GO	 'g'

/* A mount that this child has attached. */
struct child_mount {
	uint64_t id; /* as statx and mountinfo have it */
	bool tree;   /* a clone that has mounts of the host below it */
	bool seen;
};

struct child {
	const struct spec *spec;
	const struct plan *plan;
	const struct child_dir *lower; /* top first */
	struct child_dir upper, work;  /* path NULL: none */
	int sock;		       /* to the parent */
	int stdio[3];		       /* without SPEC_TERMINAL; all open */
	int *slots;		       /* descriptors by plan_slot, -EBADF while empty */
	bool null_used, empty_used;    /* the mask itself is attached: clone it from there */
	struct child_mount *mounts;    /* has room for one of each operation */
	size_t n_mounts;
	bool keep_groups; /* setgroups is denied here */
	int console_master, console_peer;
	uint32_t degraded;
	char **env;  /* for execve; has a free place for HOME */
	char **home; /* that place, NULL when HOME is given */
	char home_text[sizeof("HOME=") + PATH_MAX];
	char text[8192]; /* /etc/passwd and /etc/group, when they are small */
	struct passwd_user user;
	struct err err;
};

/* Carry out the plan; never returns. */
void child_run(struct child *c) __attribute__((noreturn));

/* Send c->err to the parent and leave. */
void child_fail(struct child *c) __attribute__((noreturn));

/* One byte from the parent, or leave quietly when it is gone. */
void child_expect(struct child *c, char want);

/* The descriptor of a slot; a bug when it is empty. */
int child_slot(const struct child *c, int slot);

/* Fill a slot (an older descriptor is closed). */
void child_set_slot(struct child *c, int slot, int fd);

/*
 * Put a detached mount onto at, and remember it for the check. tree: it may have mounts of the
 * host below it. -errno. Every mount that the container is to see goes through one of these two.
 */
int child_attach(struct child *c, int mount, int at, bool tree) must_check;
/* For a mount that is attached in another way. */
int child_note_mount(struct child *c, int mount, bool tree) must_check;

typedef int child_op_fn(struct child *c, const struct plan_op *op, struct err *err);

child_op_fn child_op_private, child_op_overlay, child_op_root_attach, child_op_pivot,
	child_op_root_rdonly; /* child_root.c */
child_op_fn child_op_check;   /* child_check.c */
child_op_fn child_op_fs, child_op_source, child_op_stage, child_op_attach, child_op_mask,
	child_op_readonly;		   /* child_mount.c */
child_op_fn child_op_bind, child_op_tmpfs; /* child_volume.c */
child_op_fn child_op_directory, child_op_device, child_op_link, child_op_console,
	child_op_session; /* child_dev.c */
child_op_fn child_op_user, child_op_map_self, child_op_map_wait, child_op_become_root,
	child_op_hide, child_op_scope, child_op_drop; /* child_user.c */
child_op_fn child_op_keyring, child_op_oom_score, child_op_sysctl, child_op_loopback,
	child_op_hostname, child_op_domainname, child_op_workdir, child_op_rlimit; /* child_env.c */
child_op_fn child_op_ready;							   /* child.c */
child_op_fn child_op_init; /* child_init.c */
child_op_fn child_op_exec; /* child_exec.c */
