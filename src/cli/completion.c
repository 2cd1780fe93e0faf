#include "cli/completion.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/completion_priv.h"

static const struct {
	enum option_complete kind;
	const char *name;
} kind_names[] = {
	{ COMPLETE_IMAGE, "image" },
	{ COMPLETE_CONTAINER, "container" },
	{ COMPLETE_CONTAINER_RUNNING, "container-running" },
	{ COMPLETE_CONTAINER_STOPPED, "container-stopped" },
	{ COMPLETE_SIGNAL, "signal" },
};

#define N_KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

const char *completion_kind_name(enum option_complete kind)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (kind_names[i].kind == kind)
			return kind_names[i].name;
	}
	return NULL;
}

int completion_parse_kind(const char *s, enum option_complete *ret, struct err *err)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (str_eq(kind_names[i].name, s)) {
			*ret = kind_names[i].kind;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "no names of the kind \"%s\"", s);
}

bool completion_shows(const struct option_spec *o)
{
	return o->status == OPTION_ACTIVE || o->status == OPTION_IGNORED;
}

/* Letters of the options that do, or do not, take a value; returns how many. */
static size_t print_letters(FILE *out, const struct option_spec *table, bool with_value)
{
	size_t n = 0;

	for (const struct option_spec *o = table; o->kind != OPTION_END_KIND; o++) {
		if (!o->letter || option_takes_value(o) != with_value)
			continue;
		if (out)
			fputc(o->letter, out);
		n++;
	}
	return n;
}

bool completion_print_value_words(FILE *out, const struct option_spec *table)
{
	const char *separator = "^(";
	bool any = false;

	if (!table)
		return false;
	for (const struct option_spec *o = table; o->kind != OPTION_END_KIND; o++) {
		if (!option_takes_value(o))
			continue;
		fprintf(out, "%s--%s", separator, o->name);
		separator = "|";
		any = true;
	}
	if (!any)
		return false;
	if (print_letters(NULL, table, true)) {
		fputs("|-", out);
		if (print_letters(NULL, table, false)) {
			fputc('[', out);
			print_letters(out, table, false);
			fputs("]*", out);
		}
		fputc('[', out);
		print_letters(out, table, true);
		fputc(']', out);
	}
	fputs(")$", out);
	return true;
}

void completion_each_spelling(FILE *out, const struct command *c, completion_spelling_fn *fn)
{
	fn(out, c, c->name);
	STRV_FOREACH (alias, c->aliases)
		fn(out, c, alias);
}

void completion_put_quoted(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else
			fputc(*s, out);
	}
}
