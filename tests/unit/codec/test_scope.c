/* Scopes of tokens: what covers what, and what is asked for after a challenge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/str.h"
#include "codec/scope.h"

static void actions_are_compared_one_by_one(void **state)
{
	(void)state;
	assert_true(scope_covers("repository:x:pull,push", "repository:x:push"));
	assert_true(scope_covers("repository:x:*", "repository:x:push,delete"));
	assert_true(scope_covers("repository:h:5000/x:pull", "repository:h:5000/x:pull"));
	assert_false(scope_covers("repository:x:pull", "repository:x:pull,push"));
	assert_false(scope_covers("repository:x:pullpush", "repository:x:pull"));
	assert_false(scope_covers("repository:x:pull", "repository:xy:pull"));
	assert_false(scope_covers("registry:catalog:pull", "repository:catalog:pull"));
}

static void a_challenge_is_widened_by_what_we_want(void **state)
{
	static const struct {
		const char *challenged, *own, *result;
	} cases[] = {
		{ NULL, "repository:x:pull", "repository:x:pull" },
		{ "", "repository:x:pull", "repository:x:pull" },
		{ NULL, "", "" },
		{ "registry:catalog:*", "", "registry:catalog:*" },
		{ "repository:x:pull", "repository:x:pull", "repository:x:pull" },
		{ "repository:x:pull", "repository:x:pull,push", "repository:x:pull,push" },
		{ "repository:x:pull,push", "repository:x:pull", "repository:x:pull,push" },
		{ "repository:x:delete", "repository:x:pull,push",
			"repository:x:delete,pull,push" },
		{ "repository:renamed/x:pull", "repository:x:pull", "repository:renamed/x:pull" },
		{ "repository:a:pull", "repository:x:pull,push repository:a:pull",
			"repository:a:pull repository:x:pull,push" },
		{ "repository:x:pull,push", "repository:x:pull,push repository:a:pull",
			"repository:x:pull,push repository:a:pull" },
		{ "repository:x:pull  repository:x:pull", "repository:x:pull",
			"repository:x:pull" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *result = scope_merge(cases[i].challenged, cases[i].own);

		assert_string_equal(result, cases[i].result);
		free(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_compared_one_by_one),
		cmocka_unit_test(a_challenge_is_widened_by_what_we_want),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
