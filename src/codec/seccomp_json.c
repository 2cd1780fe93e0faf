#include "codec/seccomp_json.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

#define RULES_MAX  4096
#define ERRNO_MAX  4095 /* of the kernel: MAX_ERRNO */
#define INDEX_MAX  5
#define KERNEL_MAX 99999

static const char *const actions[] = {
	"SCMP_ACT_ALLOW",
	"SCMP_ACT_ERRNO",
	"SCMP_ACT_KILL",
	"SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_TRAP",
	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_LOG",
	"SCMP_ACT_TRACE",
};

static const char *const operators[] = {
	"SCMP_CMP_NE",
	"SCMP_CMP_LT",
	"SCMP_CMP_LE",
	"SCMP_CMP_EQ",
	"SCMP_CMP_GE",
	"SCMP_CMP_GT",
	"SCMP_CMP_MASKED_EQ",
};

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(s, words[i]))
			return true;
	}
	return false;
}

/* A member that has to be an action; *ret is a copy of the caller's own. */
static int read_action(const struct json *v, const char *key, char **ret, struct err *err)
{
	const char *s = NULL;
	int r = json_want_string(v, key, &s, err);

	if (r < 0)
		return r;
	if (!s)
		return err_set(err, ERR_FORMAT, "%s is missing", key);
	if (!is_one_of(s, actions, sizeof(actions) / sizeof(actions[0])))
		return err_set(err, ERR_UNSUPPORTED, "%s: %s is not possible here", key, s);
	*ret = xstrdup(s);
	return 0;
}

static int read_errno(
	const struct json *v, const char *key, bool *ret_has, uint16_t *ret, struct err *err)
{
	int64_t n = 0;
	int r = json_want_int(v, key, &n, err);

	if (r <= 0)
		return r;
	if (n < 0 || n > ERRNO_MAX)
		return err_set(err, ERR_FORMAT, "%s is not an error number", key);
	*ret_has = true;
	*ret = (uint16_t)n;
	return 0;
}

/* "4.8", as docker's minKernel. */
static int read_kernel(const char *s, struct seccomp_json_filter *f, struct err *err)
{
	AUTO(strv) char **parts = strv_split(s, '.');
	uint64_t major, minor;

	if (strv_len(parts) != 2 || parse_u64(parts[0], KERNEL_MAX, &major, NULL) < 0 ||
		parse_u64(parts[1], KERNEL_MAX, &minor, NULL) < 0)
		return err_set(err, ERR_FORMAT, "minKernel: %s is not MAJOR.MINOR", s);
	f->has_min_kernel = true;
	f->kernel_major = (unsigned)major;
	f->kernel_minor = (unsigned)minor;
	return 0;
}

static int read_filter(
	const struct json *rule, const char *key, struct seccomp_json_filter *f, struct err *err)
{
	struct json *v = NULL;
	const char *kernel = NULL;
	int r = json_want_object(rule, key, &v, err);

	if (r <= 0)
		return r;
	r = json_want_strv(v, "caps", &f->caps, err);
	if (r >= 0)
		r = json_want_strv(v, "arches", &f->arches, err);
	if (r >= 0)
		r = json_want_string(v, "minKernel", &kernel, err);
	if (r >= 0 && kernel)
		r = read_kernel(kernel, f, err);
	return r < 0 ? err_ctx(err, r, "%s", key) : 0;
}

/* Values are whole 64-bit words; what is written above 2^53 cannot be trusted to JSON. */
static int read_value(const struct json *v, const char *key, uint64_t *ret, struct err *err)
{
	int64_t n = 0;
	int r = json_want_int(v, key, &n, err);

	if (r < 0)
		return r;
	if (n < 0)
		return err_set(err, ERR_FORMAT, "%s is negative", key);
	*ret = (uint64_t)n;
	return 0;
}

static int read_arg(const struct json *v, struct seccomp_json_arg *a, struct err *err)
{
	const char *op = NULL;
	uint64_t index = UINT64_MAX;
	int r = read_value(v, "index", &index, err);

	if (r < 0)
		return r;
	if (index > INDEX_MAX)
		return err_set(err, ERR_FORMAT, "index is not 0 to %d", INDEX_MAX);
	a->index = (uint8_t)index;
	r = read_value(v, "value", &a->value, err);
	if (r >= 0)
		r = read_value(v, "valueTwo", &a->value_two, err);
	if (r >= 0)
		r = json_want_string(v, "op", &op, err);
	if (r < 0)
		return r;
	if (!op || !is_one_of(op, operators, sizeof(operators) / sizeof(operators[0])))
		return err_set(err, ERR_UNSUPPORTED, "op %s is not possible", op ? op : "(none)");
	a->op = xstrdup(op);
	return 0;
}

static int read_args(const struct json *v, struct seccomp_json_rule *rule, struct err *err)
{
	struct json *list = NULL;
	int r = json_want_array(v, "args", &list, err);

	if (r <= 0)
		return r;
	rule->args = NEW_ARRAY(struct seccomp_json_arg, json_len(list) + 1);
	JSON_FOREACH(item, list)
	{
		r = read_arg(item, &rule->args[rule->n_args++], err);
		if (r < 0)
			return err_ctx(err, r, "args");
	}
	return 0;
}

static int read_names(const struct json *v, struct seccomp_json_rule *rule, struct err *err)
{
	const char *name = NULL;
	int r = json_want_strv(v, "names", &rule->names, err);

	if (r >= 0)
		r = json_want_string(v, "name", &name, err);
	if (r < 0)
		return r;
	if (name)
		strv_push(&rule->names, name);
	return strv_len(rule->names) > 0 ? 0 : err_set(err, ERR_FORMAT, "names are missing");
}

static int read_rule(const struct json *v, struct seccomp_json_rule *rule, struct err *err)
{
	int r;

	if (!json_is_object(v))
		return err_set(err, ERR_FORMAT, "not an object");
	r = read_names(v, rule, err);
	if (r >= 0)
		r = read_action(v, "action", &rule->action, err);
	if (r >= 0)
		r = read_errno(v, "errnoRet", &rule->has_errno, &rule->errnum, err);
	if (r >= 0)
		r = read_args(v, rule, err);
	if (r >= 0)
		r = read_filter(v, "includes", &rule->includes, err);
	if (r >= 0)
		r = read_filter(v, "excludes", &rule->excludes, err);
	return r;
}

static int read_rules(const struct json *doc, struct seccomp_json *p, struct err *err)
{
	struct json *list = NULL;
	int r = json_want_array(doc, "syscalls", &list, err);

	if (r <= 0)
		return r;
	if (json_len(list) > RULES_MAX)
		return err_set(err, ERR_LIMIT, "over %d rules", RULES_MAX);
	p->rules = NEW_ARRAY(struct seccomp_json_rule, json_len(list) + 1);
	JSON_FOREACH(item, list)
	{
		r = read_rule(item, &p->rules[p->n_rules++], err);
		if (r < 0)
			return err_ctx(err, r, "syscalls[%zu]", p->n_rules - 1);
	}
	return 0;
}

static int read_arch_map(const struct json *doc, struct seccomp_json *p, struct err *err)
{
	struct json *list = NULL;
	int r = json_want_array(doc, "archMap", &list, err);

	if (r <= 0)
		return r;
	p->arch_map = NEW_ARRAY(struct seccomp_json_arch, json_len(list) + 1);
	JSON_FOREACH(item, list)
	{
		struct seccomp_json_arch *arch = &p->arch_map[p->n_arch_map++];
		const char *name = NULL;

		r = json_want_string(item, "architecture", &name, err);
		if (r >= 0 && !name)
			r = err_set(err, ERR_FORMAT, "architecture is missing");
		arch->name = xstrdup(name);
		if (r >= 0)
			r = json_want_strv(item, "subArchitectures", &arch->subs, err);
		if (r < 0)
			return err_ctx(err, r, "archMap");
	}
	return 0;
}

static int read_document(const struct json *doc, struct seccomp_json *p, struct err *err)
{
	const char *listener = NULL;
	int r;

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "not a JSON object");
	r = json_want_string(doc, "listenerPath", &listener, err);
	if (r >= 0 && !str_empty(listener))
		r = err_set(err, ERR_UNSUPPORTED, "listenerPath is not possible here");
	if (r >= 0)
		r = read_action(doc, "defaultAction", &p->default_action, err);
	if (r >= 0)
		r = read_errno(
			doc, "defaultErrnoRet", &p->has_default_errno, &p->default_errnum, err);
	if (r >= 0)
		r = json_want_strv(doc, "architectures", &p->architectures, err);
	if (r >= 0)
		r = read_arch_map(doc, p, err);
	if (r >= 0)
		r = json_want_strv(doc, "flags", &p->flags, err);
	if (r >= 0)
		r = read_rules(doc, p, err);
	if (r >= 0 && p->architectures && p->n_arch_map > 0)
		r = err_set(err, ERR_FORMAT, "architectures and archMap exclude each other");
	return r < 0 ? r : 0;
}

int seccomp_json_parse(const char *text, size_t len, struct seccomp_json *ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	AUTO(seccomp_json) struct seccomp_json p = { 0 };
	int r;

	if (len > SECCOMP_JSON_MAX)
		return err_set(err, ERR_LIMIT, "profile over %d bytes", SECCOMP_JSON_MAX);
	r = json_parse(text, len, &doc, err);
	if (r < 0)
		return r;
	r = read_document(doc, &p, err);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct seccomp_json){ 0 };
	return 0;
}

static void filter_done(struct seccomp_json_filter *f)
{
	strv_free(f->caps);
	strv_free(f->arches);
}

static void rule_done(struct seccomp_json_rule *rule)
{
	strv_free(rule->names);
	free(rule->action);
	for (size_t i = 0; i < rule->n_args; i++)
		free(rule->args[i].op);
	free(rule->args);
	filter_done(&rule->includes);
	filter_done(&rule->excludes);
}

void seccomp_json_done(struct seccomp_json *p)
{
	free(p->default_action);
	strv_free(p->architectures);
	for (size_t i = 0; i < p->n_arch_map; i++) {
		free(p->arch_map[i].name);
		strv_free(p->arch_map[i].subs);
	}
	free(p->arch_map);
	strv_free(p->flags);
	for (size_t i = 0; i < p->n_rules; i++)
		rule_done(&p->rules[i]);
	free(p->rules);
	*p = (struct seccomp_json){ 0 };
}
