/* Options as docker's users write them, and the words of each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strv.h"
#include "cli/option.h"

struct opts {
	bool interactive, tty, rm;
	const char *name, *color, *format;
	char **env, **labels;
	int pull, cpus;
	uint64_t memory, pids;
	int64_t timeout;
	bool pids_given;
};

static const char *const pulls[] = { "always", "missing", "never", NULL };

static const struct option_spec table[] = {
	OPT_FLAG(struct opts, interactive, 'i', "interactive", "Keep stdin open"),
	OPT_FLAG(struct opts, tty, 't', "tty", "Allocate a terminal"),
	OPT_FLAG(struct opts, rm, 0, "rm", "Remove afterwards"),
	OPT_STRING(struct opts, name, 0, "name", "NAME", "Name it"),
	OPT_LIST(struct opts, env, 'e', "env", "KEY[=VALUE]", "Set a variable"),
	OPT_MAP(struct opts, labels, 'l', "label", "KEY=VALUE", "Set a label"),
	OPT_ENUM(struct opts, pull, 0, "pull", "WHEN", pulls, "Pull first"),
	OPT_INT(struct opts, cpus, 0, "cpus", "N", "Processors", .min = 1, .max = 8),
	OPT_BYTES(struct opts, memory, 'm', "memory", "Memory"),
	OPT_U64(struct opts, pids, 0, "pids-limit", "N", "Processes", .max = 1000,
		.seen = OPT_SEEN(struct opts, pids_given)),
	OPT_DURATION(struct opts, timeout, 0, "timeout", "Time"),
	OPT_OPTIONAL(struct opts, color, 0, "color", "WHEN", "always", "Colours"),
	OPT_STRING(struct opts, format, 0, "format", "TEMPLATE", "Format"),
	OPT_CONST(struct opts, format, 0, "json", "json", "JSON"),
	OPT_HIDDEN(struct opts, name, const char *, OPTION_STRING, 0, "nom"),
	OPT_UNSUPPORTED(0, "link", OPTION_STRING, "links are a legacy feature"),
	OPT_IGNORED(0, "isolation", OPTION_STRING, "that is for Windows", "Isolation"),
	OPTION_END,
};

/* One parsed command line. Strings of opts point into words. */
struct parsed {
	char **words; /* as given */
	char **argv;  /* the operands afterwards */
	struct opts o;
	struct err err;
	int r;
};

static void parse(struct parsed *p, const char *line, enum option_flags flags)
{
	static const struct option_spec *const tables[] = { table, NULL };
	void *bases[] = { &p->o };

	*p = (struct parsed){ .o = { .pull = 1 } };
	p->words = strv_split(line, ' ');
	p->argv = xmemdup(p->words, (strv_len(p->words) + 1) * sizeof(*p->words));
	p->r = option_parse(tables, bases, flags, (int)strv_len(p->words), p->argv, &p->err);
}

static void parsed_done(struct parsed *p)
{
	option_done(table, &p->o);
	strv_free(p->words);
	free(p->argv);
}
DEFINE_AUTO(parsed, struct parsed, parsed_done)

static void flags_and_bundles(void **state)
{
	AUTO(parsed) struct parsed p;

	(void)state;
	parse(&p, "-it --rm=true image", 0);
	assert_int_equal(p.r, 1);
	assert_true(p.o.interactive && p.o.tty && p.o.rm);
	assert_string_equal(p.argv[0], "image");
	assert_null(p.argv[1]);
	parsed_done(&p);

	parse(&p, "--rm --rm=false --tty=1", 0);
	assert_int_equal(p.r, 0);
	assert_false(p.o.rm);
	assert_true(p.o.tty);
}

static void values_in_each_spelling(void **state)
{
	AUTO(parsed) struct parsed p;

	(void)state;
	parse(&p, "--name web -e A=1 -eB=2 -e=C=3 -ite D --env=E --env F= -m64m x", 0);
	assert_int_equal(p.r, 1);
	assert_string_equal(p.o.name, "web");
	assert_int_equal(strv_len(p.o.env), 6);
	assert_string_equal(p.o.env[0], "A=1");
	assert_string_equal(p.o.env[1], "B=2");
	assert_string_equal(p.o.env[2], "C=3");
	assert_string_equal(p.o.env[3], "D");
	assert_string_equal(p.o.env[4], "E");
	assert_string_equal(p.o.env[5], "F=");
	assert_true(p.o.interactive && p.o.tty);
	assert_int_equal(p.o.memory, 64 << 20);
	parsed_done(&p);

	/* A value may look like an option. */
	parse(&p, "--name -x --nom=", 0);
	assert_int_equal(p.r, 0);
	assert_string_equal(p.o.name, "");
}

static void kinds_store_their_types(void **state)
{
	AUTO(parsed) struct parsed p;

	(void)state;
	parse(&p, "--pull never --cpus 3 --pids-limit 7 --timeout 1m30s -l a=1 -l b -l a=2 --json",
		0);
	assert_int_equal(p.r, 0);
	assert_int_equal(p.o.pull, 2);
	assert_int_equal(p.o.cpus, 3);
	assert_int_equal(p.o.pids, 7);
	assert_true(p.o.pids_given);
	assert_int_equal(p.o.timeout, 90 * NSEC_PER_SEC);
	assert_int_equal(strv_len(p.o.labels), 2);
	assert_string_equal(p.o.labels[0], "a=2");
	assert_string_equal(p.o.labels[1], "b=");
	assert_string_equal(p.o.format, "json");
	parsed_done(&p);

	/* An optional value is never the next word; a default stays where nothing is given. */
	parse(&p, "--color never --format x --json=false", 0);
	assert_int_equal(p.r, 1);
	assert_string_equal(p.o.color, "always");
	assert_string_equal(p.argv[0], "never");
	assert_string_equal(p.o.format, "x");
	assert_int_equal(p.o.pull, 1);
	assert_false(p.o.pids_given);
	parsed_done(&p);

	parse(&p, "--color=never", 0);
	assert_string_equal(p.o.color, "never");
}

static void operands_may_stand_anywhere_or_end_the_options(void **state)
{
	AUTO(parsed) struct parsed p;

	(void)state;
	parse(&p, "a --rm b - -- --tty", 0);
	assert_int_equal(p.r, 4);
	assert_true(p.o.rm);
	assert_false(p.o.tty);
	assert_string_equal(p.argv[2], "-");
	assert_string_equal(p.argv[3], "--tty");
	parsed_done(&p);

	parse(&p, "--rm image -t -- --name", OPTION_STOP_AT_OPERAND);
	assert_int_equal(p.r, 4);
	assert_true(p.o.rm);
	assert_false(p.o.tty);
	assert_string_equal(p.argv[1], "-t");
	assert_string_equal(p.argv[2], "--");
	parsed_done(&p);

	parse(&p, "-- -t image", OPTION_STOP_AT_OPERAND);
	assert_int_equal(p.r, 2);
	assert_string_equal(p.argv[0], "-t");
}

static void refusals_say_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *message;
		int kind;
	} cases[] = {
		{ "--foo", "unknown flag: --foo", ERR_USAGE },
		{ "--nmae=x", "unknown flag: --nmae\nhint: did you mean --name?", ERR_USAGE },
		{ "--nam x", "unknown flag: --nam\nhint: did you mean --name?", ERR_USAGE },
		{ "-x", "unknown shorthand flag: 'x' in -x", ERR_USAGE },
		{ "-itx", "unknown shorthand flag: 'x' in -itx", ERR_USAGE },
		{ "--name", "flag needs an argument: --name", ERR_USAGE },
		{ "-ie", "flag needs an argument: 'e' in -ie", ERR_USAGE },
		{ "--=x", "bad flag syntax: --=x", ERR_USAGE },
		{ "---name", "bad flag syntax: ---name", ERR_USAGE },
		{ "--pull=often",
			"invalid argument \"often\" for \"--pull\" flag: must be one of always, "
			"missing, never",
			ERR_USAGE },
		{ "--link a:b", "--link is not supported: links are a legacy feature",
			ERR_UNSUPPORTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(parsed) struct parsed p;

		parse(&p, cases[i].line, 0);
		assert_int_equal(p.r, -cases[i].kind);
		assert_string_equal(p.err.msg, cases[i].message);
		assert_int_equal(p.err.exit, 125);
	}
}

static void values_that_do_not_fit_are_quoted(void **state)
{
	static const char *const lines[] = { "--rm=maybe", "--cpus=0", "--cpus=9", "--cpus=1x",
		"--pids-limit=1001", "--pids-limit=-1", "--timeout=soon" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		AUTO(parsed) struct parsed p;
		char start[64];

		parse(&p, lines[i], 0);
		assert_int_equal(p.r, -ERR_USAGE);
		(void)snprintf(start, sizeof(start), "invalid argument \"%s\" for \"--",
			strchr(lines[i], '=') + 1);
		assert_memory_equal(p.err.msg, start, strlen(start));
	}
	{
		AUTO(parsed) struct parsed p;
		const char *start = "invalid argument \"1x\" for \"-m, --memory\" flag: ";

		parse(&p, "-m 1x", 0);
		assert_memory_equal(p.err.msg, start, strlen(start));
	}
}

static void an_ignored_option_takes_its_value(void **state)
{
	AUTO(parsed) struct parsed p;

	(void)state;
	parse(&p, "--isolation hyperv image", 0);
	assert_int_equal(p.r, 1);
	assert_string_equal(p.argv[0], "image");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_and_bundles),
		cmocka_unit_test(values_in_each_spelling),
		cmocka_unit_test(kinds_store_their_types),
		cmocka_unit_test(operands_may_stand_anywhere_or_end_the_options),
		cmocka_unit_test(refusals_say_what_is_wrong),
		cmocka_unit_test(values_that_do_not_fit_are_quoted),
		cmocka_unit_test(an_ignored_option_takes_its_value),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
