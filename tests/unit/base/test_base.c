/* The floor everything stands on: errors, buffers, strings, numbers, paths, hashing, time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"

static void err_keeps_kind_and_adds_context(void **state)
{
	struct err e;
	int r = err_sys(&e, ENOSPC, "write %s", "blob");

	(void)state;
	assert_int_equal(r, -ENOSPC);
	r = err_ctx(&e, r, "image %s", "debian:12");
	assert_int_equal(r, -ENOSPC);
	assert_string_equal(e.msg, "image debian:12: write blob: No space left on device");
	assert_int_equal(e.len, strlen(e.msg));
	assert_int_equal(e.kind, ENOSPC);
	r = err_hint(&e, err_exit(&e, r, 126), "free some space");
	assert_int_equal(e.exit, 126);
	assert_true(str_has_suffix(e.msg, "\nhint: free some space"));
}

static void err_without_text_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_NOT_FOUND, "x"), -ERR_NOT_FOUND);
	assert_int_equal(err_ctx(NULL, -5, "x"), -5);
	assert_int_equal(err_exit(NULL, -5, 1), -5);
}

static void err_text_cannot_steer_a_terminal(void **state)
{
	struct err e;

	(void)state;
	(void)err_set(&e, ERR_FORMAT, "name %s", "\033[2J\x7f");
	assert_string_equal(e.msg, "name ?[2J?");
}

static void err_long_text_is_cut_not_overrun(void **state)
{
	char text[4000];
	struct err e;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&e, ERR_FORMAT, "%s", text);
	(void)err_ctx(&e, -ERR_FORMAT, "%s", text);
	(void)err_hint(&e, -ERR_FORMAT, "%s", text);
	assert_int_equal(e.len, sizeof(e.msg) - 1);
}

static void buf_stops_at_its_maximum(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(5);

	(void)state;
	buf_puts(&b, "abc");
	buf_printf(&b, "%d", 12);
	assert_false(buf_failed(&b));
	assert_string_equal(buf_str(&b), "abc12");
	buf_putc(&b, 'x');
	assert_true(buf_failed(&b));
	assert_string_equal(buf_str(&b), "abc12");
	buf_reset(&b);
	assert_string_equal(buf_str(&b), "");
}

static void str_distance_counts_a_swap_once(void **state)
{
	(void)state;
	assert_int_equal(str_distance("rnu", "run", 3), 1);
	assert_int_equal(str_distance("run", "run", 3), 0);
	assert_int_equal(str_distance("imgaes", "images", 3), 1);
	assert_int_equal(str_distance("", "abc", 3), 3);
	assert_int_equal(str_distance("abcdef", "uvwxyz", 3), 4);
}

static void strv_edits_environments_in_place(void **state)
{
	AUTO(strv) char **v = NULL;
	autofree char *joined = NULL;

	(void)state;
	strv_env_set(&v, "A=1");
	strv_env_set(&v, "B=2");
	strv_env_set(&v, "A=3");
	joined = strv_join(v, ",");
	assert_string_equal(joined, "A=3,B=2");
	assert_string_equal(strv_env_get(v, "A"), "3");
	assert_null(strv_env_get(v, "AA"));
	strv_env_unset(v, "A");
	assert_int_equal(strv_len(v), 1);
}

static void strv_grows_past_each_power_of_two(void **state)
{
	AUTO(strv) char **v = NULL;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strv_pushf(&v, "%d", i);
	assert_int_equal(strv_len(v), 1000);
	assert_string_equal(v[999], "999");
	assert_string_equal(v[0], "0");
}

static void strv_split_keeps_empty_fields(void **state)
{
	AUTO(strv) char **v = strv_split("a::b", ':');
	AUTO(strv) char **none = strv_split("", ':');

	(void)state;
	assert_int_equal(strv_len(v), 3);
	assert_string_equal(v[1], "");
	assert_int_equal(strv_len(none), 1);
}

static void numbers_take_the_whole_string(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "0x1", "1e3",
		"18446744073709551616" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_u64(bad[i], UINT64_MAX, &v, NULL), -ERR_FORMAT);
	assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &v, NULL), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(parse_u64("11", 10, &v, NULL), -ERR_FORMAT);
}

static void sizes_and_durations(void **state)
{
	uint64_t b;
	int64_t d;

	(void)state;
	assert_int_equal(parse_bytes("1.5g", &b, NULL), 0);
	assert_true(b == (uint64_t)3 << 29);
	assert_int_equal(parse_bytes("64KiB", &b, NULL), 0);
	assert_true(b == 65536);
	assert_int_equal(parse_bytes("10b", &b, NULL), 0);
	assert_true(b == 10);
	assert_int_equal(parse_bytes("1x", &b, NULL), -ERR_FORMAT);
	assert_int_equal(parse_bytes("9999999p", &b, NULL), -ERR_FORMAT);
	assert_int_equal(parse_duration("1h30m", &d, NULL), 0);
	assert_true(d == 5400 * NSEC_PER_SEC);
	assert_int_equal(parse_duration("300ms", &d, NULL), 0);
	assert_true(d == 300000000);
	assert_int_equal(parse_duration("10", &d, NULL), 0);
	assert_true(d == 10 * NSEC_PER_SEC);
	assert_int_equal(parse_duration("1h2", &d, NULL), -ERR_FORMAT);
	assert_int_equal(parse_duration("", &d, NULL), -ERR_FORMAT);
}

static void path_clean_never_leaves_the_root(void **state)
{
	static const char *const cases[][2] = {
		{ "/a/../../b", "/b" },
		{ "c/./d/", "/base/c/d" },
		{ "..", "/" },
		{ "/", "/" },
		{ "//x//y", "/x/y" },
		{ ".", "/base" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autofree char *p = path_clean("/base", cases[i][0]);

		assert_string_equal(p, cases[i][1]);
	}
	assert_true(path_is_inside("/a/b", "/a"));
	assert_true(path_is_inside("/a/b", "/"));
	assert_false(path_is_inside("/ab", "/a"));
}

static void hash_matches_the_standard(void **state)
{
	AUTO(hash) struct hash *h = hash_new();
	char hex[HASH_HEX_LEN + 1], parts[HASH_HEX_LEN + 1];

	(void)state;
	/* FIPS 180-2, appendix B.1 */
	hash_hex("abc", 3, hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_update(h, "a", 1);
	hash_update(h, "bc", 2);
	hash_final_hex(h, parts);
	assert_string_equal(parts, hex);
}

static void times_survive_a_round_trip(void **state)
{
	char text[CLOCK_RFC3339_SIZE];
	int64_t t;

	(void)state;
	assert_int_equal(clock_parse_rfc3339("2024-02-29T23:59:59.12Z", &t, NULL), 0);
	clock_format_rfc3339(t, text);
	assert_string_equal(text, "2024-02-29T23:59:59.12Z");
	assert_int_equal(clock_parse_rfc3339("2024-03-01T01:00:00+01:00", &t, NULL), 0);
	clock_format_rfc3339(t, text);
	assert_string_equal(text, "2024-03-01T00:00:00Z");
	assert_int_equal(clock_parse_rfc3339("0001-01-01T00:00:00Z", &t, NULL), 0);
	assert_true(t == INT64_MIN);
	assert_int_equal(clock_parse_rfc3339("2024-13-01T00:00:00Z", &t, NULL), -ERR_FORMAT);
	clock_format_rfc3339(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
}

static void human_texts_are_dockers(void **state)
{
	char text[64];

	(void)state;
	clock_human_size(0, text, sizeof(text));
	assert_string_equal(text, "0B");
	clock_human_size(124000000, text, sizeof(text));
	assert_string_equal(text, "124MB");
	clock_human_size(999999, text, sizeof(text));
	assert_string_equal(text, "1MB");
	clock_human_duration(3 * 3600 * NSEC_PER_SEC, text, sizeof(text));
	assert_string_equal(text, "3 hours");
	clock_human_duration(0, text, sizeof(text));
	assert_string_equal(text, "Less than a second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_keeps_kind_and_adds_context),
		cmocka_unit_test(err_without_text_is_allowed),
		cmocka_unit_test(err_text_cannot_steer_a_terminal),
		cmocka_unit_test(err_long_text_is_cut_not_overrun),
		cmocka_unit_test(buf_stops_at_its_maximum),
		cmocka_unit_test(str_distance_counts_a_swap_once),
		cmocka_unit_test(strv_edits_environments_in_place),
		cmocka_unit_test(strv_grows_past_each_power_of_two),
		cmocka_unit_test(strv_split_keeps_empty_fields),
		cmocka_unit_test(numbers_take_the_whole_string),
		cmocka_unit_test(sizes_and_durations),
		cmocka_unit_test(path_clean_never_leaves_the_root),
		cmocka_unit_test(hash_matches_the_standard),
		cmocka_unit_test(times_survive_a_round_trip),
		cmocka_unit_test(human_texts_are_dockers),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
