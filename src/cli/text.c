#include "cli/text_priv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/strv.h"

/* Length of the word at s, up to the next blank or line break. */
static size_t word_len(const char *s)
{
	return strcspn(s, " \n");
}

void text_wrap(FILE *out, const char *s, size_t at, size_t indent, size_t width)
{
	size_t column = at;
	bool fresh = true; /* nothing on this line yet */

	while (*s) {
		size_t len;

		if (*s == '\n') {
			/* An empty line separates paragraphs; a single break is kept as well. */
			fputc('\n', out);
			s++;
			if (*s != '\n' && *s)
				fprintf(out, "%*s", (int)indent, "");
			column = indent;
			fresh = true;
			continue;
		}
		if (*s == ' ') {
			s++;
			continue;
		}
		len = word_len(s);
		if (!fresh && column + 1 + len > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
			fresh = true;
		}
		if (!fresh) {
			fputc(' ', out);
			column++;
		}
		fwrite(s, 1, len, out);
		column += len;
		s += len;
		fresh = false;
	}
	fputc('\n', out);
}

size_t text_option_name(const struct option_spec *o, char *ret, size_t size)
{
	int n;

	if (o->letter)
		n = snprintf(ret, size, "-%c, --%s", o->letter, o->name);
	else
		n = snprintf(ret, size, "    --%s", o->name);

	if (o->kind == OPTION_OPTIONAL)
		n += snprintf(ret + n, size - n, "[=%s]", o->value);
	else if (option_takes_value(o) && o->value && *o->value)
		n += snprintf(ret + n, size - n, " %s", o->value);
	return (size_t)n;
}

/* Does the help text name each value by itself? */
static bool names_all(const char *help, const char *const *values)
{
	STRV_FOREACH (value, values) {
		if (!strstr(help, value))
			return false;
	}
	return true;
}

char *text_option_help(const struct option_spec *o)
{
	AUTO(buf) struct buf b = BUF_INIT(TEXT_MAX_HELP);
	const char *help = o->help ? o->help : "";

	buf_puts(&b, help);
	if (o->kind == OPTION_ENUM && !names_all(help, o->values)) {
		autofree char *all = strv_join((char *const *)o->values, ", ");

		buf_printf(&b, " (%s)", all);
	}
	if (o->default_text)
		buf_printf(&b, " (default %s)", o->default_text);
	if (o->status == OPTION_IGNORED)
		buf_printf(&b, " (no effect: %s)", o->reason);
	return buf_take(&b);
}

static int compare_rows(const void *a, const void *b)
{
	const struct option_spec *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

size_t text_options_sorted(const struct option_spec *table, const struct option_spec ***ret)
{
	const struct option_spec **rows = NULL;
	size_t n = 0, cap = 0;

	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		if (o->status != OPTION_ACTIVE && o->status != OPTION_IGNORED)
			continue;
		GROW(rows, n, cap);
		rows[n++] = o;
	}
	if (n)
		qsort(rows, n, sizeof(*rows), compare_rows);
	*ret = rows;
	return n;
}

static int compare_commands(const void *a, const void *b)
{
	const struct command *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

size_t text_commands_sorted(const struct program *p, const struct command ***ret)
{
	const struct command **all = NULL;
	size_t n = 0, cap = 0;

	for (const struct command *const *c = p->commands; *c; c++) {
		if ((*c)->flags & COMMAND_HIDDEN)
			continue;
		GROW(all, n, cap);
		all[n++] = *c;
	}
	if (n)
		qsort(all, n, sizeof(*all), compare_commands);
	*ret = all;
	return n;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **text_objects(const struct program *p)
{
	char **objects = NULL;

	for (const struct command *const *c = p->commands; *c; c++) {
		if ((*c)->flags & COMMAND_HIDDEN)
			continue;
		STRV_FOREACH (alias, (*c)->aliases) {
			size_t len = strcspn(alias, " ");
			autofree char *object = xstrndup(alias, len);

			if (alias[len] && !strv_contains(objects, object))
				strv_push(&objects, object);
		}
	}
	if (objects)
		qsort(objects, strv_len(objects), sizeof(*objects), compare_strings);
	return objects;
}
