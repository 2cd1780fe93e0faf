/*
 * Ranges out of /etc/subuid text, maps made of them, and a process that enters one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "userns/idmap.h"
#include "userns/idmap_priv.h"
#include "userns/userns.h"

static const struct subid_owner alice = { .name = "alice", .uid = 1000, .own = 1000 };

static void parse(const char *text, struct subid_list *ret)
{
	struct err err = { 0 };

	assert_int_equal(subid_parse("/etc/subuid", text, &alice, ret, &err), 0);
}

static void test_ranges_of_name_and_number(void **state)
{
	struct subid_list l;

	(void)state;
	parse("bob:100000:65536\nalice:200000:10\n# alice:1:1\n\n1000:300000:20\n", &l);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.ranges[0].start, 200000);
	assert_int_equal(l.ranges[0].count, 10);
	assert_int_equal(l.ranges[1].start, 300000);
	assert_int_equal(l.ranges[1].count, 20);
}

static void test_no_range(void **state)
{
	struct subid_list l;

	(void)state;
	parse("", &l);
	assert_int_equal(l.n, 0);
	parse("alicea:1:1\nalic:1:1\n01000x:1:1\nalice:5000:0\n", &l);
	assert_int_equal(l.n, 0);
	/* By name and by number: one grant. No newline at the end. */
	parse("alice:5000:7\n1000:5000:7", &l);
	assert_int_equal(l.n, 1);
}

static void test_lines_of_others_may_be_broken(void **state)
{
	struct subid_list l;

	(void)state;
	parse("bob\nbob:x:y\n:::\nalice:5000:7\n", &l);
	assert_int_equal(l.n, 1);
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "alice:1\n", "/etc/subuid: line 1: expected owner:start:count" },
		{ "\nalice:0:5\n",
			"/etc/subuid: line 2: a range that begins at 0 would give root away" },
		{ "alice:990:20\n",
			"/etc/subuid: line 1: the range 990:20 holds the user's own id 1000" },
		{ "alice:5000:10\n1000:5009:2\n",
			"/etc/subuid: line 2: the ranges 5000:10 and 5009:2 overlap" },
		{ "alice:4294967290:10\n", "/etc/subuid: line 1: the range ends past the last id" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };
		struct subid_list l;

		assert_int_equal(
			subid_parse("/etc/subuid", cases[i][0], &alice, &l, &err), -ERR_FORMAT);
		assert_string_equal(err.msg, cases[i][1]);
	}
}

static const struct idmap ranges = {
	.kind = IDMAP_RANGES,
	.uids = { { { 0, 1000, 1 }, { 1, 100000, 10 }, { 11, 200000, 5 } }, 3 },
	.gids = { { { 0, 1000, 1 }, { 1, 300000, 10 } }, 2 },
};

static void test_ids(void **state)
{
	uint32_t id = 0;

	(void)state;
	assert_true(idmap_uid_to_host(&ranges, 0, &id));
	assert_int_equal(id, 1000);
	assert_true(idmap_uid_to_host(&ranges, 10, &id));
	assert_int_equal(id, 100009);
	assert_true(idmap_uid_to_host(&ranges, 15, &id));
	assert_int_equal(id, 200004);
	assert_false(idmap_uid_to_host(&ranges, 16, &id));
	assert_true(idmap_gid_to_host(&ranges, 5, &id));
	assert_int_equal(id, 300004);
	assert_true(idmap_uid_from_host(&ranges, 200000, &id));
	assert_int_equal(id, 11);
	assert_false(idmap_uid_from_host(&ranges, 0, &id));
	assert_false(idmap_gid_from_host(&ranges, 100000, &id));
	assert_int_equal(idmap_uid_count(&ranges), 16);
	assert_int_equal(idmap_gid_count(&ranges), 11);
}

static void test_none(void **state)
{
	const struct idmap none = { .kind = IDMAP_NONE };
	uint32_t id = 0;

	(void)state;
	assert_true(idmap_uid_to_host(&none, 12345, &id));
	assert_int_equal(id, 12345);
	assert_false(idmap_uid_to_host(&none, IDMAP_NO_ID, &id));
	assert_int_equal(idmap_uid_count(&none), UINT32_MAX);
}

static void test_format_and_key(void **state)
{
	char text[IDMAP_TEXT_SIZE], small[16], key[IDMAP_KEY_SIZE], other[IDMAP_KEY_SIZE];
	struct idmap map = ranges;

	size_t len = idmap_format(&ranges.uids, text, sizeof(text));

	(void)state;
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "0 1000 1\n1 100000 10\n11 200000 5\n");
	/* A line that does not fit is left out whole. */
	assert_int_equal(idmap_format(&ranges.uids, small, sizeof(small)), 9);
	assert_string_equal(small, "0 1000 1\n");
	idmap_key(&map, key);
	assert_int_equal(strlen(key), 9);
	assert_int_equal(key[0], 'r');
	map.gids.ranges[1].count++;
	idmap_key(&map, other);
	assert_string_not_equal(key, other);
	map.kind = IDMAP_NONE;
	idmap_key(&map, key);
	assert_string_equal(key, "root");
	map.kind = IDMAP_SINGLE;
	idmap_key(&map, key);
	assert_string_equal(key, "one");
}

static int check_inside(void *arg)
{
	char map[256] = "";
	autofd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	const char *inside, *count;
	char *rest = NULL;

	(void)arg;
	if (fd < 0 || read(fd, map, sizeof(map) - 1) <= 0)
		return 1;
	inside = strtok_r(map, " \n", &rest);
	(void)strtok_r(NULL, " \n", &rest);
	count = strtok_r(NULL, " \n", &rest);
	if (!inside || !count || strtok_r(NULL, " \n", &rest))
		return 2;
	if (strcmp(inside, "0") != 0 || strcmp(count, "1") != 0 || getuid() != 0 || getgid() != 0)
		return 3;
	return 42;
}

static void test_spawn_single(void **state)
{
	struct idmap map;
	struct err err = { 0 };
	pid_t pid = 0;
	int status = 0, r;

	(void)state;
	idmap_init_single(&map, 0, 0);
	r = userns_spawn(&map, check_inside, NULL, &pid, &err);
	if (r == -ERR_UNSUPPORTED) {
		print_message("no user namespaces here: %s\n", err.msg);
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_of_name_and_number),
		cmocka_unit_test(test_no_range),
		cmocka_unit_test(test_lines_of_others_may_be_broken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_format_and_key),
		cmocka_unit_test(test_spawn_single),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
