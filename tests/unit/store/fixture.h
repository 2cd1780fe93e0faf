/* A store of its own for each test, below $TMPDIR, removed afterwards. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
	char root[64];
	struct store *store;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The store again, as another process sees it. */
struct store *fixture_reopen(void **state);

/* Is there a file or directory of that name below the root? */
bool fixture_exists(void **state, const char *path);

/* Run fn in a forked child; its return value is the result. */
int fixture_in_child(int (*fn)(void **state), void **state);

#define assert_ok(expr, err)                                                 \
	do {                                                                 \
		int assert_r_ = (expr);                                      \
		if (assert_r_ < 0)                                           \
			fail_msg("%s: %d: %s", #expr, assert_r_, (err).msg); \
	} while (0)
