#include "cli/help.h"

#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/text_priv.h"

/* Help text of options begins at the latest here; longer names get a line of their own. */
#define MAX_OPTION_COLUMN 34

static void print_options(FILE *out, const char *title, const struct option_spec *table)
{
	autofree const struct option_spec **rows = NULL;
	size_t n = text_options_sorted(table, &rows);
	size_t column = 0;

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		char name[TEXT_MAX_NAME];
		size_t end = 2 + text_option_name(rows[i], name, sizeof(name)) + 2;

		if (end > column && end <= MAX_OPTION_COLUMN)
			column = end;
	}
	if (column == 0)
		column = MAX_OPTION_COLUMN;

	fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; i < n; i++) {
		autofree char *help = text_option_help(rows[i]);
		char name[TEXT_MAX_NAME];
		size_t len = text_option_name(rows[i], name, sizeof(name));

		if (2 + len + 2 <= column)
			fprintf(out, "  %-*s", (int)column - 2, name);
		else
			fprintf(out, "  %s\n%*s", name, (int)column, "");
		text_wrap(out, help, column, column, TEXT_WIDTH);
	}
}

static void print_aliases(FILE *out, const struct program *p, const struct command *c)
{
	const char *title = command_title(c);
	const char *const *others = c->aliases;
	size_t column = 2;

	if (others && (c->flags & COMMAND_VERB))
		others++;
	if (!others || !*others)
		return;
	fprintf(out, "\nAliases:\n  %s %s", p->name, title);
	column += strlen(p->name) + 1 + strlen(title);
	STRV_FOREACH (alias, others) {
		size_t len = strlen(p->name) + 1 + strlen(alias);

		if (column + 2 + len > TEXT_WIDTH) {
			fputs(",\n  ", out);
			column = 2;
		} else {
			fputs(", ", out);
			column += 2;
		}
		fprintf(out, "%s %s", p->name, alias);
		column += len;
	}
	fputc('\n', out);
}

static void print_examples(FILE *out, const struct command_example *examples)
{
	if (!examples || !examples->text)
		return;
	fputs("\nExamples:\n", out);
	for (const struct command_example *e = examples; e->text; e++) {
		const char *line = e->command;

		fputs("  ", out);
		text_wrap(out, e->text, 2, 2, TEXT_WIDTH);
		while (*line) {
			size_t len = strcspn(line, "\n");

			fprintf(out, "    %.*s\n", (int)len, line);
			line += len + (line[len] == '\n');
		}
	}
}

void help_command(FILE *out, const struct program *p, const struct command *c)
{
	const char *title = command_title(c);
	size_t indent = strlen("Usage:  ") + strlen(p->name) + 1 + strlen(title) + 1;

	fprintf(out, "Usage:  %s %s", p->name, title);
	if (!str_empty(c->usage)) {
		fputc(' ', out);
		text_wrap(out, c->usage, indent, indent, TEXT_WIDTH);
	} else {
		fputc('\n', out);
	}

	fputc('\n', out);
	text_wrap(out, c->summary, 0, 0, TEXT_WIDTH);
	if (c->description) {
		fputc('\n', out);
		text_wrap(out, c->description, 0, 0, TEXT_WIDTH);
	}
	print_aliases(out, p, c);
	print_options(out, "Options", c->options);
	print_examples(out, c->examples);
}

static const char *verb_of(const char *spelling, const char *object)
{
	const char *verb = str_after(spelling, object);

	return verb && *verb == ' ' ? verb + 1 : NULL;
}

static size_t widest_verb(const struct command *const *commands, size_t n, const char *object)
{
	size_t widest = 0;

	for (size_t i = 0; i < n; i++) {
		STRV_FOREACH (alias, commands[i]->aliases) {
			const char *verb = verb_of(alias, object);

			if (verb && strlen(verb) > widest)
				widest = strlen(verb);
		}
	}
	return widest;
}

/* Widest name in a list of commands. */
static size_t widest_name(const struct command *const *commands, size_t n)
{
	size_t widest = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(commands[i]->name);

		if (len > widest && !(commands[i]->flags & COMMAND_VERB))
			widest = len;
	}
	return widest;
}

/* "container, image": first words of more commands. */
static void print_objects(FILE *out, const struct program *p)
{
	AUTO(strv) char **objects = text_objects(p);
	autofree char *line = objects ? strv_join(objects, ", ") : NULL;

	if (line)
		fprintf(out, "\nObjects ('%s OBJECT' lists their commands):\n  %s\n", p->name,
			line);
}

void help_program(FILE *out, const struct program *p)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);
	size_t column = 2 + widest_name(commands, n) + 2;

	fprintf(out, "Usage:  %s [OPTIONS] COMMAND\n\n", p->name);
	text_wrap(out, p->summary, 0, 0, TEXT_WIDTH);

	for (int group = 0; group < COMMAND_N_GROUPS; group++) {
		bool titled = false;

		for (size_t i = 0; i < n; i++) {
			if ((int)commands[i]->group != group || (commands[i]->flags & COMMAND_VERB))
				continue;
			if (!titled)
				fprintf(out, "\n%s:\n", command_group_title(group));
			titled = true;
			fprintf(out, "  %-*s", (int)column - 2, commands[i]->name);
			text_wrap(out, commands[i]->summary, column, column, TEXT_WIDTH);
		}
	}
	print_objects(out, p);
	print_options(out, "Global options", p->options);
	fprintf(out, "\n'%s COMMAND --help' tells more about a command.\n", p->name);
}

void help_object(FILE *out, const struct program *p, const char *object)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);
	size_t column = 2 + widest_verb(commands, n, object) + 2;

	fprintf(out, "Usage:  %s %s COMMAND\n\nCommands:\n", p->name, object);
	for (size_t i = 0; i < n; i++) {
		STRV_FOREACH (alias, commands[i]->aliases) {
			const char *verb = verb_of(alias, object);

			if (!verb)
				continue;
			fprintf(out, "  %-*s", (int)column - 2, verb);
			text_wrap(out, commands[i]->summary, column, column, TEXT_WIDTH);
		}
	}
	fprintf(out, "\n'%s %s COMMAND --help' tells more about a command.\n", p->name, object);
}
