/*
 * Syscall filters: from a list of rules to BPF, and BPF into the kernel. The only includer of
 * <seccomp.h>. Which calls a container may make is decided in runtime/seccomp_profile.h.
 *
 *	seccomp_compile(&profile, &program, err)	parent; allocates, calls libseccomp
 *	seccomp_program_load(&program, err)			child, between clone and exec
 *
 * A profile has three lists, asked one after the other:
 *
 *	guards	decide at once what to do with a call and certain arguments (deny AF_VSOCK);
 *		a call that none matches goes on to
 *	rules	the calls that are let through, some only with certain arguments, and
 *	denied	calls that exist and are refused, with the errno of the rule;
 *
 * whatever none of them names gets the default, which is ENOSYS for ours: the C library then
 * takes the older way. An architecture that is not listed (x32) gets ENOSYS as well, not a kill.
 *
 * Guards are assembled here, not by libseccomp, because it compares 64 bits where the kernel
 * looks at an int (socket(2^32 + AF_ALG) would pass), cannot say "these arguments, else go on",
 * and turns a condition on socket() into one on all of i386's socketcall(). Names newer than the
 * build machine's libseccomp become guards too, by numbers of our own.
 *
 * A profile that is only names (SECCOMP_AS_TREE) is assembled here whole: 20 times faster than
 * by libseccomp, which then only looks up the numbers, and a third of the length.
 *
 * The kernel remembers calls that are allowed whatever their arguments (5.11), so ordering by
 * frequency is pointless; programs are binary trees, which makes that remembering quick.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

/* What happens to a call. NOTIFY is not offered: nobody here would answer. */
enum seccomp_action {
	SECCOMP_ALLOW,
	SECCOMP_ERRNO,
	SECCOMP_KILL_PROCESS,
	SECCOMP_KILL_THREAD,
	SECCOMP_TRAP,
	SECCOMP_LOG,
	SECCOMP_TRACE,
};

enum seccomp_op {
	SECCOMP_EQ,
	SECCOMP_NE,
	SECCOMP_LT,
	SECCOMP_LE,
	SECCOMP_GE,
	SECCOMP_GT,
	SECCOMP_MASKED_EQ, /* (argument & value) == value_two */
};

struct seccomp_arg {
	uint8_t index; /* 0..5 */
	enum seccomp_op op;
	uint64_t value, value_two;
};

#define SECCOMP_ARGS_MAX 6

struct seccomp_rule {
	const char *name; /* borrowed */
	enum seccomp_action action;
	uint16_t errnum; /* of ERRNO and TRACE */
	uint8_t n_args;	 /* all have to match; at most one for each index */
	struct seccomp_arg args[SECCOMP_ARGS_MAX];
};

enum seccomp_flags {
	SECCOMP_SKIP_UNKNOWN = 1 << 0, /* a name nobody knows is left out, not an error */

	/* Calls with higher numbers than any that is named get ENOSYS, whatever the default: they
	 * are younger than the profile. */
	SECCOMP_NEWER_ENOSYS = 1 << 1,

	/* rules and denied have no conditions on arguments, and name every call that i386's
	 * socketcall and ipc stand for: libseccomp's compiler is not needed. */
	SECCOMP_AS_TREE = 1 << 2,

	SECCOMP_FLAG_LOG = 1 << 3, /* SECCOMP_FILTER_FLAG_LOG */
};

struct seccomp_profile {
	enum seccomp_action default_action;
	uint16_t default_errnum;
	unsigned flags;
	const char *const *arches; /* libseccomp's names ("x86_64", "x86"), the native one first */
	size_t n_arches;
	const struct seccomp_rule *guards; /* EQ and MASKED_EQ on the low 32 bits only */
	size_t n_guards;
	const struct seccomp_rule *rules;
	size_t n_rules;
	const struct seccomp_rule *denied;
	size_t n_denied;
};

struct seccomp_program {
	const struct sock_filter *insns; /* into owned, or static */
	uint16_t n_insns;
	uint16_t load_flags;	   /* SECCOMP_FILTER_FLAG_* */
	struct sock_filter *owned; /* NULL for a program that was compiled with proa itself */
};

/* Its instructions as memory of the caller's own (free), *ret_n of them; p is empty afterwards. */
struct sock_filter *seccomp_program_take(
	struct seccomp_program *p, unsigned short *ret_n) must_check;

/* Frees what is owned; the struct is empty afterwards. */
void seccomp_program_done(struct seccomp_program *p);
DEFINE_AUTO(seccomp_program, struct seccomp_program, seccomp_program_done)

/*
 * The program for a profile; the caller owns ret. -ERR_NOT_FOUND: a name is unknown (message names
 * it), -ERR_FORMAT: a rule libseccomp refuses, -ERR_LIMIT: over 4,096 instructions.
 */
int seccomp_compile(const struct seccomp_profile *profile, struct seccomp_program *ret,
	struct err *err) must_check;

/* Does this library, or our own table, know the name on any architecture? */
bool seccomp_is_known(const char *name);

/*
 * Put the filter on the calling process, for good. No allocation. -EINVAL: no seccomp here,
 * -EACCES: neither no_new_privs nor CAP_SYS_ADMIN.
 */
int seccomp_program_load(const struct seccomp_program *p, struct err *err) must_check;

/* Does the kernel take filters (1) or not (0)? Asks without loading anything. */
int seccomp_probe(void);
