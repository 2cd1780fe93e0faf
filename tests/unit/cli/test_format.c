/* Templates over values: what docker's users write after --format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cli/format.h"
#include "codec/json.h"
#include "codec/template.h"

static const char document[] =
	"{\"ID\":\"abc\",\"N\":5,\"F\":1.5,\"Zero\":0,\"Yes\":true,\"Nil\":null,\"Empty\":\"\","
	"\"Env\":[\"A=1\",\"B=2\"],\"None\":[],"
	"\"Config\":{\"Labels\":{\"z\":\"1\",\"a\":\"2\"},\"Image\":\"debian\"}}";

/* Evaluate; the text or the message is in `ret`, which the caller frees. */
static int eval(const char *text, enum format_flags flags, char **ret)
{
	AUTO(template) struct template *t = NULL;
	AUTO(json) struct json *doc = NULL;
	AUTO(buf) struct buf b = BUF_INIT(1 << 20);
	struct err err = { 0 };
	int r = json_parse(document, strlen(document), &doc, &err);

	assert_int_equal(r, 0);
	r = template_parse(text, &t, &err);
	if (r >= 0)
		r = format_eval(t, doc, flags, &b, &err);
	*ret = r < 0 ? strdup(err.msg) : buf_take(&b);
	return r;
}

struct example {
	const char *template, *wanted;
};

static void check(const struct example *examples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autofree char *text = NULL;
		int r = eval(examples[i].template, 0, &text);

		if (r < 0)
			print_error("%s: %s\n", examples[i].template, text);
		assert_int_equal(r, 0);
		assert_string_equal(text, examples[i].wanted);
	}
}
#define CHECK(examples) check(examples, sizeof(examples) / sizeof(examples[0]))

static void values_print_as_in_go(void **state)
{
	static const struct example examples[] = {
		{ "{{.ID}}", "abc" },
		{ "<{{.N}} {{.F}} {{.Yes}} {{.Nil}} {{.Nope}}>", "<5 1.5 true <nil> <no value>>" },
		{ "{{.Env}} {{.None}}", "[A=1 B=2] []" },
		{ "{{.Config}}", "map[Image:debian Labels:map[a:2 z:1]]" },
		{ "{{.Config.Labels.a}}{{$.ID}}{{(.Config).Image}}", "2abcdebian" },
		{ "{{json .Config.Labels}} {{json .Nope}}", "{\"z\":\"1\",\"a\":\"2\"} null" },
		{ "", "" },
		{ "a {{/* nothing */}}b", "a b" },
		{ "a \n {{- .N -}} \t b", "a5b" },
		{ "{{\"q\\\"\\n\"}}{{`raw\\n`}}{{-3}}{{1.25}}", "q\"\nraw\\n-31.25" },
	};

	(void)state;
	CHECK(examples);
}

static void conditions_and_loops(void **state)
{
	static const struct example examples[] = {
		{ "{{if .Yes}}y{{else}}n{{end}}{{if .Zero}}y{{else}}n{{end}}", "yn" },
		{ "{{if .Nope}}1{{else if .Empty}}2{{else if .N}}3{{else}}4{{end}}", "3" },
		{ "{{if and .Nope .Nope.X}}y{{else}}n{{end}}", "n" },
		{ "{{with .Config}}{{.Image}}{{end}}{{with .Nope}}x{{else}}none{{end}}",
			"debiannone" },
		{ "{{range .Env}}[{{.}}]{{end}}{{range .None}}x{{else}}empty{{end}}",
			"[A=1][B=2]empty" },
		{ "{{range $i, $v := .Env}}{{$i}}:{{$v}} {{end}}", "0:A=1 1:B=2 " },
		{ "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}},{{end}}", "a=2,z=1," },
		{ "{{range .Env}}{{.}}{{break}}{{end}}", "A=1" },
		{ "{{range .Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{end}}", "B=2" },
		{ "{{$x := .ID}}{{range .Env}}{{$x}}{{$x = .}}{{end}}{{$x}}", "abcA=1B=2" },
		{ "{{range .Config.Labels}}{{.}}{{$.ID}}{{end}}", "2abc1abc" },
	};

	(void)state;
	CHECK(examples);
}

static void functions_of_docker(void **state)
{
	static const struct example examples[] = {
		{ "{{upper .ID}}{{.ID | title}}{{lower \"ABC\"}}", "ABCAbcabc" },
		{ "{{join .Env \", \"}}", "A=1, B=2" },
		{ "{{range split \"a,b\" \",\"}}<{{.}}>{{end}}", "<a><b>" },
		{ "{{len .Env}}{{len .ID}}{{len .Config}}{{len .None}}", "2320" },
		{ "{{index .Env 1}}{{index .Config \"Labels\" \"z\"}}", "B=21" },
		{ "{{eq .N 5}}{{eq .ID \"x\" \"abc\"}}{{ne .N 5}}{{eq .Nope nil}}",
			"truetruefalsetrue" },
		{ "{{lt .N 6}}{{le .N 5}}{{gt .N 5}}{{ge .F 1.5}}", "truetruefalsetrue" },
		{ "{{and .Yes .N}}{{or .Empty .ID}}{{not .Yes}}", "5abcfalse" },
		{ "{{printf \"%-5s|%5s|%03d|%x|%.2f|%v|%q|%t|%%\" .ID .ID .N 255 .F .Env .ID "
		  ".Yes}}",
			"abc  |  abc|005|ff|1.50|[A=1 B=2]|\"abc\"|true|%" },
		{ "{{print .N .N .ID}}{{println .ID .N}}", "5 5abcabc 5\n" },
		{ "{{slice .ID 1}}{{slice .ID 0 1}}{{slice .Env 1}}", "bca[B=2]" },
		{ "{{truncate .ID 2}}{{truncate .ID 9}}{{pad .ID 1 2}}|", "ababc abc  |" },
		{ "{{.ID | printf \"%s-%s\" \"x\" | upper}}", "X-ABC" },
	};

	(void)state;
	CHECK(examples);
}

static void mistakes_are_named(void **state)
{
	static const struct example examples[] = {
		{ "{{.ID", "template parsing error: character 6: unclosed action" },
		{ "{{if .ID}}x", "template parsing error: character 12: unexpected end, {{end}} is "
				 "missing" },
		{ "x{{end}}", "template parsing error: character 9: unexpected {{end}}" },
		{ "{{}}", "template parsing error: character 3: missing value for command" },
		{ "{{.ID .N}}",
			"template parsing error: character 9: can't give argument to a value that "
			"is no function" },
		{ "{{nope .ID}}", "template: function \"nope\" not defined" },
		{ "{{.Nope.X}}", "template: there is no value to take the field .X of" },
		{ "{{.ID.X}}", "template: can't evaluate field X in a value that is no object" },
		{ "{{$x}}", "template: undefined variable $x" },
		{ "{{index .Env 2}}", "template: index: index out of range" },
		{ "{{eq .ID 5}}", "template: eq: incompatible types for comparison" },
		{ "{{range .ID}}{{end}}", "template: range can't iterate over this" },
		{ "{{printf \"%d\" .ID}}", "template: printf: a verb does not fit its argument" },
		{ "{{printf \"%99999s\" .ID}}", "template: printf: bad verb" },
		{ "{{len}}", "template: len: wrong number of arguments" },
		{ "{{break}}",
			"template parsing error: character 8: break and continue belong in range" },
		{ "{{template \"x\"}}",
			"template parsing error: define, template and block are not supported" },
		{ "{{\"x}}", "template parsing error: character 7: unterminated quoted string" },
		{ "{{0x1F}}", "template parsing error: character 4: bad number syntax" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		autofree char *text = NULL;
		int r = eval(examples[i].template, 0, &text);

		if (r >= 0)
			print_error("%s gave %s\n", examples[i].template, text);
		assert_true(r < 0);
		assert_string_equal(text, examples[i].wanted);
	}
}

static void nesting_has_a_limit(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(65536);
	autofree char *text = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "{{if .ID}}");
	assert_int_equal(eval(buf_str(&b), 0, &text), -ERR_FORMAT);
	free(text);
	buf_reset(&b);
	buf_puts(&b, "{{");
	for (int i = 0; i < 1000; i++)
		buf_putc(&b, '(');
	assert_int_equal(eval(buf_str(&b), 0, &text), -ERR_FORMAT);
}

static void rows_are_strict_and_headings_are_made(void **state)
{
	autofree char *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	assert_int_equal(eval("{{.Nope}}", FORMAT_STRICT, &a), -ERR_FORMAT);
	assert_string_equal(a, "template: there is no field .Nope");
	assert_int_equal(eval("{{.Config.Nope}}", FORMAT_STRICT, &b), 0);
	assert_string_equal(b, "<no value>");
	assert_int_equal(eval("{{.RunningFor}} {{.ID}}", FORMAT_HEADINGS, &c), 0);
	assert_string_equal(c, "RUNNING FOR abc");
}

static void missing_members_of_documents_are_named_as_docker_does(void **state)
{
	autofree char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	(void)state;
	assert_int_equal(eval("{{.Nope}}", FORMAT_INSPECT, &a), -ERR_FORMAT);
	assert_string_equal(a, "template parsing error: template: :1:2: executing \"\" at <.Nope>: "
			       "map has no entry for key \"Nope\"");
	assert_int_equal(eval("x\n {{ .Config.Nope }}", FORMAT_INSPECT, &b), -ERR_FORMAT);
	assert_string_equal(b, "template parsing error: template: :2:11: executing \"\" at "
			       "<.Config.Nope>: map has no entry for key \"Nope\"");
	/* What docker's documents have at times, and keys of maps. */
	assert_int_equal(eval("{{if .Config.Healthcheck}}x{{end}}", FORMAT_INSPECT, &c), 0);
	assert_string_equal(c, "");
	assert_int_equal(eval("{{.Config.Labels.Nope}}", FORMAT_INSPECT, &d), 0);
	assert_string_equal(d, "<no value>");
}

static void labels_are_found_by_their_key(void **state)
{
	autofree char *a = NULL, *b = NULL, *c = NULL;

	(void)state;
	assert_int_equal(eval("{{.Label \"com.x.role-name\"}}", FORMAT_HEADINGS, &a), 0);
	assert_string_equal(a, "role name");
	assert_int_equal(eval("{{.Label \"k\"}}", FORMAT_STRICT, &b), -ERR_FORMAT);
	assert_string_equal(b, "template: there is no method .Label here");
	assert_int_equal(eval("{{.ID \"k\"}}", 0, &c), -ERR_FORMAT);
	assert_non_null(strstr(c, "can't give argument to a value that is no function"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_print_as_in_go),
		cmocka_unit_test(conditions_and_loops),
		cmocka_unit_test(functions_of_docker),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(rows_are_strict_and_headings_are_made),
		cmocka_unit_test(missing_members_of_documents_are_named_as_docker_does),
		cmocka_unit_test(labels_are_found_by_their_key),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
