/*
 * Landlock: a process gives up every path but a few (Linux 5.13; usable here from ABI 2, Linux
 * 5.19, since before it hard links between directories are refused to everyone).
 *
 * Needs no privilege once no_new_privs is set; holds for children; cannot be undone. Rights are
 * checked when a file is opened, created, linked or removed: descriptors that are open already
 * keep working. A kernel without it (not built, or not in lsm=) is no error, the caller is told.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct landlock_rule {
	int dir_fd;	 /* a directory; what is below it too */
	uint64_t access; /* LANDLOCK_* below */
};

/* Rights, as sets that make sense together; the kernel's constants stay inside the module. */
#define LANDLOCK_READ  (1ULL << 0) /* open files for reading, list directories */
#define LANDLOCK_WRITE (1ULL << 1) /* open files for writing, truncate */
#define LANDLOCK_MAKE  (1ULL << 2) /* create and remove entries of every kind, link, rename */

/* The kernel's ABI version, 0 when there is none. */
int landlock_abi(void);

/* The first version with scopes (Linux 6.12): what landlock_scope and probes ask for. */
#define LANDLOCK_ABI_SCOPE 6

/*
 * Restrict this process to the rules; with none, to nothing. Sets no_new_privs. Also denies TCP
 * bind and connect (ABI 4) and signals and abstract sockets outwards (ABI 6). Returns 1 when in
 * force, 0 when the kernel has no usable Landlock; -errno when it has and refused.
 */
int landlock_restrict(const struct landlock_rule *rules, size_t n, struct err *err) must_check;

/*
 * Nothing but scopes: from now on this process and its children connect to no abstract Unix socket
 * of, and signal, nobody outside of the domain that begins here; what is outside still reaches in.
 * Paths and mounts stay as free as they are. Needs CAP_SYS_ADMIN of the own user namespace, or
 * no_new_privs set before; does not set it. Returns 1 when in force, 0 when the kernel has none
 * (ABI 6); -errno when it has and refused. No allocation: allowed between clone and exec.
 */
int landlock_scope(struct err *err) must_check;
