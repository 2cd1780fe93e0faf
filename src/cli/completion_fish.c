/*
 * The fish script: one `complete` line for each option, with a condition that asks __proa_state
 * where on the line the cursor is.
 */
#include "cli/completion.h"

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/completion_priv.h"
#include "cli/text_priv.h"

/* Inside single quotes of fish: ' and \ are escaped by a backslash. */
static void put_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
}

/* -x or -r, and -a where words are offered. */
static void put_values(FILE *out, enum option_complete kind, const char *const *values)
{
	const char *name = completion_kind_name(kind);

	if (values) {
		fputs(" -a '", out);
		STRV_FOREACH (value, values) {
			put_text(out, value);
			fputc(' ', out);
		}
		fputc('\'', out);
	} else if (kind == COMPLETE_FILE) {
		fputs(" -F", out);
	} else if (kind == COMPLETE_DIR) {
		fputs(" -a '(__fish_complete_directories)'", out);
	} else if (kind == COMPLETE_SHELL) {
		fputs(" -a 'bash zsh fish'", out);
	} else if (kind == COMPLETE_COMMAND) {
		fputs(" -a '$__proa_commands'", out);
	} else if (name) {
		fprintf(out, " -a '(__proa_names %s)'", name);
	}
}

static void print_options(FILE *out, const char *name, const struct option_spec *table)
{
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		if (!completion_shows(o))
			continue;
		fprintf(out, "complete -c proa -n '__proa_options_of %s' -l %s", name, o->name);
		if (o->letter)
			fprintf(out, " -s %c", o->letter);
		if (option_takes_value(o)) {
			fputs(o->complete == COMPLETE_FILE ? " -r" : " -x", out);
			put_values(out, o->complete, o->values);
		}
		fputs(" -d '", out);
		put_text(out, o->help ? o->help : "");
		fputs("'\n", out);
	}
}

static void print_operands(FILE *out, const struct command *c)
{
	for (int i = 0; i < 2 && c->max_operands != 0; i++) {
		if (c->operands[i] == COMPLETE_DEFAULT || c->operands[i] == COMPLETE_NONE)
			continue;
		fprintf(out, "complete -c proa -n '__proa_operand_of %s %s'", c->name,
			i == 0 ? "first" : "later");
		put_values(out, c->operands[i], NULL);
		fputc('\n', out);
	}
}

static void print_spelling(FILE *out, const struct command *c, const char *spelling)
{
	(void)c;
	fprintf(out, " '%s'", spelling);
}

/* Tables for the walk: names, regular expressions of options with values, who stops. */
static void print_tables(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	fputs("function __proa_find\n\tswitch $argv[1]\n", out);
	for (size_t i = 0; i < n; i++) {
		fputs("\t\tcase", out);
		completion_each_spelling(out, commands[i], print_spelling);
		fprintf(out, "\n\t\t\techo %s\n", commands[i]->name);
	}
	fputs("\t\tcase '*'\n\t\t\treturn 1\n\tend\nend\n\n", out);

	fputs("function __proa_takes\n\tswitch $argv[1]\n\t\tcase -\n\t\t\techo '", out);
	(void)completion_print_value_words(out, p->options);
	fputs("'\n", out);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "\t\tcase %s\n\t\t\techo '", commands[i]->name);
		if (!completion_print_value_words(out, commands[i]->options))
			fputs("^$", out);
		fputs("'\n", out);
	}
	fputs("\tend\nend\n\nset -g __proa_stoppers", out);
	for (size_t i = 0; i < n; i++) {
		if (commands[i]->flags & COMMAND_STOP_AT_OPERAND)
			fprintf(out, " %s", commands[i]->name);
	}
	fputs("\n", out);
}

static void print_first_word(FILE *out, const struct command *c)
{
	if (c->flags & COMMAND_VERB)
		return;
	fprintf(out, "complete -c proa -n '__proa_options_of -' -a %s -d '", c->name);
	put_text(out, c->summary);
	fputs("'\n", out);
}

/* The names of the first word and the verbs of objects. */
static void print_words(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	AUTO(strv) char **objects = text_objects(p);

	fputs("set -g __proa_commands", out);
	for (size_t i = 0; i < n; i++) {
		if (!(commands[i]->flags & COMMAND_VERB))
			fprintf(out, " %s", commands[i]->name);
	}
	fputs("\nset -g __proa_objects", out);
	STRV_FOREACH (object, objects)
		fprintf(out, " %s", object);
	fputs("\n\ncomplete -c proa -f\n", out);

	for (size_t i = 0; i < n; i++) {
		print_first_word(out, commands[i]);
		STRV_FOREACH (alias, commands[i]->aliases) {
			const char *verb = strchr(alias, ' ');

			if (!verb)
				continue;
			fprintf(out, "complete -c proa -n '__proa_object %.*s' -a %s -d '",
				(int)(verb - alias), alias, verb + 1);
			put_text(out, commands[i]->summary);
			fputs("'\n", out);
		}
	}
	STRV_FOREACH (object, objects)
		fprintf(out,
			"complete -c proa -n '__proa_options_of -' -a %s -d 'Commands about %ss'\n",
			object, object);
}

static const char walker[] =
	"# Where the cursor is: the command (- before there is one, or \"object NAME\"), how many\n"
	"# operands stand before it, and whether options may follow.\n"
	"function __proa_state\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l cmd -\n"
	"\tset -l operands 0\n"
	"\tset -l open yes\n"
	"\tset -l skip no\n"
	"\tset -l object ''\n"
	"\tset -l takes (__proa_takes -)\n"
	"\tfor word in $words[2..-1]\n"
	"\t\tif test $skip = yes\n"
	"\t\t\tset skip no\n"
	"\t\telse if test $open = yes; and test \"x$word\" = x--\n"
	"\t\t\tset open no\n"
	"\t\telse if test $open = yes; and string match -q -- '-?*' $word\n"
	"\t\t\tstring match -qr -- $takes $word; and set skip yes\n"
	"\t\telse if test $cmd != -\n"
	"\t\t\tset operands (math $operands + 1)\n"
	"\t\t\tcontains -- $cmd $__proa_stoppers; and set open no\n"
	"\t\telse\n"
	"\t\t\tset -l found (__proa_find (string trim \"$object $word\"))\n"
	"\t\t\tif test -n \"$found\"\n"
	"\t\t\t\tset cmd $found\n"
	"\t\t\t\tset takes (__proa_takes $cmd)\n"
	"\t\t\telse if test -z \"$object\"; and contains -- $word $__proa_objects\n"
	"\t\t\t\tset object $word\n"
	"\t\t\telse\n"
	"\t\t\t\tset cmd unknown\n"
	"\t\t\tend\n"
	"\t\tend\n"
	"\tend\n"
	"\ttest $cmd = - -a -n \"$object\"; and set cmd object-$object\n"
	"\tprintf '%s\\n' $cmd $operands $open\n"
	"end\n"
	"\n"
	"function __proa_options_of\n"
	"\tset -l state (__proa_state)\n"
	"\ttest $state[1] = $argv[1] -a $state[3] = yes\n"
	"end\n"
	"\n"
	"function __proa_operand_of\n"
	"\tset -l state (__proa_state)\n"
	"\ttest $state[1] = $argv[1]; or return 1\n"
	"\tif test $argv[2] = first\n"
	"\t\ttest $state[2] = 0\n"
	"\telse\n"
	"\t\ttest $state[2] != 0\n"
	"\tend\n"
	"end\n"
	"\n"
	"function __proa_object\n"
	"\tset -l state (__proa_state)\n"
	"\ttest $state[1] = object-$argv[1]\n"
	"end\n"
	"\n"
	"# Names from proa itself, asked with the --root of the line.\n"
	"function __proa_names\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l call $words[1]\n"
	"\tfor i in (seq 2 (count $words))\n"
	"\t\tswitch $words[$i]\n"
	"\t\t\tcase --root --runroot\n"
	"\t\t\t\tset -a call $words[$i] $words[(math $i + 1)]\n"
	"\t\t\tcase '--root=*' '--runroot=*'\n"
	"\t\t\t\tset -a call $words[$i]\n"
	"\t\tend\n"
	"\tend\n"
	"\t$call __complete $argv[1] 2>/dev/null\n"
	"end\n"
	"\n";

void completion_fish(FILE *out, const struct program *p)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);

	fputs("# fish completion of proa, made from its option tables by: proa completion fish\n\n",
		out);
	print_tables(out, p, commands, n);
	fputc('\n', out);
	fputs(walker, out);
	print_words(out, p, commands, n);
	print_options(out, "-", p->options);
	for (size_t i = 0; i < n; i++) {
		print_options(out, commands[i]->name, commands[i]->options);
		fprintf(out,
			"complete -c proa -n '__proa_options_of %s' -l help -d 'Print this help'\n",
			commands[i]->name);
		print_operands(out, commands[i]);
	}
}
