/*
 * The zsh script: one function for each command, which hands specifications to _arguments.
 */
#include "cli/completion.h"

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/completion_priv.h"
#include "cli/text_priv.h"

/* Text inside single quotes of a specification: brackets and colons have a meaning there. */
static void put_text(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else if (*s == '[' || *s == ']' || *s == ':' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else
			fputc(*s, out);
	}
}

/* The action that offers values. */
static void put_action(FILE *out, enum option_complete kind, const char *const *values)
{
	const char *name = completion_kind_name(kind);

	if (values) {
		fputc('(', out);
		STRV_FOREACH (value, values)
			fprintf(out, "%s ", value);
		fputc(')', out);
	} else if (kind == COMPLETE_FILE) {
		fputs("_files", out);
	} else if (kind == COMPLETE_DIR) {
		fputs("_files -/", out);
	} else if (kind == COMPLETE_COMMAND) {
		fputs("_proa_commands", out);
	} else if (kind == COMPLETE_SHELL) {
		fputs("(bash zsh fish)", out);
	} else if (name) {
		/* The blank: called as written, without options of _arguments before the kind. */
		fprintf(out, " _proa_names %s", name);
	} else {
		fputs(" ", out);
	}
}

/* "[help]" and, where there is a value, ":what:action". */
static void put_rest(FILE *out, const struct option_spec *o)
{
	fputs("'[", out);
	put_text(out, o->help ? o->help : o->name);
	fputc(']', out);
	if (option_takes_value(o) || o->kind == OPTION_OPTIONAL) {
		fputs(o->kind == OPTION_OPTIONAL ? "::" : ":", out);
		put_text(out, str_empty(o->value) ? o->name : o->value);
		fputc(':', out);
		put_action(out, o->complete, o->values);
	}
	fputc('\'', out);
}

static void put_option(FILE *out, const struct option_spec *o)
{
	bool repeats = o->kind == OPTION_LIST || o->kind == OPTION_MAP;
	bool value = option_takes_value(o);
	const char *long_end = value ? "=" : o->kind == OPTION_OPTIONAL ? "=-" : "";

	fputs("\t\t", out);
	if (repeats)
		fputs("'*'", out);
	else if (o->letter)
		fprintf(out, "'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		fprintf(out, "{-%c%s,--%s%s}", o->letter, value ? "+" : "", o->name, long_end);
	else
		fprintf(out, "--%s%s", o->name, long_end);
	put_rest(out, o);
	fputs(" \\\n", out);
}

static void put_options(FILE *out, const struct option_spec *table)
{
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		if (completion_shows(o))
			put_option(out, o);
	}
}

static void print_command(FILE *out, const struct command *c)
{
	bool stops = c->flags & COMMAND_STOP_AT_OPERAND;

	fprintf(out, "_proa_cmd_%s() {\n\t_arguments -s -S %s: \\\n", c->name,
		stops ? "-A '-*' " : "");
	put_options(out, c->options);
	fputs("\t\t'--help[Print this help]'", out);
	if (c->max_operands != 0) {
		fputs(" \\\n\t\t'1: :", out);
		put_action(out, c->operands[0], NULL);
		fputs("' \\\n\t\t'*: :", out);
		put_action(out, c->operands[1], NULL);
		fputc('\'', out);
	}
	fputs("\n}\n\n", out);
}

static void print_spelling(FILE *out, const struct command *c, const char *spelling)
{
	fprintf(out, "%s'%s'", spelling == c->name ? "" : "|", spelling);
}

static void print_dispatch(FILE *out, const struct command *const *commands, size_t n)
{
	fputs("_proa_run_command() {\n\tcase \"$1\" in\n", out);
	for (size_t i = 0; i < n; i++) {
		fputc('\t', out);
		completion_each_spelling(out, commands[i], print_spelling);
		fprintf(out, ") _proa_cmd_%s ;;\n", commands[i]->name);
	}
	fputs("\tesac\n}\n\n", out);
}

/* Names with their summaries, for _describe: 'run:Run a command in a new container'. */
static void put_described(FILE *out, const char *name, const char *summary)
{
	fprintf(out, "\t\t'%s:", name);
	completion_put_quoted(out, summary);
	fputs("'\n", out);
}

static void print_lists(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	AUTO(strv) char **objects = text_objects(p);

	fputs("_proa_commands() {\n\tlocal -a list=(\n", out);
	for (size_t i = 0; i < n; i++) {
		if (!(commands[i]->flags & COMMAND_VERB))
			put_described(out, commands[i]->name, commands[i]->summary);
	}
	STRV_FOREACH (object, objects)
		fprintf(out, "\t\t'%s:Commands about %ss'\n", object, object);
	fputs("\t)\n\t_describe command list\n}\n\n", out);

	fputs("_proa_verbs() {\n\tlocal -a list\n\tcase \"$1\" in\n", out);
	STRV_FOREACH (object, objects) {
		fprintf(out, "\t%s) list=(\n", object);
		for (size_t i = 0; i < n; i++) {
			STRV_FOREACH (alias, commands[i]->aliases) {
				const char *verb = str_after(alias, object);

				if (verb && *verb == ' ')
					put_described(out, verb + 1, commands[i]->summary);
			}
		}
		fputs("\t) ;;\n", out);
	}
	fputs("\tesac\n\t_describe command list\n}\n\n", out);
}

static void print_main(FILE *out, const struct program *p)
{
	AUTO(strv) char **objects = text_objects(p);
	const char *separator = "";

	fputs("_proa_names() {\n"
	      "\tlocal -a names=(${(f)\"$($_proa_call __complete $1 2>/dev/null)\"})\n"
	      "\tcompadd -- $names\n"
	      "}\n\n"
	      "_proa() {\n"
	      "\tlocal curcontext=$curcontext state object\n"
	      "\tlocal -a line _proa_call=($words[1])\n"
	      "\tlocal -A opt_args\n"
	      "\t_arguments -C -s -S -A '-*' : \\\n",
		out);
	put_options(out, p->options);
	fputs("\t\t'1: :_proa_commands' \\\n"
	      "\t\t'*:: :->rest' && return\n"
	      "\t[[ $state == rest ]] || return 1\n"
	      "\tlocal option\n"
	      "\tfor option in --root --runroot; do\n"
	      "\t\t[[ -n $opt_args[$option] ]] && _proa_call+=($option $opt_args[$option])\n"
	      "\tdone\n"
	      "\tcase $words[1] in\n\t",
		out);
	STRV_FOREACH (object, objects) {
		fprintf(out, "%s%s", separator, object);
		separator = "|";
	}
	fputs(objects ? ")\n"
			"\t\tif ((CURRENT == 2)); then\n"
			"\t\t\t_proa_verbs $words[1]\n"
			"\t\t\treturn\n"
			"\t\tfi\n"
			"\t\tobject=$words[1]\n"
			"\t\tshift words\n"
			"\t\t((CURRENT--))\n"
			"\t\t_proa_run_command \"$object $words[1]\" ;;\n"
		      : "'')\n\t\t;;\n",
		out);
	fputs("\t*) _proa_run_command $words[1] ;;\n"
	      "\tesac\n"
	      "}\n\n"
	      "if [[ $funcstack[1] == _proa ]]; then\n"
	      "\t_proa \"$@\"\n"
	      "else\n"
	      "\tcompdef _proa proa\n"
	      "fi\n",
		out);
}

void completion_zsh(FILE *out, const struct program *p)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);

	fputs("#compdef proa\n"
	      "# zsh completion of proa, made from its option tables by: proa completion zsh\n\n",
		out);
	print_lists(out, p, commands, n);
	for (size_t i = 0; i < n; i++)
		print_command(out, commands[i]);
	print_dispatch(out, commands, n);
	print_main(out, p);
}
