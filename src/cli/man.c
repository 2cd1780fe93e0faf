#include "cli/man.h"

#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/text_priv.h"

/* Source lines are shorter than this; one paragraph is shorter than that. */
#define LINE_WIDTH    78
#define MAX_PARAGRAPH 65536

/*
 * Text for roff: backslashes and hyphens escaped, and a zero-width character before a dot or
 * apostrophe that could become the first of a line.
 */
static void escape(struct buf *b, const char *s)
{
	bool begins = true;

	for (; *s; s++) {
		if (begins && (*s == '.' || *s == '\''))
			buf_puts(b, "\\&");
		if (*s == '\\')
			buf_puts(b, "\\e");
		else if (*s == '-')
			buf_puts(b, "\\-");
		else
			buf_putc(b, *s);
		begins = *s == ' ' || *s == '\n';
	}
}

/* Paragraphs split by empty lines, filled. */
static void put_text(FILE *out, const char *s)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_PARAGRAPH);
	char *line, *end;

	escape(&b, s);
	for (line = b.data; line && *line; line = end) {
		end = strstr(line, "\n\n");
		if (end)
			*end = '\0';
		text_wrap(out, line, 0, 0, LINE_WIDTH);
		if (!end)
			break;
		end += 2;
		fputs(".PP\n", out);
	}
}

/* A word or phrase inside a macro line. */
static void put_inline(FILE *out, const char *s)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_PARAGRAPH);

	escape(&b, s);
	fputs(buf_str(&b), out);
}

static void put_title(FILE *out, const struct program *p, const char *command)
{
	fputs(".\\\" Made from the option tables: do not edit.\n.TH ", out);
	for (const char *c = p->name; *c; c++)
		fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
	if (command) {
		fputs("\\-", out);
		for (const char *c = command; *c; c++)
			fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, out);
	}
	fprintf(out, " 1 \"%s\" \"%s %s\" \"User Commands\"\n", p->date, p->name, p->version);
}

/* The tag of an option: both names bold, its value in italics. */
static void put_option_tag(FILE *out, const struct option_spec *o)
{
	fputs(".TP\n", out);
	if (o->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", out);
	put_inline(out, o->name);
	fputs("\\fR", out);
	if (o->kind == OPTION_OPTIONAL) {
		fputs("[=\\fI", out);
		put_inline(out, o->value);
		fputs("\\fR]", out);
	} else if (option_takes_value(o) && !str_empty(o->value)) {
		fputs(" \\fI", out);
		put_inline(out, o->value);
		fputs("\\fR", out);
	}
	fputc('\n', out);
}

static void put_options(FILE *out, const char *title, const struct option_spec *table)
{
	autofree const struct option_spec **rows = NULL;
	size_t n = text_options_sorted(table, &rows);

	if (n == 0)
		return;
	fprintf(out, ".SH %s\n", title);
	for (size_t i = 0; i < n; i++) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_PARAGRAPH);
		autofree char *help = text_option_help(rows[i]);

		put_option_tag(out, rows[i]);
		buf_printf(&text, "%s.", help);
		if (rows[i]->kind == OPTION_LIST || rows[i]->kind == OPTION_MAP)
			buf_puts(&text, " May be given several times.");
		if (rows[i]->detail)
			buf_printf(&text, " %s", rows[i]->detail);
		put_text(out, buf_str(&text));
	}
}

static void put_examples(FILE *out, const struct command_example *examples)
{
	if (!examples || !examples->text)
		return;
	fputs(".SH EXAMPLES\n", out);
	for (const struct command_example *e = examples; e->text; e++) {
		AUTO(buf) struct buf b = BUF_INIT(MAX_PARAGRAPH);

		if (e != examples)
			fputs(".PP\n", out);
		put_text(out, e->text);
		escape(&b, e->command);
		fprintf(out, ".PP\n.RS 4\n.nf\n%s\n.fi\n.RE\n", buf_str(&b));
	}
}

static void put_items(FILE *out, const char *title, const struct program_item *items)
{
	if (!items)
		return;
	if (title)
		fprintf(out, ".SH %s\n", title);
	for (const struct program_item *i = items; i->name; i++) {
		fputs(".TP\n\\fB", out);
		put_inline(out, i->name);
		fputs("\\fR\n", out);
		put_text(out, i->text);
	}
}

static void put_aliases(FILE *out, const struct program *p, const struct command *c)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_PARAGRAPH);
	const char *separator = "Other spellings: ";
	const char *const *others = c->aliases;

	if (others && (c->flags & COMMAND_VERB))
		others++;
	if (!others || !*others)
		return;
	STRV_FOREACH (alias, others) {
		buf_printf(&b, "%s%s %s", separator, p->name, alias);
		separator = ", ";
	}
	buf_putc(&b, '.');
	fputs(".PP\n", out);
	put_text(out, buf_str(&b));
}

void man_command(FILE *out, const struct program *p, const struct command *c)
{
	put_title(out, p, c->name);
	fprintf(out, ".SH NAME\n%s\\-", p->name);
	put_inline(out, c->name);
	fputs(" \\- ", out);
	put_inline(out, c->summary);
	fprintf(out, "\n.SH SYNOPSIS\n\\fB%s ", p->name);
	put_inline(out, command_title(c));
	fputs("\\fR\n", out);
	if (!str_empty(c->usage))
		put_text(out, c->usage);

	fputs(".SH DESCRIPTION\n", out);
	if (c->description) {
		put_text(out, c->description);
	} else {
		put_inline(out, c->summary);
		fputs(".\n", out);
	}
	put_aliases(out, p, c);
	put_options(out, "OPTIONS", c->options);
	put_examples(out, c->examples);
	fprintf(out, ".SH SEE ALSO\n\\fB%s\\fR(1)\n", p->name);
}

static void put_commands(FILE *out, const struct program *p)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);

	fputs(".SH COMMANDS\n", out);
	for (int group = 0; group < COMMAND_N_GROUPS; group++) {
		bool titled = false;

		for (size_t i = 0; i < n; i++) {
			if ((int)commands[i]->group != group)
				continue;
			if (!titled)
				fprintf(out, ".SS %s\n",
					command_group_title((enum command_group)group));
			titled = true;
			fprintf(out, ".TP\n\\fB%s\\-", p->name);
			put_inline(out, commands[i]->name);
			fputs("\\fR(1)\n", out);
			put_inline(out, commands[i]->summary);
			fputs(".\n", out);
		}
	}
}

void man_program(FILE *out, const struct program *p)
{
	put_title(out, p, NULL);
	fprintf(out, ".SH NAME\n%s \\- ", p->name);
	put_inline(out, p->summary);
	fprintf(out,
		"\n.SH SYNOPSIS\n\\fB%s\\fR\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n"
		".SH DESCRIPTION\n",
		p->name);
	put_text(out, p->description ? p->description : p->summary);
	put_commands(out, p);
	put_options(out, "GLOBAL OPTIONS", p->options);
	put_items(out, "OUTPUT FORMATS", p->formats);
	put_items(out, "EXIT STATUS", p->exits);
	put_items(out, "ENVIRONMENT", p->environment);
	put_items(out, "FILES", p->files);
}
