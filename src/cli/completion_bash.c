/*
 * The bash script: tables as case statements, and one function that walks the line. It splits the
 * line at blanks by itself, because readline would cut image names at colons and options at '='.
 */
#include "cli/completion.h"

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/completion_priv.h"
#include "cli/text_priv.h"

/* How the values of an option, or an operand, are found: a word for _proa_words. */
static void print_kind(FILE *out, enum option_complete kind, const char *const *values)
{
	const char *name = completion_kind_name(kind);

	fputc('\'', out);
	if (values) {
		fputs("words", out);
		STRV_FOREACH (value, values) {
			fputc(' ', out);
			completion_put_quoted(out, value);
		}
	} else if (kind == COMPLETE_FILE) {
		fputs("file", out);
	} else if (kind == COMPLETE_DIR) {
		fputs("dir", out);
	} else if (kind == COMPLETE_COMMAND) {
		fputs("command", out);
	} else if (kind == COMPLETE_SHELL) {
		fputs("words bash zsh fish", out);
	} else {
		fputs(name ? name : "none", out);
	}
	fputc('\'', out);
}

static void print_spelling(FILE *out, const struct command *c, const char *spelling)
{
	fprintf(out, "%s'%s'", spelling == c->name ? "" : "|", spelling);
}

/* Every spelling to the command's own name. */
static void print_names(FILE *out, const struct command *const *commands, size_t n)
{
	fputs("_proa_find() {\n\tcase \"$1\" in\n", out);
	for (size_t i = 0; i < n; i++) {
		fputc('\t', out);
		completion_each_spelling(out, commands[i], print_spelling);
		fprintf(out, ") cmd=%s ;;\n", commands[i]->name);
	}
	fputs("\t*) return 1 ;;\n\tesac\n}\n\n", out);
}

static void print_option_list(FILE *out, const char *name, const struct option_spec *table)
{
	fprintf(out, "\t%s) options='", name);
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		if (!completion_shows(o))
			continue;
		if (o->letter)
			fprintf(out, "-%c ", o->letter);
		fprintf(out, "--%s ", o->name);
	}
	fprintf(out, "%s' ;;\n", str_eq(name, "-") ? "" : "--help");
}

static void print_options(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	fputs("_proa_options() {\n\tcase \"$1\" in\n", out);
	print_option_list(out, "-", p->options);
	for (size_t i = 0; i < n; i++)
		print_option_list(out, commands[i]->name, commands[i]->options);
	fputs("\tesac\n}\n\n", out);
}

static void print_regex(FILE *out, const char *name, const struct option_spec *table)
{
	fprintf(out, "\t%s) takes='", name);
	if (!completion_print_value_words(out, table))
		fputs("^$", out);
	fputs("' ;;\n", out);
}

static void print_takes(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	fputs("_proa_takes() {\n\tcase \"$1\" in\n", out);
	print_regex(out, "-", p->options);
	for (size_t i = 0; i < n; i++)
		print_regex(out, commands[i]->name, commands[i]->options);
	fputs("\tesac\n}\n\n", out);
}

static void print_option_kinds(FILE *out, const char *name, const struct option_spec *table)
{
	for (const struct option_spec *o = table; o && o->kind != OPTION_END_KIND; o++) {
		static const char *const bools[] = { "true", "false", NULL };
		bool is_bool = o->kind == OPTION_FLAG || o->kind == OPTION_CONST;

		if (!completion_shows(o))
			continue;
		fprintf(out, "\t'%s --%s'", name, o->name);
		if (o->letter)
			fprintf(out, "|'%s -%c'", name, o->letter);
		fputs(") kind=", out);
		print_kind(out, o->complete, is_bool ? bools : o->values);
		fputs(" ;;\n", out);
	}
}

static void print_kinds(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	fputs("_proa_value_kind() {\n\tkind='none'\n\tcase \"$1 $2\" in\n", out);
	print_option_kinds(out, "-", p->options);
	for (size_t i = 0; i < n; i++)
		print_option_kinds(out, commands[i]->name, commands[i]->options);
	fputs("\tesac\n}\n\n", out);
}

static void print_operand_kinds(FILE *out, const struct command *const *commands, size_t n)
{
	fputs("_proa_operand_kind() {\n\tkind='none'\n\tcase \"$1 $2\" in\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct command *c = commands[i];

		if (c->max_operands == 0)
			continue;
		fprintf(out, "\t'%s 0') kind=", c->name);
		print_kind(out, c->operands[0], NULL);
		fprintf(out, " ;;\n\t'%s '*) kind=", c->name);
		print_kind(out, c->operands[1], NULL);
		fputs(" ;;\n", out);
	}
	fputs("\tesac\n}\n\n", out);
}

/* Commands of the first word, verbs of each object, and who stops at its first operand. */
static void print_lists(
	FILE *out, const struct program *p, const struct command *const *commands, size_t n)
{
	AUTO(strv) char **objects = text_objects(p);

	fputs("_proa_commands='", out);
	for (size_t i = 0; i < n; i++) {
		if (!(commands[i]->flags & COMMAND_VERB))
			fprintf(out, "%s ", commands[i]->name);
	}
	STRV_FOREACH (object, objects)
		fprintf(out, "%s ", object);
	fputs("'\n\n_proa_verbs() {\n\tverbs=\n\tcase \"$1\" in\n", out);
	STRV_FOREACH (object, objects) {
		fprintf(out, "\t%s) verbs='", object);
		for (size_t i = 0; i < n; i++) {
			STRV_FOREACH (alias, commands[i]->aliases) {
				const char *verb = str_after(alias, object);

				if (verb && *verb == ' ')
					fprintf(out, "%s ", verb + 1);
			}
		}
		fputs("' ;;\n", out);
	}
	fputs("\t*) return 1 ;;\n\tesac\n}\n\n_proa_stops() {\n\tcase \"$1\" in\n", out);
	for (size_t i = 0; i < n; i++) {
		if (commands[i]->flags & COMMAND_STOP_AT_OPERAND)
			fprintf(out, "\t%s) return 0 ;;\n", commands[i]->name);
	}
	fputs("\tesac\n\treturn 1\n}\n\n", out);
}

static const char walker[] =
	"# Offer what begins with $cur, without the part that readline has cut off.\n"
	"_proa_offer() {\n"
	"\tlocal word cut=''\n"
	"\tcase \"$cur\" in\n"
	"\t*[:=]*) cut=${cur%\"${cur##*[:=]}\"} ;;\n"
	"\tesac\n"
	"\tfor word in $1; do\n"
	"\t\tcase \"$word\" in\n"
	"\t\t\"$cur\"*) COMPREPLY+=(\"${word#\"$cut\"}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_proa_words() {\n"
	"\tlocal IFS=$' \\t\\n'\n"
	"\tcase \"$1\" in\n"
	"\tnone) ;;\n"
	"\tfile)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\tcompopt -o filenames 2>/dev/null ;;\n"
	"\tdir)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
	"\t\tcompopt -o filenames 2>/dev/null ;;\n"
	"\tcommand) _proa_offer \"$_proa_commands\" ;;\n"
	"\twords*) _proa_offer \"${1#words}\" ;;\n"
	"\t*) _proa_offer \"$(\"${words[0]}\" \"${globals[@]}\" __complete \"$1\" 2>/dev/null)\" "
	";;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Walks the words before the cursor: cmd (- before there is one), operands, waiting "
	"option.\n"
	"_proa() {\n"
	"\tlocal line=${COMP_LINE:0:COMP_POINT} cmd=- cur='' word='' waiting='' object=''\n"
	"\tlocal kind options takes verbs operands=0 closed='' i\n"
	"\tlocal -a words globals=()\n"
	"\tCOMPREPLY=()\n"
	"\t"
	"read -ra words <<<\"$line\"\n"
	"\tcase \"$line\" in\n"
	"\t*[[:blank:]]) cur='' ;;\n"
	"\t*) cur=${words[-1]}; unset 'words[-1]' ;;\n"
	"\tesac\n"
	"\t_proa_takes -\n"
	"\tfor ((i = 1; i < ${#words[@]}; i++)); do\n"
	"\t\tword=${words[i]}\n"
	"\t\tif [ -n \"$waiting\" ]; then\n"
	"\t\t\twaiting=''\n"
	"\t\t\t[ \"$cmd\" = - ] && globals+=(\"$word\")\n"
	"\t\telif [ -z \"$closed\" ] && [ \"$word\" = -- ]; then\n"
	"\t\t\tclosed=1\n"
	"\t\telif [ -z \"$closed\" ] && [[ $word == -?* ]]; then\n"
	"\t\t\t[[ $word =~ $takes ]] && waiting=$word\n"
	"\t\t\t[ \"$cmd\" = - ] && globals+=(\"$word\")\n"
	"\t\telif [ \"$cmd\" != - ]; then\n"
	"\t\t\toperands=$((operands + 1))\n"
	"\t\t\t_proa_stops \"$cmd\" && closed=1\n"
	"\t\telif [ -n \"$object\" ]; then\n"
	"\t\t\t_proa_find \"$object $word\" || return\n"
	"\t\t\t_proa_takes \"$cmd\"\n"
	"\t\telif _proa_find \"$word\"; then\n"
	"\t\t\t_proa_takes \"$cmd\"\n"
	"\t\telif _proa_verbs \"$word\"; then\n"
	"\t\t\tobject=$word\n"
	"\t\telse\n"
	"\t\t\treturn\n"
	"\t\tfi\n"
	"\tdone\n"
	"\n"
	"\tif [ -n \"$waiting\" ]; then\n"
	"\t\t[[ $waiting == --* ]] || waiting=-${waiting: -1}\n"
	"\t\t_proa_value_kind \"$cmd\" \"$waiting\"\n"
	"\t\t_proa_words \"$kind\"\n"
	"\telif [ -z \"$closed\" ] && [[ $cur == --*=* ]]; then\n"
	"\t\t_proa_value_kind \"$cmd\" \"${cur%%=*}\"\n"
	"\t\tcur=${cur#*=}\n"
	"\t\t_proa_words \"$kind\"\n"
	"\telif [ -z \"$closed\" ] && [[ $cur == -* ]]; then\n"
	"\t\t_proa_options \"$cmd\"\n"
	"\t\t_proa_offer \"$options\"\n"
	"\telif [ \"$cmd\" != - ]; then\n"
	"\t\t_proa_operand_kind \"$cmd\" \"$operands\"\n"
	"\t\t_proa_words \"$kind\"\n"
	"\telif [ -n \"$object\" ]; then\n"
	"\t\t_proa_offer \"$verbs\"\n"
	"\telse\n"
	"\t\t_proa_offer \"$_proa_commands\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _proa proa\n";

void completion_bash(FILE *out, const struct program *p)
{
	autofree const struct command **commands = NULL;
	size_t n = text_commands_sorted(p, &commands);

	fputs("# bash completion of proa, made from its option tables by: proa completion bash\n\n",
		out);
	print_lists(out, p, commands, n);
	print_names(out, commands, n);
	print_options(out, p, commands, n);
	print_takes(out, p, commands, n);
	print_kinds(out, p, commands, n);
	print_operand_kinds(out, commands, n);
	fputs(walker, out);
}
