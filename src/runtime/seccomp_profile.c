#include "runtime/seccomp_profile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/seccomp_json.h"
#include "runtime/seccomp_table.h"
#include "sys/caps.h"

#if defined(__x86_64__)
#define MACHINE	       "x86_64"
#define DOCKER_MACHINE "amd64"
#elif defined(__aarch64__)
#define MACHINE	       "aarch64"
#define DOCKER_MACHINE "arm64"
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE	       "riscv64"
#define DOCKER_MACHINE "riscv64"
#else
#error "no system call table for this machine: extend runtime/seccomp_table.c"
#endif

#define ARCH_PREFIX "SCMP_ARCH_"
#define ARCHES_MAX  4

struct words {
	const char *word;
	int value;
};

static const struct words action_words[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_ALLOW },
	{ "SCMP_ACT_ERRNO", SECCOMP_ERRNO },
	{ "SCMP_ACT_KILL", SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", SECCOMP_TRAP },
	{ "SCMP_ACT_LOG", SECCOMP_LOG },
	{ "SCMP_ACT_TRACE", SECCOMP_TRACE },
	{ NULL, -1 },
};

static const struct words op_words[] = {
	{ "SCMP_CMP_NE", SECCOMP_NE },
	{ "SCMP_CMP_LT", SECCOMP_LT },
	{ "SCMP_CMP_LE", SECCOMP_LE },
	{ "SCMP_CMP_EQ", SECCOMP_EQ },
	{ "SCMP_CMP_GE", SECCOMP_GE },
	{ "SCMP_CMP_GT", SECCOMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SECCOMP_MASKED_EQ },
	{ NULL, -1 },
};

/* The codec lets nothing else through. */
static int value_of(const struct words *words, const char *word)
{
	while (words->word && !str_eq(words->word, word))
		words++;
	assert_that(words->word);
	return words->value;
}

/* What decides about includes and excludes. */
struct host {
	uint64_t caps;
	unsigned kernel_major, kernel_minor;
};

static void read_kernel_version(struct host *h)
{
	struct utsname u;
	AUTO(strv) char **parts = NULL;
	uint64_t major = 0, minor = 0;

	if (uname(&u) < 0)
		return;
	u.release[strspn(u.release, "0123456789.")] = '\0';
	parts = strv_split(u.release, '.');
	if (strv_len(parts) < 2 || parse_u64(parts[0], UINT16_MAX, &major, NULL) < 0 ||
		parse_u64(parts[1], UINT16_MAX, &minor, NULL) < 0)
		return;
	h->kernel_major = (unsigned)major;
	h->kernel_minor = (unsigned)minor;
}

static bool host_has_cap(const struct host *h, const char *name)
{
	int n = caps_number(name, NULL);

	return n >= 0 && (h->caps & CAPS_BIT(n));
}

static bool host_has_kernel(const struct host *h, const struct seccomp_json_filter *f)
{
	if (h->kernel_major != f->kernel_major)
		return h->kernel_major > f->kernel_major;
	return h->kernel_minor >= f->kernel_minor;
}

/* docker's rule: every condition of includes has to hold, any of excludes takes the rule out. */
static bool rule_applies(const struct host *h, const struct seccomp_json_rule *rule)
{
	const struct seccomp_json_filter *in = &rule->includes, *out = &rule->excludes;

	if (strv_len(out->arches) > 0 && strv_contains(out->arches, DOCKER_MACHINE))
		return false;
	STRV_FOREACH (cap, out->caps) {
		if (host_has_cap(h, cap))
			return false;
	}
	if (out->has_min_kernel && host_has_kernel(h, out))
		return false;
	if (strv_len(in->arches) > 0 && !strv_contains(in->arches, DOCKER_MACHINE))
		return false;
	STRV_FOREACH (cap, in->caps) {
		if (!host_has_cap(h, cap))
			return false;
	}
	return !in->has_min_kernel || host_has_kernel(h, in);
}

struct list {
	struct seccomp_rule *rules;
	size_t n, cap;
};

static bool same_rule(const struct seccomp_rule *a, const struct seccomp_rule *b)
{
	if (a->n_args != b->n_args || !str_eq(a->name, b->name))
		return false;
	for (uint8_t i = 0; i < a->n_args; i++) {
		const struct seccomp_arg *x = &a->args[i], *y = &b->args[i];

		if (x->index != y->index || x->op != y->op || x->value != y->value ||
			x->value_two != y->value_two)
			return false;
	}
	return true;
}

/* A second rule of the same shape changes nothing: profiles repeat themselves. */
static void list_add(struct list *l, const struct seccomp_rule *rule)
{
	for (size_t i = 0; i < l->n; i++) {
		if (same_rule(&l->rules[i], rule))
			return;
	}
	GROW(l->rules, l->n, l->cap);
	l->rules[l->n++] = *rule;
}

static struct seccomp_arg convert_arg(const struct seccomp_json_arg *a)
{
	return (struct seccomp_arg){
		.index = a->index,
		.op = (enum seccomp_op)value_of(op_words, a->op),
		.value = a->value,
		.value_two = a->value_two,
	};
}

static bool repeats_an_index(const struct seccomp_json_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		if (seen & (1U << rule->args[i].index))
			return true;
		seen |= 1U << rule->args[i].index;
	}
	return false;
}

/*
 * Conditions are joined by "and"; two on the same argument cannot be, so every profile means "or"
 * by them: then each becomes a rule of its own.
 */
static void convert_name(struct list *l, const char *name, const struct seccomp_json_rule *from)
{
	struct seccomp_rule rule = {
		.name = name,
		.action = (enum seccomp_action)value_of(action_words, from->action),
		.errnum = from->has_errno ? from->errnum : EPERM,
	};

	if (!repeats_an_index(from)) {
		for (size_t i = 0; i < from->n_args; i++)
			rule.args[rule.n_args++] = convert_arg(&from->args[i]);
		list_add(l, &rule);
		return;
	}
	rule.n_args = 1;
	for (size_t i = 0; i < from->n_args; i++) {
		rule.args[0] = convert_arg(&from->args[i]);
		list_add(l, &rule);
	}
}

/* "SCMP_ARCH_X86_64" against libseccomp's "x86_64". */
static bool arch_is(const char *from_profile, const char *name)
{
	const char *rest = str_after_nocase(from_profile, ARCH_PREFIX);

	return str_eq_nocase(rest ? rest : from_profile, name);
}

static bool profile_names_arch(const struct seccomp_json *p, const char *name)
{
	STRV_FOREACH (arch, p->architectures) {
		if (arch_is(arch, name))
			return true;
	}
	for (size_t i = 0; i < p->n_arch_map; i++) {
		if (!arch_is(p->arch_map[i].name, MACHINE))
			continue;
		if (arch_is(p->arch_map[i].name, name))
			return true;
		STRV_FOREACH (sub, p->arch_map[i].subs) {
			if (arch_is(sub, name))
				return true;
		}
	}
	return !p->architectures && p->n_arch_map == 0 && str_eq(name, MACHINE);
}

/*
 * What of this machine the profile covers. Anything else gets ENOSYS, x32 always: it doubles the
 * numbers of every call and nothing uses it.
 */
static int choose_arches(
	const struct seccomp_json *p, const char **arches, size_t *ret_n, struct err *err)
{
	size_t n_known = 0, n = 0;
	const char *const *known = seccomp_table_arches(MACHINE, &n_known);

	for (size_t i = 0; i < n_known && n < ARCHES_MAX; i++) {
		if (profile_names_arch(p, known[i]))
			arches[n++] = known[i];
	}
	if (n == 0 || !str_eq(arches[0], MACHINE))
		return err_set(err, ERR_UNSUPPORTED, "the profile does not cover %s", MACHINE);
	*ret_n = n;
	return 0;
}

static unsigned flags_of(const struct seccomp_json *p)
{
	unsigned flags = 0;

	if (str_eq(p->default_action, "SCMP_ACT_ERRNO"))
		flags |= SECCOMP_NEWER_ENOSYS;
	if (strv_contains(p->flags, "SECCOMP_FILTER_FLAG_LOG"))
		flags |= SECCOMP_FLAG_LOG;
	return flags;
}

static int compile_json(
	const struct seccomp_json *p, uint64_t caps, struct seccomp_program *ret, struct err *err)
{
	struct host host = { .caps = caps };
	const char *arches[ARCHES_MAX];
	struct list rules = { 0 };
	struct seccomp_profile profile = {
		.default_action = (enum seccomp_action)value_of(action_words, p->default_action),
		.default_errnum = p->has_default_errno ? p->default_errnum : EPERM,
		.flags = flags_of(p),
		.arches = arches,
	};
	int r = choose_arches(p, arches, &profile.n_arches, err);

	if (r < 0)
		return r;
	read_kernel_version(&host);
	for (size_t i = 0; i < p->n_rules; i++) {
		if (!rule_applies(&host, &p->rules[i]))
			continue;
		STRV_FOREACH (name, p->rules[i].names)
			convert_name(&rules, name, &p->rules[i]);
	}
	profile.rules = rules.rules;
	profile.n_rules = rules.n;
	r = seccomp_compile(&profile, ret, err);
	free(rules.rules);
	return r;
}

static int compile_file(
	const char *path, uint64_t caps, struct seccomp_program *ret, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AUTO(buf) struct buf text = BUF_INIT(SECCOMP_JSON_MAX);
	AUTO(seccomp_json) struct seccomp_json parsed = { 0 };
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open");
	r = buf_read_fd(&text, fd, err);
	if (r < 0)
		return r;
	r = seccomp_json_parse(buf_str(&text), text.len, &parsed, err);
	if (r < 0)
		return r;
	return compile_json(&parsed, caps, ret, err);
}

int seccomp_profile_choose(
	uint64_t caps, const char *setting, struct seccomp_program *ret, struct err *err)
{
	uint64_t differing = (caps ^ CAPS_DEFAULT) & seccomp_table_relevant_caps();
	int r;

	if (setting && str_eq(setting, "unconfined")) {
		*ret = (struct seccomp_program){ 0 };
		return 0;
	}
	if (setting && !str_eq(setting, "default")) {
		r = compile_file(setting, caps, ret, err);
		return r < 0 ? err_ctx(err, r, "seccomp profile %s", setting) : 0;
	}
	if (differing)
		return seccomp_table_compile(MACHINE, caps, ret, err);
	*ret = (struct seccomp_program){
		.insns = seccomp_default_insns,
		.n_insns = seccomp_default_count,
	};
	return 0;
}
