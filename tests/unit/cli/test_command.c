/* Spellings of commands, near misses, and the text of help and manual pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/strv.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/man.h"

struct run_opts {
	const char *name;
	char **env;
};

static const struct option_spec run_options[] = {
	OPT_STRING(struct run_opts, name, 0, "name", "NAME", "Give the container a name"),
	OPT_LIST(struct run_opts, env, 'e', "env", "KEY[=VALUE]",
		"Set an environment variable; one without a value is taken from the caller's"),
	OPT_HIDDEN(struct run_opts, name, const char *, OPTION_STRING, 0, "nom"),
	OPT_IGNORED(0, "old", OPTION_FLAG, "it is the default", "Old thing"),
	OPT_UNSUPPORTED(0, "never", OPTION_FLAG, "no"),
	OPTION_END,
};

static const struct command run = {
	.name = "run",
	.aliases = (const char *const[]){ "container run", NULL },
	.group = COMMAND_CONTAINERS,
	.summary = "Run a command",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.options = run_options,
	.options_size = sizeof(struct run_opts),
	.examples =
		(const struct command_example[]){
			{ "A shell:", "proa run -it debian" },
			{ NULL, NULL },
		},
};

static const struct command images = {
	.name = "images",
	.aliases = (const char *const[]){ "image ls", "image list", NULL },
	.group = COMMAND_IMAGES,
	.summary = "List images",
};

static const struct command rmi = {
	.name = "rmi",
	.aliases = (const char *const[]){ "image rm", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Remove images",
	.usage = "IMAGE...",
};

static const struct command tree = {
	.name = "image-tree",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "image tree", "layers", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Show layers",
	.usage = "IMAGE",
};

static const struct command hidden = {
	.name = "__hidden",
	.flags = COMMAND_HIDDEN,
	.summary = "Not for people",
};

static const struct command *const commands[] = { &run, &images, &rmi, &tree, &hidden, NULL };

static const struct option_spec no_options[] = { OPTION_END };

static const struct program program = {
	.name = "proa",
	.version = "1.2.3",
	.date = "2026-01-31",
	.summary = "Run containers",
	.options = no_options,
	.commands = commands,
};

static const struct command *find(const char *line, int *used)
{
	AUTO(strv) char **words = strv_split(line, ' ');

	return command_find(&program, (int)strv_len(words), words, used);
}

static void spellings_lead_to_the_command(void **state)
{
	int used = 0;

	(void)state;
	assert_ptr_equal(find("images", &used), &images);
	assert_int_equal(used, 1);
	assert_ptr_equal(find("image ls -q", &used), &images);
	assert_int_equal(used, 2);
	assert_ptr_equal(find("__hidden", &used), &hidden);
	assert_ptr_equal(find("image tree x", &used), &tree);
	assert_int_equal(used, 2);
	assert_ptr_equal(find("image-tree", &used), &tree);
	assert_int_equal(used, 1);

	assert_null(find("image", &used));
	assert_int_equal(used, 1);
	assert_null(find("image nope", &used));
	assert_int_equal(used, 1);
	assert_null(find("imag", &used));
	assert_int_equal(used, 0);
	assert_null(find("ru", &used));
}

static void unknown(const char *line, const char *message)
{
	AUTO(strv) char **words = strv_split(line, ' ');
	struct err err = { 0 };

	assert_int_equal(command_unknown(&program, (int)strv_len(words), words, &err), -ERR_USAGE);
	assert_string_equal(err.msg, message);
	assert_int_equal(err.exit, 1);
}

static void near_misses_are_offered(void **state)
{
	(void)state;
	unknown("imges", "unknown command: proa imges\nhint: did you mean images?");
	unknown("rnu", "unknown command: proa rnu\nhint: did you mean run?");
	unknown("image sl", "unknown command: proa image sl\nhint: did you mean image ls?");
	unknown("frobnicate",
		"unknown command: proa frobnicate\nhint: 'proa help' lists the commands");
	unknown("image tre", "unknown command: proa image tre\nhint: did you mean image tree?");
	unknown("image-tre",
		"unknown command: proa image-tre\nhint: 'proa help' lists the commands");
	/* Hidden ones are not. */
	unknown("__hiden", "unknown command: proa __hiden\nhint: 'proa help' lists the commands");
}

/* What `print` writes, the caller's to free. */
#define CAPTURE(text, call)                               \
	autofree char *text = NULL;                       \
	{                                                 \
		size_t size = 0;                          \
		FILE *out = open_memstream(&text, &size); \
                                                          \
		assert_non_null(out);                     \
		call;                                     \
		assert_int_equal(fclose(out), 0);         \
	}

static void help_of_a_command(void **state)
{
	static const char wanted[] =
		"Usage:  proa run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
		"\n"
		"Run a command\n"
		"\n"
		"Aliases:\n"
		"  proa run, proa container run\n"
		"\n"
		"Options:\n"
		"  -e, --env KEY[=VALUE]  Set an environment variable; one without a value is\n"
		"                         taken from the caller's\n"
		"      --name NAME        Give the container a name\n"
		"      --old              Old thing (no effect: it is the default)\n"
		"\n"
		"Examples:\n"
		"  A shell:\n"
		"    proa run -it debian\n";

	(void)state;
	CAPTURE(text, help_command(out, &program, &run));
	assert_string_equal(text, wanted);
}

static void help_of_the_program_and_an_object(void **state)
{
	(void)state;
	{
		CAPTURE(text, help_program(out, &program));
		assert_string_equal(text, "Usage:  proa [OPTIONS] COMMAND\n"
					  "\n"
					  "Run containers\n"
					  "\n"
					  "Containers:\n"
					  "  run     Run a command\n"
					  "\n"
					  "Images:\n"
					  "  images  List images\n"
					  "  rmi     Remove images\n"
					  "\n"
					  "Objects ('proa OBJECT' lists their commands):\n"
					  "  container, image\n"
					  "\n"
					  "'proa COMMAND --help' tells more about a command.\n");
	}
	{
		CAPTURE(text, help_object(out, &program, "image"));
		assert_string_equal(text,
			"Usage:  proa image COMMAND\n"
			"\n"
			"Commands:\n"
			"  tree  Show layers\n"
			"  ls    List images\n"
			"  list  List images\n"
			"  rm    Remove images\n"
			"\n"
			"'proa image COMMAND --help' tells more about a command.\n");
	}
}

static void verbs_are_shown_by_their_spelling(void **state)
{
	(void)state;
	{
		CAPTURE(text, help_command(out, &program, &tree));
		assert_string_equal(text, "Usage:  proa image tree IMAGE\n"
					  "\n"
					  "Show layers\n"
					  "\n"
					  "Aliases:\n"
					  "  proa image tree, proa layers\n");
	}
	CAPTURE(text, man_command(out, &program, &tree));
	assert_non_null(strstr(text, "\nproa\\-image\\-tree \\- Show layers\n"));
	assert_non_null(strstr(text, "\n\\fBproa image tree\\fR\n"));
	assert_non_null(strstr(text, "Other spellings: proa layers."));
}

static void manual_page_escapes_and_orders(void **state)
{
	(void)state;
	CAPTURE(text, man_command(out, &program, &run));
	assert_non_null(strstr(text, ".TH PROA\\-RUN 1 \"2026-01-31\" \"proa 1.2.3\""));
	assert_non_null(strstr(text, "\nproa\\-run \\- Run a command\n"));
	assert_non_null(strstr(text, ".TP\n\\fB\\-e\\fR, \\fB\\-\\-env\\fR \\fIKEY[=VALUE]\\fR\n"));
	assert_non_null(strstr(text, "May be given several times."));
	assert_non_null(strstr(text, "\nproa run \\-it debian\n"));
	assert_null(strstr(text, "nom"));
	assert_null(strstr(text, "never"));
}

static void completions_hide_what_is_hidden(void **state)
{
	static void (*const print[])(FILE *, const struct program *) = { completion_bash,
		completion_zsh, completion_fish };

	(void)state;
	for (size_t i = 0; i < sizeof(print) / sizeof(print[0]); i++) {
		CAPTURE(text, print[i](out, &program));
		assert_non_null(strstr(text, "images"));
		assert_null(strstr(text, "__hidden"));
		assert_null(strstr(text, "nom "));
	}
}

static void kinds_have_names(void **state)
{
	enum option_complete kind = COMPLETE_NONE;
	struct err err = { 0 };

	(void)state;
	assert_string_equal(completion_kind_name(COMPLETE_IMAGE), "image");
	assert_null(completion_kind_name(COMPLETE_FILE));
	assert_int_equal(completion_parse_kind("container-running", &kind, &err), 0);
	assert_int_equal(kind, COMPLETE_CONTAINER_RUNNING);
	assert_int_equal(completion_parse_kind("x", &kind, &err), -ERR_USAGE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings_lead_to_the_command),
		cmocka_unit_test(near_misses_are_offered),
		cmocka_unit_test(help_of_a_command),
		cmocka_unit_test(help_of_the_program_and_an_object),
		cmocka_unit_test(verbs_are_shown_by_their_spelling),
		cmocka_unit_test(manual_page_escapes_and_orders),
		cmocka_unit_test(completions_hide_what_is_hidden),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
