/* JSON: what is read, what is refused, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

static void well_formed_text_is_read(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1.5",
		"1e3",
		"-1.5E-3",
		"\"\"",
		"[1,[2,[3]]]",
		"{\"a\":{\"b\":[]},\"c\":null}",
		" \t\r\n{ \"a\" : 1 } \n",
		"\"\\u00e9\\ud83d\\ude00\\n\\/\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"",
		"[\"]\",\"}\"]",
		"{\"\":1}",
		"{\"a\":1,\"A\":2}",
		"1e999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json *v = NULL;
		struct err e = { 0 };

		if (json_parse(texts[i], strlen(texts[i]), &v, &e) < 0)
			fail_msg("%s: %s", texts[i], e.msg);
		json_free(v);
	}
}

static void malformed_text_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "at byte 0: document does not end" },
		{ " ", "at byte 1: document does not end" },
		{ "{", "at byte 1: key wanted" },
		{ "[", "at byte 1: document does not end" },
		{ "[1", "at byte 2: document does not end" },
		{ "[1,]", "at byte 3: value wanted" },
		{ "[,1]", "at byte 1: value wanted" },
		{ "[1 2]", "at byte 3: ',' or ']' wanted" },
		{ "{\"a\":1,}", "at byte 7: key wanted" },
		{ "{\"a\" 1}", "at byte 5: ':' wanted" },
		{ "{\"a\":}", "at byte 5: value wanted" },
		{ "{a:1}", "at byte 1: key wanted" },
		{ "{'a':1}", "at byte 1: key wanted" },
		{ "{\"a\":1]", "at byte 6: ',' or '}' wanted" },
		{ "{} {}", "at byte 3: something follows the document" },
		{ "{}x", "at byte 2: something follows the document" },
		{ "01", "at byte 1: something follows the document" },
		{ "1.", "at byte 2: digit wanted" },
		{ ".5", "at byte 0: value wanted" },
		{ "+1", "at byte 0: value wanted" },
		{ "-", "at byte 1: digit wanted" },
		{ "1e", "at byte 2: digit wanted" },
		{ "0x10", "at byte 1: something follows the document" },
		{ "NaN", "at byte 0: value wanted" },
		{ "Infinity", "at byte 0: value wanted" },
		{ "tru", "at byte 0: value wanted" },
		{ "nul", "at byte 0: value wanted" },
		{ "True", "at byte 0: value wanted" },
		{ "// c\n1", "at byte 0: value wanted" },
		{ "\"", "at byte 1: string does not end" },
		{ "\"\\", "at byte 1: unknown escape" },
		{ "\"\\x\"", "at byte 1: unknown escape" },
		{ "\"\\u12\"", "at byte 3: \\u wants four hex digits" },
		{ "\"\\u0000\"", "at byte 3: NUL in a string" },
		{ "\"a\nb\"", "at byte 2: control character in a string" },
		{ "\"\\ud800\"", "at byte 7: lone surrogate" },
		{ "\"\\udc00\"", "at byte 7: lone surrogate" },
		{ "\"\\ud800\\u0041\"", "at byte 7: lone surrogate" },
		{ "\"\x80\"", "at byte 1: not UTF-8" },
		{ "\"\xc0\xaf\"", "at byte 1: not UTF-8" },
		{ "\"\xed\xa0\x80\"", "at byte 1: not UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", "at byte 1: not UTF-8" },
		{ "\"\xe2\x82\"", "at byte 1: not UTF-8" },
		{ "\xef\xbb\xbf{}", "at byte 0: value wanted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *v = NULL;
		struct err e = { 0 };
		int r = json_parse(cases[i].text, strlen(cases[i].text), &v, &e);

		assert_null(v);
		assert_int_equal(r, -ERR_FORMAT);
		if (!str_after(e.msg, "invalid JSON ") || !str_eq(e.msg + 13, cases[i].message))
			fail_msg("%s: %s", cases[i].text, e.msg);
	}
}

static void nul_bytes_and_length_count(void **state)
{
	struct json *v = NULL;
	struct err e;

	(void)state;
	assert_int_equal(json_parse("{}\0", 3, &v, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "invalid JSON at byte 2: something follows the document");
	assert_int_equal(json_parse("12345", 2, &v, &e), 0);
	int64_t n = 0;
	assert_true(json_int(v, &n));
	assert_int_equal(n, 12);
	json_free(v);
}

static void duplicate_keys_are_refused(void **state)
{
	static const char *const texts[] = {
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":2}",
		"[[{\"x\":{\"k\":1,\"m\":2,\"k\":3}}]]",
		"{\"layers\":[],\"manifests\":[],\"layers\":[]}",
		"{\"\":1,\"\":2}",
	};
	struct json *v = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(json_parse(texts[i], strlen(texts[i]), &v, &e), -ERR_FORMAT);
		assert_true(str_after(e.msg, "invalid JSON: duplicate key \"") != NULL);
	}
}

static void nesting_has_a_limit(void **state)
{
	char text[2 * (JSON_DEPTH_MAX + 1) + 1];
	struct json *v = NULL;
	struct err e;

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_parse(text, 2 * JSON_DEPTH_MAX, &v, &e), 0);
	json_free(v);
	v = NULL;
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(json_parse(text, 2 * JSON_DEPTH_MAX + 2, &v, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "invalid JSON at byte 64: nested too deeply");
}

static void objects_of_alternating_kinds_close_right(void **state)
{
	struct json *v = NULL;

	(void)state;
	assert_int_equal(json_parse("{\"a\":[{\"b\":[]},{}],\"c\":{}}", 26, &v, NULL), 0);
	assert_int_equal(json_len(v), 2);
	assert_int_equal(json_len(json_get(v, "a")), 2);
	json_free(v);
	v = NULL;
	assert_int_equal(json_parse("{\"a\":[{\"b\":[}]}", 15, &v, NULL), -ERR_FORMAT);
}

static struct json *read_text(const char *text)
{
	struct json *v = NULL;

	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	return v;
}

static void integers_are_exact_or_none(void **state)
{
	static const struct {
		const char *text;
		bool is_int;
		int64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "1e3", true, 1000 },
		{ "1.0", true, 1 },
		{ "9007199254740991", true, JSON_INT_MAX },
		{ "-9007199254740991", true, -JSON_INT_MAX },
		{ "9007199254740992", false, 0 },
		{ "9007199254740993", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "1e999", false, 0 },
		{ "-1e999", false, 0 },
		{ "1.5", false, 0 },
		{ "true", false, 0 },
		{ "\"1\"", false, 0 },
		{ "null", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *v = read_text(cases[i].text);
		int64_t n = 0;

		assert_int_equal(json_int(v, &n), cases[i].is_int);
		assert_int_equal(n, cases[i].value);
		json_free(v);
	}
}

static void lookups_are_case_sensitive(void **state)
{
	struct json *v = read_text("{\"Layers\":1,\"layers\":2,\"n\":null}");
	int64_t n = 0;

	(void)state;
	assert_true(json_int(json_get(v, "layers"), &n));
	assert_int_equal(n, 2);
	assert_null(json_get(v, "LAYERS"));
	assert_non_null(json_get(v, "n"));
	assert_int_equal(json_type(json_get(v, "n")), JSON_NULL);
	assert_int_equal(json_type(NULL), JSON_NULL);
	assert_null(json_get(json_get(v, "layers"), "x"));
	assert_null(json_first(NULL));
	json_free(v);
}

static void wanted_members_have_their_type(void **state)
{
	struct json *v = read_text("{\"s\":\"x\",\"i\":7,\"b\":true,\"a\":[\"p\",null],\"n\":null,"
				   "\"m\":{\"k\":\"v=w\"},\"bad\":[1],\"f\":1.5}");
	AUTO(strv) char **list = NULL;
	AUTO(strv) char **map = NULL;
	char **none = NULL;
	const char *s = NULL;
	struct json *sub;
	struct err e;
	int64_t i = 0;
	bool b = false;

	(void)state;
	assert_int_equal(json_want_string(v, "s", &s, &e), 1);
	assert_string_equal(s, "x");
	assert_int_equal(json_want_string(v, "n", &s, &e), 0);
	assert_null(s);
	assert_int_equal(json_want_string(v, "absent", &s, &e), 0);
	assert_int_equal(json_want_string(v, "i", &s, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "\"i\" is not a string");
	assert_int_equal(json_want_int(v, "i", &i, &e), 1);
	assert_int_equal(i, 7);
	assert_int_equal(json_want_int(v, "f", &i, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "\"f\" is not an integer");
	assert_int_equal(json_want_bool(v, "b", &b, &e), 1);
	assert_true(b);
	assert_int_equal(json_want_array(v, "m", &sub, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "\"m\" is not an array");
	assert_int_equal(json_want_object(v, "m", &sub, &e), 1);
	assert_int_equal(json_want_strv(v, "a", &list, &e), 1);
	assert_int_equal(strv_len(list), 2);
	assert_string_equal(list[1], "");
	assert_int_equal(json_want_strv(v, "bad", &none, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "\"bad\" holds something that is not a string");
	assert_int_equal(json_want_string_map(v, "m", &map, &e), 1);
	assert_string_equal(map[0], "k=v=w");
	json_free(v);
}

static void printing_is_dockers_form(void **state)
{
	struct json *v = json_object_new();
	struct json *list = json_set(v, "list", json_array_new());
	autofree char *compact = NULL, *pretty = NULL, *empty = NULL;
	AUTO(strv) char **words = strv_split("a,b=c", ',');

	(void)state;
	json_append(list, json_int_new(1000000000000000));
	json_append(list, json_bool_new(true));
	json_append(list, json_null_new());
	json_set_string(v, "s", "old");
	json_set_string(v, "s", "q\" b\\ n\n t\t c\x01 \xc3\xa9 bad\xff <&> \xe2\x80\xa8");
	json_set_string_map(v, "map", words);
	json_set(v, "none", json_object_new());
	compact = json_print(v, false);
	assert_string_equal(compact,
		"{\"list\":[1000000000000000,true,null],"
		"\"s\":\"q\\\" b\\\\ n\\n t\\t c\\u0001 \xc3\xa9 bad\xef\xbf\xbd <&> \\u2028\","
		"\"map\":{\"a\":\"\",\"b\":\"c\"},\"none\":{}}");
	json_remove(v, "s");
	json_remove(v, "map");
	pretty = json_print(v, true);
	assert_string_equal(pretty, "{\n    \"list\": [\n        1000000000000000,\n        true,\n"
				    "        null\n    ],\n    \"none\": {}\n}");
	json_free(v);
	v = json_strv_new(NULL);
	empty = json_print(v, true);
	assert_string_equal(empty, "[]");
	json_free(v);
}

static void what_is_printed_is_read_back(void **state)
{
	struct json *v =
		read_text("{\"a\":[0.1,1e100,-5,\"\\u001f\\ud83d\\ude00\"],\"b\":{\"c\":false}}");
	autofree char *once = json_print(v, false);
	struct json *again = read_text(once);
	autofree char *twice = json_print(again, false);

	(void)state;
	assert_string_equal(once, twice);
	json_free(v);
	json_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_text_is_read),
		cmocka_unit_test(malformed_text_is_refused_with_its_place),
		cmocka_unit_test(nul_bytes_and_length_count),
		cmocka_unit_test(duplicate_keys_are_refused),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(objects_of_alternating_kinds_close_right),
		cmocka_unit_test(integers_are_exact_or_none),
		cmocka_unit_test(lookups_are_case_sensitive),
		cmocka_unit_test(wanted_members_have_their_type),
		cmocka_unit_test(printing_is_dockers_form),
		cmocka_unit_test(what_is_printed_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
