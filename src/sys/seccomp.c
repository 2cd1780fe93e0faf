#include "sys/seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "sys/bpf_asm.h"

#define FILTER_MAX	      (64 * 1024) /* bytes of one exported filter, above BPF_MAXINSNS */
#define ARCHES_MAX	      4
#define OFFSET_ARCH	      offsetof(struct seccomp_data, arch)
#define OFFSET_NR	      offsetof(struct seccomp_data, nr)
#define OFFSET_ARG_LOW(index) (offsetof(struct seccomp_data, args) + 8 * (index))
#define ANY_ARCH	      0

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low words come first here");

/*
 * Numbers that libseccomp 2.5.4 does not have. From 424 on all architectures share them. i386 has
 * the calls of socketcall and ipc under numbers of their own as well, since 4.3 and 5.1.
 */
static const struct {
	const char *name;
	uint16_t number;
	uint32_t arch; /* SCMP_ARCH_* or ANY_ARCH */
} own_numbers[] = {
	{ "socket", 359, SCMP_ARCH_X86 }, { "uretprobe", 335, SCMP_ARCH_X86_64 }, /* 6.11 */
	{ "uprobe", 336, SCMP_ARCH_X86_64 },					  /* 6.18 */
	{ "riscv_hwprobe", 258, SCMP_ARCH_RISCV64 },				  /* 6.4 */
	{ "statmount", 457, ANY_ARCH },						  /* 6.8 */
	{ "listmount", 458, ANY_ARCH }, { "lsm_get_self_attr", 459, ANY_ARCH },
	{ "lsm_set_self_attr", 460, ANY_ARCH }, { "lsm_list_modules", 461, ANY_ARCH },
	{ "mseal", 462, ANY_ARCH },	 /* 6.10 */
	{ "setxattrat", 463, ANY_ARCH }, /* 6.13 */
	{ "getxattrat", 464, ANY_ARCH }, { "listxattrat", 465, ANY_ARCH },
	{ "removexattrat", 466, ANY_ARCH }, { "open_tree_attr", 467, ANY_ARCH }, /* 6.15 */
	{ "file_getattr", 468, ANY_ARCH },					 /* 6.17 */
	{ "file_setattr", 469, ANY_ARCH }, { "listns", 470, ANY_ARCH },		 /* 6.19 */
	{ "rseq_slice_yield", 471, ANY_ARCH },					 /* 7.0 */
};

static bool has_own_number(const char *name)
{
	for (size_t i = 0; i < sizeof(own_numbers) / sizeof(own_numbers[0]); i++) {
		if (str_eq(own_numbers[i].name, name))
			return true;
	}
	return false;
}

/* The number of a call on one architecture; < 0 where it does not exist. */
static int number_on(uint32_t arch, const char *name)
{
	for (size_t i = 0; i < sizeof(own_numbers) / sizeof(own_numbers[0]); i++) {
		if (!str_eq(own_numbers[i].name, name))
			continue;
		if (own_numbers[i].arch == ANY_ARCH || own_numbers[i].arch == arch)
			return own_numbers[i].number;
	}
	return seccomp_syscall_resolve_name_arch(arch, name);
}

static bool library_knows(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

bool seccomp_is_known(const char *name)
{
	return library_knows(name) || has_own_number(name);
}

static uint32_t action_of_library(enum seccomp_action action, uint16_t errnum)
{
	switch (action) {
	case SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	case SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(errnum);
	case SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case SECCOMP_TRACE:
		return SCMP_ACT_TRACE(errnum);
	}
	return SCMP_ACT_KILL_PROCESS;
}

static enum scmp_compare compare_of_library(enum seccomp_op op)
{
	switch (op) {
	case SECCOMP_EQ:
		return SCMP_CMP_EQ;
	case SECCOMP_NE:
		return SCMP_CMP_NE;
	case SECCOMP_LT:
		return SCMP_CMP_LT;
	case SECCOMP_LE:
		return SCMP_CMP_LE;
	case SECCOMP_GE:
		return SCMP_CMP_GE;
	case SECCOMP_GT:
		return SCMP_CMP_GT;
	case SECCOMP_MASKED_EQ:
		return SCMP_CMP_MASKED_EQ;
	}
	return SCMP_CMP_EQ;
}

/* What one compilation carries around. */
struct work {
	const struct seccomp_profile *profile;
	uint32_t arches[ARCHES_MAX]; /* SCMP_ARCH_*, which are the kernel's AUDIT_ARCH_* */
	scmp_filter_ctx library;
	struct bpf_asm code;
};

static int resolve_arches(struct work *w, struct err *err)
{
	const struct seccomp_profile *p = w->profile;

	if (p->n_arches == 0 || p->n_arches > ARCHES_MAX)
		return err_set(
			err, ERR_FORMAT, "seccomp: 1 to %d architectures are possible", ARCHES_MAX);
	for (size_t i = 0; i < p->n_arches; i++) {
		w->arches[i] = seccomp_arch_resolve_name(p->arches[i]);
		if (w->arches[i] == 0)
			return err_set(err, ERR_NOT_FOUND, "seccomp: unknown architecture %s",
				p->arches[i]);
	}
	return 0;
}

/* Will libseccomp not see this rule: is it a guard, or a name that only we know? */
static bool is_ours(const struct seccomp_rule *rule)
{
	return !library_knows(rule->name) && has_own_number(rule->name);
}

/* The conditions and the verdict of one rule for a call whose number has been compared already. */
static void assemble_verdict(struct bpf_asm *code, const struct seccomp_rule *rule)
{
	size_t misses[SECCOMP_ARGS_MAX];

	for (uint8_t i = 0; i < rule->n_args; i++) {
		const struct seccomp_arg *arg = &rule->args[i];
		bool masked = arg->op == SECCOMP_MASKED_EQ;

		bpf_load(code, (uint32_t)OFFSET_ARG_LOW(arg->index));
		if (masked)
			bpf_and(code, (uint32_t)arg->value);
		misses[i] =
			bpf_unless_equal(code, (uint32_t)(masked ? arg->value_two : arg->value));
	}
	bpf_return(code, action_of_library(rule->action, rule->errnum));
	for (uint8_t i = 0; i < rule->n_args; i++)
		bpf_land(code, misses[i]);
	if (rule->n_args > 0)
		bpf_load(code, OFFSET_NR);
}

static void assemble_rules(
	struct work *w, uint32_t arch, const struct seccomp_rule *rules, size_t n_rules, bool all)
{
	for (size_t i = 0; i < n_rules; i++) {
		int number = number_on(arch, rules[i].name);
		size_t other;

		if (number < 0 || (!all && !is_ours(&rules[i])))
			continue;
		other = bpf_unless_equal(&w->code, (uint32_t)number);
		assemble_verdict(&w->code, &rules[i]);
		bpf_land(&w->code, other);
	}
}

/* Highest number that the profile says anything about, on this architecture. */
static int highest_number(const struct seccomp_profile *p, uint32_t arch)
{
	int highest = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		int number = number_on(arch, p->rules[i].name);

		if (number > highest)
			highest = number;
	}
	return highest;
}

/* Every number of an architecture that the profile names, with its verdict. */
static size_t collect_cases(
	const struct seccomp_rule *rules, size_t n_rules, uint32_t arch, struct bpf_case *cases)
{
	size_t n = 0;

	for (size_t i = 0; i < n_rules; i++) {
		int number = number_on(arch, rules[i].name);

		assert_that(rules[i].n_args == 0);
		if (number >= 0)
			cases[n++] = (struct bpf_case){ (uint32_t)number,
				action_of_library(rules[i].action, rules[i].errnum) };
	}
	return n;
}

static void assemble_tree(struct work *w, uint32_t arch)
{
	const struct seccomp_profile *p = w->profile;
	struct bpf_case *cases = NEW_ARRAY(struct bpf_case, p->n_rules + p->n_denied + 1);
	size_t n = collect_cases(p->rules, p->n_rules, arch, cases);

	n += collect_cases(p->denied, p->n_denied, arch, cases + n);
	bpf_switch(&w->code, cases, n, action_of_library(p->default_action, p->default_errnum));
	free(cases);
}

/* What libseccomp does not know, and the end of what the profile knows; then its program. */
static void assemble_gaps(struct work *w, uint32_t arch)
{
	const struct seccomp_profile *p = w->profile;

	assemble_rules(w, arch, p->rules, p->n_rules, false);
	assemble_rules(w, arch, p->denied, p->n_denied, false);
	if (p->flags & SECCOMP_NEWER_ENOSYS) {
		size_t known = bpf_unless_greater(&w->code, (uint32_t)highest_number(p, arch));

		bpf_return(&w->code, SCMP_ACT_ERRNO(ENOSYS));
		bpf_land(&w->code, known);
	}
	bpf_jump_end(&w->code);
}

/*
 * For each architecture its guards, then everything else. Calls of x32 have bit 30 in their
 * number: guards do not match them, and they are in no tree.
 */
static void assemble(struct work *w)
{
	const struct seccomp_profile *p = w->profile;

	for (size_t i = 0; i < p->n_arches; i++) {
		size_t other;

		bpf_load(&w->code, OFFSET_ARCH);
		other = bpf_far_unless_equal(&w->code, w->arches[i]);
		bpf_load(&w->code, OFFSET_NR);
		assemble_rules(w, w->arches[i], p->guards, p->n_guards, true);
		if (p->flags & SECCOMP_AS_TREE)
			assemble_tree(w, w->arches[i]);
		else
			assemble_gaps(w, w->arches[i]);
		bpf_land_far(&w->code, other);
	}
	if (p->flags & SECCOMP_AS_TREE)
		bpf_return(&w->code, SCMP_ACT_ERRNO(ENOSYS));
}

/* libseccomp's codes in words: it returns errnos with meanings of its own. */
static int library_error(struct err *err, int r, const char *what)
{
	if (r == -EINVAL)
		return err_set(err, ERR_FORMAT, "seccomp: %s: not a valid rule", what);
	if (r == -EEXIST)
		return err_set(err, ERR_FORMAT, "seccomp: %s: contradicts another rule", what);
	return err_sys(err, -r, "seccomp: %s", what);
}

static int add_rule(struct work *w, const struct seccomp_rule *rule, struct err *err)
{
	const struct seccomp_profile *p = w->profile;
	uint32_t action = action_of_library(rule->action, rule->errnum);
	struct scmp_arg_cmp args[SECCOMP_ARGS_MAX];
	int number, r;

	if (is_ours(rule)) {
		if (rule->n_args == 0)
			return 0;
		return err_set(err, ERR_UNSUPPORTED,
			"seccomp: %s is too new for conditions on its arguments", rule->name);
	}
	number = seccomp_syscall_resolve_name(rule->name);
	if (number == __NR_SCMP_ERROR) {
		if (p->flags & SECCOMP_SKIP_UNKNOWN)
			return 0;
		return err_set(err, ERR_NOT_FOUND, "seccomp: unknown system call %s", rule->name);
	}
	/* The library refuses what would change nothing. */
	if (action == action_of_library(p->default_action, p->default_errnum))
		return 0;
	for (uint8_t i = 0; i < rule->n_args; i++)
		args[i] = (struct scmp_arg_cmp){
			.arg = rule->args[i].index,
			.op = compare_of_library(rule->args[i].op),
			.datum_a = rule->args[i].value,
			.datum_b = rule->args[i].value_two,
		};
	r = seccomp_rule_add_array(w->library, action, number, rule->n_args, args);
	return r < 0 ? library_error(err, r, rule->name) : 0;
}

static int add_rules(
	struct work *w, const struct seccomp_rule *rules, size_t n_rules, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n_rules && r == 0; i++)
		r = add_rule(w, &rules[i], err);
	return r;
}

static int set_up_library(struct work *w, struct err *err)
{
	const struct seccomp_profile *p = w->profile;
	bool native_wanted = false;
	int r = 0;

	w->library = seccomp_init(action_of_library(p->default_action, p->default_errnum));
	if (!w->library)
		return err_set(err, ERR_UNSUPPORTED, "seccomp: libseccomp refuses the default");
	for (size_t i = 0; i < p->n_arches && r == 0; i++) {
		if (w->arches[i] == seccomp_arch_native())
			native_wanted = true;
		else
			r = seccomp_arch_add(w->library, w->arches[i]);
	}
	if (r == 0 && !native_wanted)
		r = seccomp_arch_remove(w->library, SCMP_ARCH_NATIVE);
	if (r == 0)
		r = seccomp_attr_set(w->library, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (r == 0)
		r = seccomp_attr_set(w->library, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r < 0 ? library_error(err, r, "set-up") : 0;
}

/* 2.5.4 can only write to a descriptor. */
static int export_library(struct work *w, struct buf *b, struct err *err)
{
	autofd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "memfd_create");
	r = seccomp_export_bpf(w->library, fd);
	if (r < 0)
		return library_error(err, r, "export");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "seek in the exported filter");
	return buf_read_fd(b, fd, err);
}

static int compile_library(struct work *w, struct buf *b, struct err *err)
{
	const struct seccomp_profile *p = w->profile;
	int r;

	r = set_up_library(w, err);
	if (r < 0)
		return r;
	r = add_rules(w, p->rules, p->n_rules, err);
	if (r < 0)
		return r;
	r = add_rules(w, p->denied, p->n_denied, err);
	if (r < 0)
		return r;
	return export_library(w, b, err);
}

int seccomp_compile(
	const struct seccomp_profile *profile, struct seccomp_program *ret, struct err *err)
{
	struct work w = { .profile = profile };
	AUTO(buf) struct buf exported = BUF_INIT(FILTER_MAX);
	int r;

	r = resolve_arches(&w, err);
	if (r < 0)
		return r;
	if (!(profile->flags & SECCOMP_AS_TREE))
		r = compile_library(&w, &exported, err);
	if (w.library)
		seccomp_release(w.library);
	if (r < 0)
		return r;
	assemble(&w);
	bpf_append_end(&w.code, (const struct sock_filter *)(const void *)exported.data,
		exported.len / sizeof(struct sock_filter));
	if (w.code.n > BPF_MAXINSNS) {
		bpf_asm_done(&w.code);
		return err_set(err, ERR_LIMIT, "seccomp: the filter has over %d instructions",
			BPF_MAXINSNS);
	}
	*ret = (struct seccomp_program){
		.insns = w.code.insns,
		.owned = w.code.insns,
		.n_insns = (uint16_t)w.code.n,
		.load_flags = profile->flags & SECCOMP_FLAG_LOG ? SECCOMP_FILTER_FLAG_LOG : 0,
	};
	w.code.insns = NULL;
	bpf_asm_done(&w.code);
	return 0;
}

struct sock_filter *seccomp_program_take(struct seccomp_program *p, unsigned short *ret_n)
{
	struct sock_filter *insns = p->owned;

	if (!insns && p->n_insns > 0)
		insns = xmemdup(p->insns, p->n_insns * sizeof(*insns));
	*ret_n = p->n_insns;
	*p = (struct seccomp_program){ 0 };
	return insns;
}

void seccomp_program_done(struct seccomp_program *p)
{
	free(p->owned);
	*p = (struct seccomp_program){ 0 };
}

/*
 * SPEC_ALLOW as runc does: the mitigation that a filter otherwise brings was dropped as a default
 * by the kernel in 5.16 and costs a container dear on older ones. Kernels before 4.17 refuse it.
 */
int seccomp_program_load(const struct seccomp_program *p, struct err *err)
{
	struct sock_fprog prog = { .len = p->n_insns,
		.filter = (struct sock_filter *)(uintptr_t)p->insns };
	unsigned flags = p->load_flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

	if (p->n_insns == 0)
		return 0;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0)
		return err_sys(err, errno, "load the system call filter");
	return 0;
}

/* A filter at address NULL: EFAULT says that the kernel would have read it. */
int seccomp_probe(void)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == 0)
		return 1;
	return errno == EFAULT;
}
