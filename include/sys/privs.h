/*
 * The last privileged act of a container's first process: from "may do everything in this
 * namespace" to exactly what the plan says. Runs in the child between clone and exec: no
 * allocation, raw system calls only (a C library's setresuid would signal threads it believes in).
 *
 * Order (each line depends on the one before):
 *
 *	bounding set	PR_CAPBSET_DROP of all that is not in plan.caps
 *	no_new_privs	when asked
 *	seccomp		here when no_new_privs is off: loading needs CAP_SYS_ADMIN
 *	ids		keepcaps, setgroups, setresgid, setresuid
 *	capset		permitted = effective = caps for uid 0, nothing for others; inheritable = 0
 *	ambient		cleared (CVE-2022-24769 and its family: never inheritable, never ambient)
 *	verify		ids, groups, capabilities and no_new_privs are read back
 *	seccomp		here when no_new_privs is on: nothing of ours runs under the filter but exec
 *
 * setresuid clears PR_SET_PDEATHSIG and dumpable: the caller sets the first again afterwards.
 * A filter has to let through setgroups, setresgid, setresuid, prctl, capset, capget, close_range,
 * execve, write and exit_group when no_new_privs is off; ours do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct seccomp_program;

struct privs {
	uint64_t caps;		/* bounding set, and uid 0's permitted and effective set */
	uint32_t uid, gid;	/* inside the user namespace */
	const uint32_t *groups; /* supplementary, with gid among them; borrowed */
	size_t n_groups;
	bool keep_groups; /* setgroups(2) is denied here (single map): leave them alone */
	bool no_new_privs;
	const struct seccomp_program *seccomp; /* NULL = unconfined; borrowed */
};

/*
 * Apply to the calling process. On failure (errno of the step that failed, or -ERR_DENIED when
 * what was read back differs) the process is in between: it has to exit.
 */
int privs_drop(const struct privs *p, struct err *err) must_check;
