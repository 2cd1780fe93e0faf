/* Who a container runs as: the grammar of user specifications, and hostile passwd files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/passwd.h"

static const char passwd[] = "# comment\n"
			     "root:x:0:0:root:/root:/bin/sh\n"
			     "\n"
			     "broken line\n"
			     "nouid:x::5::/x:/bin/sh\n"
			     "neg:x:-1:5::/x:/bin/sh\n"
			     "hex:x:0x10:5::/x:/bin/sh\n"
			     "big:x:4294967296:5::/x:/bin/sh\n"
			     "web:x:33:33:www:/var/www:/usr/sbin/nologin\n"
			     "web:x:34:34:second:/srv:/bin/sh\n"
			     "twin:x:33:99:twin:/twin:/bin/sh\n"
			     "rel:x:50:50::home/rel:/bin/sh\n"
			     "nohome:x:51:51\n"
			     "3proxy:x:60:60::/p:/bin/sh\n"
			     "  spaced:x:61:61::/s:/bin/sh  \r\n"
			     "last:x:70:70::/last:/bin/sh";

static const char group[] = "root:x:0:\n"
			    "adm:x:4:root,web\n"
			    "web:x:33:\n"
			    "many:x:100:a,web,b\n"
			    "prefix:x:101:webx,xweb,we\n"
			    "again:x:4:web\n"
			    "bad:x:zz:web\n"
			    "big:x:4294967296:web\n"
			    "nomembers:x:102\n"
			    "lastgroup:x:103:web";

static const struct passwd_files files = { passwd, sizeof(passwd) - 1, group, sizeof(group) - 1 };

static void users_are_found(void **state)
{
	static const struct {
		const char *spec;
		uint32_t uid, gid;
		const char *home, *name, *groups;
	} cases[] = {
		{ NULL, 0, 0, "/root", "root", "0,4" },
		{ "", 0, 0, "/root", "root", "0,4" },
		{ "0", 0, 0, "/root", "root", "0,4" },
		{ "00", 0, 0, "/root", "root", "0,4" },
		{ "root", 0, 0, "/root", "root", "0,4" },
		{ "web", 33, 33, "/var/www", "web", "33,4,100,103" },
		{ "33", 33, 33, "/var/www", "web", "33,4,100,103" },
		{ "33:", 33, 33, "/var/www", "web", "33,4,100,103" },
		{ "web:adm", 33, 4, "/var/www", "web", "4" },
		{ "web:12345", 33, 12345, "/var/www", "web", "12345" },
		{ "web:0", 33, 0, "/var/www", "web", "0" },
		{ "1000", 1000, 0, "/", "", "0" },
		{ "1000:1000", 1000, 1000, "/", "", "1000" },
		{ "1000:adm", 1000, 4, "/", "", "4" },
		{ "2147483647", 2147483647, 0, "/", "", "0" },
		{ "rel", 50, 50, "/", "rel", "50" },
		{ "nohome", 51, 51, "/", "nohome", "51" },
		{ "3proxy", 60, 60, "/p", "3proxy", "60" },
		{ "spaced", 61, 61, "/s", "spaced", "61" },
		{ "last", 70, 70, "/last", "last", "70" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf groups = BUF_INIT(1000);
		struct passwd_user u;
		struct err e = { 0 };

		if (passwd_resolve(cases[i].spec, &files, &u, &e) < 0)
			fail_msg("%s: %s", cases[i].spec, e.msg);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_string_equal(u.home, cases[i].home);
		assert_string_equal(u.name, cases[i].name);
		for (size_t g = 0; g < u.n_groups; g++)
			buf_printf(&groups, "%s%u", g ? "," : "", u.groups[g]);
		assert_string_equal(buf_str(&groups), cases[i].groups);
	}
}

/* Security row 8: whatever the passwd file says, none of these may become uid 0 by a name. */
static void numbers_never_become_names(void **state)
{
	static const struct {
		const char *spec;
		int kind; /* 0: taken, and then uid is the number it says */
		uint32_t uid;
	} cases[] = {
		{ "4294967296", ERR_FORMAT, 0 },
		{ "4294967295", ERR_FORMAT, 0 },
		{ "2147483648", ERR_FORMAT, 0 },
		{ "99999999999", ERR_FORMAT, 0 },
		{ "18446744073709551616", ERR_FORMAT, 0 },
		{ "340282366920938463463374607431768211456", ERR_FORMAT, 0 },
		{ "-1", ERR_FORMAT, 0 },
		{ "-0", ERR_FORMAT, 0 },
		{ "+0", ERR_FORMAT, 0 },
		{ "+1", ERR_FORMAT, 0 },
		{ "--", ERR_FORMAT, 0 },
		{ "0x0", ERR_FORMAT, 0 },
		{ "0X1f", ERR_FORMAT, 0 },
		{ "0b1", ERR_FORMAT, 0 },
		{ "0o7", ERR_FORMAT, 0 },
		{ "0x_1", ERR_FORMAT, 0 },
		{ " 1", ERR_FORMAT, 0 },
		{ "1 ", ERR_FORMAT, 0 },
		{ "1\n", ERR_FORMAT, 0 },
		{ "\t1", ERR_FORMAT, 0 },
		{ " ", ERR_FORMAT, 0 },
		{ "a b", ERR_FORMAT, 0 },
		{ "a,b", ERR_FORMAT, 0 },
		{ "a/b", ERR_FORMAT, 0 },
		{ ":", ERR_FORMAT, 0 },
		{ ":0", ERR_FORMAT, 0 },
		{ "::", ERR_FORMAT, 0 },
		{ "1:2:3", ERR_FORMAT, 0 },
		{ "1::", ERR_FORMAT, 0 },
		{ "1:-1", ERR_FORMAT, 0 },
		{ "1:4294967296", ERR_FORMAT, 0 },
		{ "1:0x0", ERR_FORMAT, 0 },
		{ "1: 0", ERR_FORMAT, 0 },
		{ "1", 0, 1 },
		{ "1:", 0, 1 },
		{ "01", 0, 1 },
		{ "1000", 0, 1000 },
		{ "2147483647", 0, 2147483647 },
		{ "1:1", 0, 1 },
		{ "000000000000000000000000000001", 0, 1 },
	};

	(void)state;
	assert_true(sizeof(cases) / sizeof(cases[0]) >= 40);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf hostile = BUF_INIT(10000);
		struct passwd_files f = { 0 };
		struct passwd_user u = { .uid = 77 };
		struct err e = { 0 };
		int r;

		/* A row of exactly that name, and rows that a careless parser reads as its number. */
		buf_printf(&hostile, "%s:x:0:0::/root:/bin/sh\n", cases[i].spec);
		buf_printf(&hostile, "x:x:%s0:0::/:/bin/sh\n", cases[i].spec);
		buf_printf(&hostile, "evil:x:0:0:%s:/:/bin/sh\n", cases[i].spec);
		f.passwd = f.group = buf_str(&hostile);
		f.passwd_len = f.group_len = hostile.len;
		r = passwd_resolve(cases[i].spec, &f, &u, &e);
		if (r != -cases[i].kind)
			fail_msg("\"%s\": %d %s", cases[i].spec, r, e.msg);
		assert_int_equal(u.uid, cases[i].kind ? 77 : cases[i].uid);
		assert_int_equal(passwd_check_spec(cases[i].spec, NULL), r);
	}
}

static void failures_have_dockers_words(void **state)
{
	struct passwd_user u;
	struct err e;
	uint32_t gid;

	(void)state;
	assert_int_equal(passwd_resolve("foo", &files, &u, &e), -ERR_NOT_FOUND);
	assert_string_equal(e.msg, "unable to find user foo: no matching entries in passwd file");
	assert_int_equal(passwd_resolve("web:foo", &files, &u, &e), -ERR_NOT_FOUND);
	assert_string_equal(e.msg, "unable to find group foo: no matching entries in group file");
	assert_int_equal(passwd_resolve("99999999999", &files, &u, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "user 99999999999: uids and gids must be in range 0-2147483647");
	assert_int_equal(passwd_resolve(":0", &files, &u, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "invalid user \":0\": the user is empty");
	assert_int_equal(passwd_resolve("a:b:c", &files, &u, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "invalid user \"a:b:c\": want USER[:GROUP]");
	assert_int_equal(passwd_resolve("neg", &files, &u, &e), -ERR_NOT_FOUND);
	assert_int_equal(passwd_resolve("big", &files, &u, &e), -ERR_NOT_FOUND);
	assert_int_equal(passwd_resolve_group("adm", &files, &gid, &e), 0);
	assert_int_equal(gid, 4);
	assert_int_equal(passwd_resolve_group("555", &files, &gid, &e), 0);
	assert_int_equal(gid, 555);
	assert_int_equal(passwd_resolve_group("", &files, &gid, &e), -ERR_FORMAT);
	assert_int_equal(passwd_resolve_group("nope", &files, &gid, &e), -ERR_NOT_FOUND);
}

static void missing_files_are_no_obstacle(void **state)
{
	const struct passwd_files none = { 0 };
	struct passwd_user u;
	struct err e;

	(void)state;
	assert_int_equal(passwd_resolve("", &none, &u, &e), 0);
	assert_int_equal(u.uid, 0);
	assert_string_equal(u.home, "/root");
	assert_int_equal(u.n_groups, 1);
	assert_int_equal(passwd_resolve("1000:7", &none, &u, &e), 0);
	assert_int_equal(u.gid, 7);
	assert_string_equal(u.home, "/");
	assert_int_equal(passwd_resolve("root", &none, &u, &e), -ERR_NOT_FOUND);
}

static void rows_with_nul_bytes_are_skipped(void **state)
{
	static const char text[] = "evil\0:x:0:0::/:/bin/sh\nevil:x:8:9::/e:/bin/sh\n";
	const struct passwd_files f = { text, sizeof(text) - 1, NULL, 0 };
	struct passwd_user u;

	(void)state;
	assert_int_equal(passwd_resolve("evil", &f, &u, NULL), 0);
	assert_int_equal(u.uid, 8);
}

static void groups_have_a_limit(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(1 << 20);
	struct passwd_files f = { "u:x:5:5::/:", 11, NULL, 0 };
	struct passwd_user u;
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 1023; i++)
		buf_printf(&text, "g%u:x:%u:u\n", i, 1000 + i);
	f.group = buf_str(&text);
	f.group_len = text.len;
	assert_int_equal(passwd_resolve("u", &f, &u, &e), 0);
	assert_int_equal(u.n_groups, 1024);
	assert_int_equal(passwd_add_group(&u, 1000, &e), 0);
	assert_int_equal(u.n_groups, 1024);
	assert_int_equal(passwd_add_group(&u, 9, &e), -ERR_LIMIT);
	buf_puts(&text, "more:x:9:u\n");
	f.group = buf_str(&text);
	f.group_len = text.len;
	assert_int_equal(passwd_resolve("u", &f, &u, &e), -ERR_LIMIT);
	assert_string_equal(e.msg, "the user is in more than 1024 groups");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found),
		cmocka_unit_test(numbers_never_become_names),
		cmocka_unit_test(failures_have_dockers_words),
		cmocka_unit_test(missing_files_are_no_obstacle),
		cmocka_unit_test(rows_with_nul_bytes_are_skipped),
		cmocka_unit_test(groups_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
