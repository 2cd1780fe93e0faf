/* The filters of the prune commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "codec/prune_filter.h"

#define NOW (1700000000LL * NSEC_PER_SEC)

static char *const labels[] = { (char *)"a=1", (char *)"b=", NULL };

static void check_moment(const char *text, int64_t seconds)
{
	char *const filters[] = { (char *)text, NULL };
	AUTO(prune_filter) struct prune_filter f = { 0 };

	assert_int_equal(prune_filter_parse(filters, NOW, &f, NULL), 0);
	assert_int_equal(f.until_ns / NSEC_PER_SEC, seconds);
	assert_true(prune_filter_matches(&f, f.until_ns - 1, labels));
	assert_false(prune_filter_matches(&f, f.until_ns, labels));
	assert_false(prune_filter_matches(&f, 0, labels));
}

static void test_moments(void **state)
{
	(void)state;
	check_moment("until=24h", 1700000000 - 86400);
	check_moment("until=1500000000", 1500000000);
	check_moment("until=2020-01-01", 1577836800);
	check_moment("until=2020-01-01T00:00:01", 1577836801);
	check_moment("until=2020-01-01T01:00:00+01:00", 1577836800);
}

static bool matches(const char *text)
{
	char *const filters[] = { (char *)text, NULL };
	AUTO(prune_filter) struct prune_filter f = { 0 };

	assert_int_equal(prune_filter_parse(filters, NOW, &f, NULL), 0);
	return prune_filter_matches(&f, NOW, labels);
}

static void test_labels(void **state)
{
	(void)state;
	assert_true(matches("label=a"));
	assert_true(matches("label=a=1"));
	assert_false(matches("label=a=2"));
	assert_false(matches("label=c"));
	assert_false(matches("label!=b"));
	assert_true(matches("label!=b=1"));
	assert_true(matches("label!=c"));
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "until=", "until=x", "label", "x=1", "" };
	char *const two[] = { (char *)"until=1h", (char *)"until=2h", NULL };
	AUTO(prune_filter) struct prune_filter f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *const filters[] = { (char *)bad[i], NULL };

		assert_int_equal(prune_filter_parse(filters, NOW, &f, NULL), -ERR_USAGE);
	}
	assert_int_equal(prune_filter_parse(two, NOW, &f, NULL), -ERR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
