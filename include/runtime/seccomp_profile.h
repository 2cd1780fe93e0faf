/*
 * Which syscall filter a container gets. The default for the default capabilities was compiled
 * when proa was built; other capability sets and users' profile files are compiled here, in the
 * parent, before clone. The table of calls is runtime/seccomp_table.c.
 *
 *	AUTO(seccomp_program) struct seccomp_program prog = { 0 };
 *	seccomp_profile_choose(caps, setting, &prog, err)
 *
 * An empty program (n_insns 0) means unconfined.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "sys/seccomp.h"

/*
 * setting: NULL or "default"; "unconfined"; else the path of a profile in docker's JSON format.
 * caps is the container's bounding set: a call that a capability widens is let through with it.
 * The caller owns ret. Errors: those of the file, -ERR_FORMAT, -ERR_NOT_FOUND (unknown call).
 */
int seccomp_profile_choose(uint64_t caps, const char *setting, struct seccomp_program *ret,
	struct err *err) must_check;

/* Made at build time by src/runtime/seccomp_gen.c: CAPS_DEFAULT on the machine built for. */
extern const struct sock_filter seccomp_default_insns[];
extern const unsigned short seccomp_default_count;
