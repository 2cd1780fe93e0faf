#include "cli/option.h"

#include <limits.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

/* Exit status of every failure here, as docker's. */
#define EXIT_BAD_FLAG 125

/* One walk over argv. */
struct parser {
	const struct option_spec *const *tables;
	void *const *bases;
	int argc;
	char **argv;
	int next;     /* word that is read next */
	int operands; /* words already moved to the front */
};

/* A row found, with the struct that it writes to and how the user spelled it. */
struct match {
	const struct option_spec *spec;
	void *base;
};

bool option_takes_value(const struct option_spec *o)
{
	return o->kind != OPTION_FLAG && o->kind != OPTION_CONST && o->kind != OPTION_OPTIONAL;
}

const struct option_spec *option_find(const struct option_spec *table, const char *name)
{
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		if (o->name && str_eq(o->name, name))
			return o;
	}
	return NULL;
}

static bool find_long(const struct parser *p, const char *name, struct match *ret)
{
	for (size_t i = 0; p->tables[i]; i++) {
		const struct option_spec *o = option_find(p->tables[i], name);

		if (o) {
			*ret = (struct match){ o, p->bases[i] };
			return true;
		}
	}
	return false;
}

static bool find_letter(const struct parser *p, char letter, struct match *ret)
{
	for (size_t i = 0; p->tables[i]; i++) {
		for (const struct option_spec *o = p->tables[i]; o->kind != OPTION_END_KIND; o++) {
			if (o->letter == letter) {
				*ret = (struct match){ o, p->bases[i] };
				return true;
			}
		}
	}
	return false;
}

/* The shown option nearest to a name that does not exist, or NULL. */
static const char *nearest(const struct parser *p, const char *name)
{
	unsigned best = strlen(name) < 4 ? 2 : 3; /* found ones must be nearer than this */
	const char *found = NULL;

	for (size_t i = 0; p->tables[i]; i++) {
		for (const struct option_spec *o = p->tables[i]; o->kind != OPTION_END_KIND; o++) {
			unsigned d;

			if (!o->name || o->status != OPTION_ACTIVE)
				continue;
			d = str_distance(name, o->name, best);
			if (d < best) {
				best = d;
				found = o->name;
			}
		}
	}
	return found;
}

static int unknown_long(const struct parser *p, const char *name, struct err *err)
{
	const char *near = nearest(p, name);
	int r = err_set(err, ERR_USAGE, "unknown flag: --%s", name);

	err_exit(err, r, EXIT_BAD_FLAG);
	return near ? err_hint(err, r, "did you mean --%s?", near) : r;
}

/* docker quotes an option with both its names. */
static int bad_value(
	const struct option_spec *o, const char *value, const struct err *why, struct err *err)
{
	int r;

	if (o->letter)
		r = err_set(err, ERR_USAGE, "invalid argument \"%s\" for \"-%c, --%s\" flag: %s",
			value, o->letter, o->name, why->msg);
	else
		r = err_set(err, ERR_USAGE, "invalid argument \"%s\" for \"--%s\" flag: %s", value,
			o->name, why->msg);
	return err_exit(err, r, EXIT_BAD_FLAG);
}

static int store_enum(const struct option_spec *o, const char *value, int *ret, struct err *err)
{
	AUTO(free) char *all = NULL;

	for (int i = 0; o->values[i]; i++) {
		if (str_eq(o->values[i], value)) {
			*ret = i;
			return 0;
		}
	}
	all = strv_join((char *const *)o->values, ", ");
	return err_set(err, ERR_USAGE, "must be one of %s", all);
}

static int store_number(
	const struct option_spec *o, void *field, const char *value, struct err *err)
{
	bool ranged = o->min || o->max;
	int64_t n = 0;
	int r;

	if (o->kind == OPTION_U64)
		return parse_u64(value, ranged ? (uint64_t)o->max : UINT64_MAX, field, err);
	if (o->kind == OPTION_BYTES)
		return parse_bytes(value, field, err);
	if (o->kind == OPTION_DURATION)
		return parse_duration(value, field, err);

	r = parse_i64(value, ranged ? o->min : INT_MIN, ranged ? o->max : INT_MAX, &n, err);
	if (r >= 0)
		*(int *)field = (int)n;
	return r;
}

/* A label without "=" has an empty value. */
static void store_map(char ***field, const char *value)
{
	autofree char *pair = strchr(value, '=') ? NULL : xasprintf("%s=", value);

	strv_env_set(field, pair ? pair : value);
}

static int store_value(const struct option_spec *o, void *field, const char *value, struct err *err)
{
	switch (o->kind) {
	case OPTION_FLAG:
		return parse_bool(value, field, err);
	case OPTION_STRING:
	case OPTION_OPTIONAL:
	case OPTION_CONST:
		*(const char **)field = value;
		return 0;
	case OPTION_LIST:
		strv_push(field, value);
		return 0;
	case OPTION_MAP:
		store_map(field, value);
		return 0;
	case OPTION_ENUM:
		return store_enum(o, value, field, err);
	case OPTION_INT:
	case OPTION_U64:
	case OPTION_BYTES:
	case OPTION_DURATION:
		return store_number(o, field, value, err);
	case OPTION_END_KIND:
		break;
	}
	err_bug(__FILE__, __LINE__, "an option of a known kind");
}

/* `value` NULL: the option was given alone. */
static int apply(const struct match *m, const char *value, struct err *err)
{
	const struct option_spec *o = m->spec;
	struct err why = { 0 };
	int r;

	if (o->status == OPTION_UNSUPPORTED) {
		r = err_set(err, ERR_UNSUPPORTED, "--%s is not supported: %s", o->name, o->reason);
		return err_exit(err, r, EXIT_BAD_FLAG);
	}
	if (o->status == OPTION_IGNORED) {
		log_warn("--%s has no effect: %s", o->name, o->reason);
		return 0;
	}

	if (o->kind == OPTION_CONST) {
		bool on = true;

		/* --json=false leaves the field as it is. */
		r = value ? parse_bool(value, &on, &why) : 0;
		if (r < 0)
			return bad_value(o, value, &why, err);
		if (!on)
			return 0;
		value = o->fallback;
	} else if (!value) {
		value = o->kind == OPTION_FLAG ? "true" : o->fallback;
	}

	r = store_value(o, (char *)m->base + o->offset, value, &why);
	if (r < 0)
		return bad_value(o, value, &why, err);
	if (o->seen)
		*(bool *)((char *)m->base + o->seen - 1) = true;
	return 0;
}

/* The word behind an option, or NULL at the end. */
static const char *take_word(struct parser *p)
{
	return p->next < p->argc ? p->argv[p->next++] : NULL;
}

/* `word` begins with "--" and is longer. */
static int parse_long(struct parser *p, char *word, struct err *err)
{
	const char *equals = strchr(word + 2, '=');
	const char *value = equals ? equals + 1 : NULL;
	autofree char *name = equals ? xstrndup(word + 2, equals - word - 2) : xstrdup(word + 2);
	struct match m;
	int r;

	if (!*name || *name == '-') {
		r = err_set(err, ERR_USAGE, "bad flag syntax: %s", word);
		return err_exit(err, r, EXIT_BAD_FLAG);
	}
	if (!find_long(p, name, &m))
		return unknown_long(p, name, err);

	if (!value && option_takes_value(m.spec) && m.spec->status != OPTION_UNSUPPORTED) {
		value = take_word(p);
		if (!value) {
			r = err_set(err, ERR_USAGE, "flag needs an argument: --%s", name);
			return err_exit(err, r, EXIT_BAD_FLAG);
		}
	}
	return apply(&m, value, err);
}

/* `word` is "-x..." : a bundle of flags, the last of which may take the rest as its value. */
static int parse_letters(struct parser *p, char *word, struct err *err)
{
	for (char *c = word + 1; *c; c++) {
		const char *value = NULL;
		struct match m;
		int r;

		if (!find_letter(p, *c, &m)) {
			r = err_set(err, ERR_USAGE, "unknown shorthand flag: '%c' in %s", *c, word);
			return err_exit(err, r, EXIT_BAD_FLAG);
		}
		if (c[1] == '=') {
			value = c + 2;
		} else if (option_takes_value(m.spec)) {
			value = c[1] ? c + 1 : take_word(p);
			if (!value) {
				r = err_set(err, ERR_USAGE, "flag needs an argument: '%c' in %s",
					*c, word);
				return err_exit(err, r, EXIT_BAD_FLAG);
			}
		}
		r = apply(&m, value, err);
		if (r < 0 || value)
			return r;
	}
	return 0;
}

int option_parse(const struct option_spec *const *tables, void *const *bases,
	enum option_flags flags, int argc, char **argv, struct err *err)
{
	struct parser p = { .tables = tables, .bases = bases, .argc = argc, .argv = argv };
	bool only_operands = false;

	while (p.next < p.argc) {
		char *word = p.argv[p.next++];
		int r = 0;

		if (only_operands || word[0] != '-' || !word[1]) {
			p.argv[p.operands++] = word;
			if (flags & OPTION_STOP_AT_OPERAND)
				only_operands = true;
		} else if (str_eq(word, "--")) {
			only_operands = true;
		} else if (word[1] == '-') {
			r = parse_long(&p, word, err);
		} else {
			r = parse_letters(&p, word, err);
		}
		if (r < 0)
			return r;
	}
	p.argv[p.operands] = NULL;
	return p.operands;
}

void option_done(const struct option_spec *table, void *opts)
{
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		char ***field = (char ***)((char *)opts + o->offset);

		if (o->kind != OPTION_LIST && o->kind != OPTION_MAP)
			continue;
		if (o->status == OPTION_IGNORED || o->status == OPTION_UNSUPPORTED)
			continue;
		strv_free(*field);
		*field = NULL;
	}
}
