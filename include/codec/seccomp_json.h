/*
 * Docker's seccomp profile format: bytes to a plain struct. Conditions (includes, excludes) are
 * kept, deciding them needs the capabilities and the kernel and is the runtime's job.
 * Both spellings of a rule are read: "names" and the older "name". Nothing is looked up here: a
 * syscall name is any identifier. docker's own profile and podman's are inputs of the tests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define SECCOMP_JSON_MAX (1024 * 1024) /* longest profile accepted, bytes */

/* When a rule applies: every given list has to agree. */
struct seccomp_json_filter {
	char **caps;   /* "CAP_SYS_ADMIN": includes want all, excludes none of them */
	char **arches; /* docker's names: "amd64", "arm64": includes want one of them */
	bool has_min_kernel;
	unsigned kernel_major, kernel_minor;
};

struct seccomp_json_arg {
	uint8_t index; /* 0..5 */
	char *op;      /* "SCMP_CMP_EQ" ... , one of the seven */
	uint64_t value, value_two;
};

struct seccomp_json_rule {
	char **names;
	char *action; /* "SCMP_ACT_ALLOW" ... */
	bool has_errno;
	uint16_t errnum;
	struct seccomp_json_arg *args;
	size_t n_args;
	struct seccomp_json_filter includes, excludes;
};

struct seccomp_json_arch {
	char *name;  /* "SCMP_ARCH_X86_64" */
	char **subs; /* "SCMP_ARCH_X86" ... */
};

struct seccomp_json {
	char *default_action;
	bool has_default_errno;
	uint16_t default_errnum;
	char **architectures; /* the flat list of the runtime specification; NULL when archMap */
	struct seccomp_json_arch *arch_map;
	size_t n_arch_map;
	char **flags; /* "SECCOMP_FILTER_FLAG_LOG" ... */
	struct seccomp_json_rule *rules;
	size_t n_rules;
};

/*
 * len bytes of text, which need no NUL. -ERR_FORMAT names the member that is wrong; an unknown
 * action, operator or a listener path is -ERR_UNSUPPORTED. The caller owns ret.
 */
int seccomp_json_parse(
	const char *text, size_t len, struct seccomp_json *ret, struct err *err) must_check;
void seccomp_json_done(struct seccomp_json *p);
DEFINE_AUTO(seccomp_json, struct seccomp_json, seccomp_json_done)
