/* TOML: what is read, as the JSON that it becomes; what is refused, with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/toml.h"

static void documents_become_json(void **state)
{
	static const struct {
		const char *toml, *json;
	} cases[] = {
		{ "", "{}" },
		{ "\xef\xbb\xbf# only a comment", "{}" },
		{ "a = 1", "{\"a\":1}" },
		{ "a=true\r\nb = false # no\r\n", "{\"a\":true,\"b\":false}" },
		/* Keys. */
		{ "bare_key-1 = 1", "{\"bare_key-1\":1}" },
		{ "1234 = 1", "{\"1234\":1}" },
		{ "\"\" = 1", "{\"\":1}" },
		{ "'a\"b' = 1", "{\"a\\\"b\":1}" },
		{ "\"127.0.0.1\".x = 1", "{\"127.0.0.1\":{\"x\":1}}" },
		{ "a . b = 1\na.\"c\" = 2", "{\"a\":{\"b\":1,\"c\":2}}" },
		{ "3.14 = 1", "{\"3\":{\"14\":1}}" },
		/* Strings. */
		{ "a = \"\\b\\t\\n\\f\\r\\\"\\\\\"",
			"{\"a\":\"\\u0008\\t\\n\\u000c\\r\\\"\\\\\"}" },
		{ "a = \"\\u00e9\\U0001F600\"", "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\"}" },
		{ "a = 'C:\\x'", "{\"a\":\"C:\\\\x\"}" },
		{ "a = \"\"\"\nx\ny\"\"\"", "{\"a\":\"x\\ny\"}" },
		{ "a = \"\"\"\r\nx\r\ny\"\"\"", "{\"a\":\"x\\ny\"}" },
		{ "a = \"\"\"x \\\n\n   y\"\"\"", "{\"a\":\"x y\"}" },
		{ "a = \"\"\"x\\  \n  \"\"\"", "{\"a\":\"x\"}" },
		{ "a = \"\"\"\"x\"\"\"\"\"", "{\"a\":\"\\\"x\\\"\\\"\"}" },
		{ "a = \"\"\"a\\\"\"\"b\"\"\"", "{\"a\":\"a\\\"\\\"\\\"b\"}" },
		{ "a = '''\n'x'\n'''", "{\"a\":\"'x'\\n\"}" },
		{ "a = \"\"\"\"\"\"", "{\"a\":\"\"}" },
		/* Numbers. */
		{ "a = +99", "{\"a\":99}" },
		{ "a = -17", "{\"a\":-17}" },
		{ "a = 1_000", "{\"a\":1000}" },
		{ "a = 0xDead_Beef", "{\"a\":3735928559}" },
		{ "a = 0o755", "{\"a\":493}" },
		{ "a = 0b1101", "{\"a\":13}" },
		{ "a = 9007199254740991", "{\"a\":9007199254740991}" },
		{ "a = 1.5", "{\"a\":1.5}" },
		{ "a = -0.25e+1", "{\"a\":-2.5}" },
		{ "a = [inf, +inf, -inf, nan, -nan]",
			"{\"a\":[\"inf\",\"inf\",\"-inf\",\"nan\",\"nan\"]}" },
		/* Dates. */
		{ "a = 1979-05-27T07:32:00Z", "{\"a\":\"1979-05-27T07:32:00Z\"}" },
		{ "a = 1979-05-27 00:32:00.99-07:00 # x",
			"{\"a\":\"1979-05-27 00:32:00.99-07:00\"}" },
		{ "a = 1979-05-27T07:32:00", "{\"a\":\"1979-05-27T07:32:00\"}" },
		{ "a = 2000-02-29 # x", "{\"a\":\"2000-02-29\"}" },
		{ "a = 07:32:00.5", "{\"a\":\"07:32:00.5\"}" },
		/* Arrays and inline tables. */
		{ "a = [ ]", "{\"a\":[]}" },
		{ "a = [1, # one\n 'x',\n]", "{\"a\":[1,\"x\"]}" },
		{ "a = {}", "{\"a\":{}}" },
		{ "a = { b = 1, c.d = [{}], c.e = 2 }",
			"{\"a\":{\"b\":1,\"c\":{\"d\":[{}],\"e\":2}}}" },
		/* Tables. */
		{ "[a]\nb = 1\n[c]\n", "{\"a\":{\"b\":1},\"c\":{}}" },
		{ "[ a . 'b.c' ]\nd = 1", "{\"a\":{\"b.c\":{\"d\":1}}}" },
		{ "[a.b]\n[a]\nc = 1", "{\"a\":{\"b\":{},\"c\":1}}" },
		{ "[f]\na.c = 1\n[f.a.t]\ns = 2", "{\"f\":{\"a\":{\"c\":1,\"t\":{\"s\":2}}}}" },
		{ "[[a]]\n[[a]]\nb = 1", "{\"a\":[{},{\"b\":1}]}" },
		{ "[[a]]\n[a.b]\n[[a.c]]\n[[a]]\n[a.b]\n[[a.c]]\n[[a.c]]",
			"{\"a\":[{\"b\":{},\"c\":[{}]},{\"b\":{},\"c\":[{},{}]}]}" },
		{ "[[a]]\nb.c = 1\n[[a]]\nb.c = 2",
			"{\"a\":[{\"b\":{\"c\":1}},{\"b\":{\"c\":2}}]}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *v = NULL;
		struct err e = { 0 };
		char *text;

		if (toml_parse(cases[i].toml, strlen(cases[i].toml), &v, &e) < 0)
			fail_msg("%s: %s", cases[i].toml, e.msg);
		text = json_print(v, false);
		assert_string_equal(text, cases[i].json);
		free(text);
		json_free(v);
	}
}

static void malformed_text_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *toml, *message;
	} cases[] = {
		{ "a", "line 1: '=' wanted" },
		{ "\n\na =", "line 3: value wanted" },
		{ "a = # x", "line 1: value wanted" },
		{ "= 1", "line 1: key wanted" },
		{ "a. = 1", "line 1: key wanted" },
		{ "a..b = 1", "line 1: key wanted" },
		{ "a b = 1", "line 1: '=' wanted" },
		{ "a = 1 b = 2", "line 1: something follows on the line" },
		{ "\"\"\"a\"\"\" = 1", "line 1: a key cannot be a multi-line string" },
		{ "a = word", "line 1: not a value (a string needs quotes)" },
		{ "a = True", "line 1: not a value (a string needs quotes)" },
		/* Twice. */
		{ "a = 1\na = 1", "line 2: a key is defined twice" },
		{ "a = 1\n\"a\" = 1", "line 2: a key is defined twice" },
		{ "a = 1\na.b = 2", "line 2: a key is defined twice" },
		{ "a.b = 1\na = 2", "line 2: a key is defined twice" },
		{ "a = {}\na.b = 2", "line 2: a key is defined twice" },
		{ "[a]\n[a]", "line 2: the table is defined twice" },
		{ "[a]\nb = 1\n[a.b]", "line 3: the table is defined twice" },
		{ "a = 1\n[a.b]", "line 2: a part of the table's name is a value already" },
		{ "a = [{}]\n[a.b]", "line 2: a part of the table's name is a value already" },
		{ "a.b = 1\n[a]", "line 2: the table is defined twice" },
		{ "[a.b.c]\nz = 9\n[a]\nb.c.t = 1", "line 4: a key is defined twice" },
		{ "[[a.b]]\n[a]\nb.y = 2", "line 3: a key is defined twice" },
		{ "a = []\n[[a]]", "line 2: the name is no array of tables" },
		{ "[a]\n[[a]]", "line 2: the name is no array of tables" },
		{ "[[a]]\n[a]", "line 2: the table is defined twice" },
		{ "[a.b]\n[[a]]", "line 2: the name is no array of tables" },
		{ "a = { b = 1, b = 2 }", "line 1: a key is defined twice" },
		{ "a = { b = {}, b.c = 2 }", "line 1: a key is defined twice" },
		{ "a = { b = 1 }\n[a.c]", "line 2: a part of the table's name is a value already" },
		/* Tables. */
		{ "[]", "line 1: key wanted" },
		{ "[a", "line 1: ']' wanted" },
		{ "[a]]", "line 1: something follows on the line" },
		{ "[[a]", "line 1: ']]' wanted" },
		{ "[ [a]]", "line 1: key wanted" },
		{ "[a] b = 1", "line 1: something follows on the line" },
		{ "a = { b = 1, }", "line 1: key wanted" },
		{ "a = { b = 1\n}", "line 1: ',' or '}' wanted" },
		{ "a = [1 2]", "line 1: ',' or ']' wanted" },
		{ "a = [1,\n", "line 2: value wanted" },
		{ "a = [,]", "line 1: value wanted" },
		/* Strings. */
		{ "a = \"x", "line 1: string does not end" },
		{ "a = \"x\ny\"", "line 1: string does not end" },
		{ "\na = '''x\n\n''", "line 2: string does not end" },
		{ "a = \"\\x41\"", "line 1: unknown escape" },
		{ "a = \"\\u12\"", "line 1: \\u wants four hex digits, \\U eight" },
		{ "a = \"\\ud800\"", "line 1: no such Unicode character" },
		{ "a = \"\\U00110000\"", "line 1: no such Unicode character" },
		{ "a = \"\\u0000\"", "line 1: NUL in a string" },
		{ "a = \"\x01\"", "line 1: control character" },
		{ "# \x7f", "line 1: control character" },
		{ "\n# \x80", "line 2: not UTF-8" },
		{ "a = 1\rb = 2", "line 1: carriage return without a line feed" },
		/* Numbers. */
		{ "a = 01", "line 1: not a value (a string needs quotes)" },
		{ "a = 1_", "line 1: not a value (a string needs quotes)" },
		{ "a = _1", "line 1: not a value (a string needs quotes)" },
		{ "a = 1__0", "line 1: not a value (a string needs quotes)" },
		{ "a = +0x1", "line 1: not a value (a string needs quotes)" },
		{ "a = 0X1", "line 1: not a value (a string needs quotes)" },
		{ "a = 0b2", "line 1: not a value (a string needs quotes)" },
		{ "a = 1.", "line 1: not a value (a string needs quotes)" },
		{ "a = .5", "line 1: not a value (a string needs quotes)" },
		{ "a = 1.e5", "line 1: not a value (a string needs quotes)" },
		{ "a = 1._5", "line 1: not a value (a string needs quotes)" },
		{ "a = 1e", "line 1: not a value (a string needs quotes)" },
		{ "a = --1", "line 1: not a value (a string needs quotes)" },
		{ "a = +-1", "line 1: not a value (a string needs quotes)" },
		{ "a = 9007199254740992", "line 1: integer is too large" },
		{ "a = 0xffffffffffffffffffff", "line 1: integer is too large" },
		/* Dates. */
		{ "a = 2001-02-29", "line 1: not a value (a string needs quotes)" },
		{ "a = 1979-13-01", "line 1: not a value (a string needs quotes)" },
		{ "a = 1979-05-27T24:00:00", "line 1: not a value (a string needs quotes)" },
		{ "a = 1979-05-27T07:32", "line 1: not a value (a string needs quotes)" },
		{ "a = 1979-05-27T07:32:00+25:00", "line 1: not a value (a string needs quotes)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *v = NULL;
		struct err e = { 0 };
		int r = toml_parse(cases[i].toml, strlen(cases[i].toml), &v, &e);

		if (r != -ERR_FORMAT || !str_eq(e.msg, cases[i].message))
			fail_msg("%s: %d \"%s\", wanted \"%s\"", cases[i].toml, r, e.msg,
				cases[i].message);
		assert_null(v);
	}
}

static int parse_repeated(const char *start, const char *part, size_t n, struct err *err)
{
	struct buf b = BUF_INIT(4 * TOML_BYTES_MAX);
	struct json *v = NULL;
	int r;

	buf_puts(&b, start);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, part);
	r = toml_parse(buf_str(&b), b.len, &v, err);
	if (v)
		json_free(v);
	buf_done(&b);
	return r;
}

static void sizes_are_bounded(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse_repeated("a = ", "[", 200, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "line 1: nested too deeply");
	assert_int_equal(parse_repeated("a = ", "{a=", 200, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "line 1: nested too deeply");
	assert_int_equal(parse_repeated("a", ".a", 200, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "line 1: nested too deeply");
	assert_int_equal(parse_repeated("[a", ".a", 200, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "line 1: nested too deeply");
	assert_int_equal(parse_repeated("a = [", "1,", TOML_ITEMS_MAX, &e), -ERR_LIMIT);
	assert_string_equal(e.msg, "line 1: more than 16384 keys and values");
	assert_int_equal(parse_repeated("#", "x", TOML_BYTES_MAX, &e), -ERR_LIMIT);
	assert_string_equal(e.msg, "more than 1048576 bytes");
}

static void length_counts_not_the_nul(void **state)
{
	struct json *v = NULL;
	struct err e = { 0 };
	int64_t n = 0;

	(void)state;
	assert_int_equal(toml_parse("a = 12345", 6, &v, &e), 0);
	assert_true(json_int(json_get(v, "a"), &n));
	assert_int_equal(n, 12);
	json_free(v);
	v = NULL;
	assert_int_equal(toml_parse("a = 1\0", 6, &v, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "line 1: control character");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_become_json),
		cmocka_unit_test(malformed_text_is_refused_with_its_line),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(length_counts_not_the_nul),
	};

	return cmocka_run_group_tests_name("toml", tests, NULL, NULL);
}
