/* Options of run as text: environment, limits, the command, /etc/resolv.conf and /etc/hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/str.h"
#include "base/strv.h"
#include "codec/env.h"
#include "codec/resolv.h"
#include "codec/run_command.h"
#include "codec/ulimit.h"

/* Vectors in tables are written with '|' between the words; "-" is NULL. */
static char **words(const char *s)
{
	return str_eq(s, "-") ? NULL : *s ? strv_split(s, '|') : strv_dup(NULL);
}

static void env_options_read_the_host_only_by_name(void **state)
{
	AUTO(strv) char **host = words("CANARY=1|FOO=host=x|EMPTY=");
	AUTO(strv) char **list = NULL;
	autofree char *all = NULL;
	struct err e;

	(void)state;
	assert_int_equal(env_option_parse("A=1", host, &list, &e), 0);
	assert_int_equal(env_option_parse("B=", host, &list, &e), 0);
	assert_int_equal(env_option_parse("FOO", host, &list, &e), 0);
	assert_int_equal(env_option_parse("EMPTY", host, &list, &e), 0);
	assert_int_equal(env_option_parse("UNSET", host, &list, &e), 0);
	assert_int_equal(env_option_parse("C=a=b $X\n\"", host, &list, &e), 0);
	assert_int_equal(env_option_parse("", host, &list, &e), -ERR_USAGE);
	assert_string_equal(e.msg, "invalid environment variable: ");
	assert_int_equal(env_option_parse("=x", host, &list, &e), -ERR_USAGE);
	assert_string_equal(e.msg, "invalid environment variable: =x");
	all = strv_join(list, "|");
	assert_string_equal(all, "A=1|B=|FOO=host=x|EMPTY=|UNSET|C=a=b $X\n\"");
}

static void env_files_are_raw(void **state)
{
	static const char text[] = "\xef\xbb\xbf# comment\n"
				   "\n"
				   "   \t\n"
				   "A=1\n"
				   "  B = \n"
				   "Q=\"quoted\" 'x' \\n  \n"
				   "C=x#y\r\n"
				   "FOO\n"
				   "UNSET\n"
				   "  # indented\n"
				   "D=\xc3\xa9";
	AUTO(strv) char **host = words("FOO=host|CANARY=1");
	AUTO(strv) char **list = NULL;
	autofree char *all = NULL;
	struct err e;

	(void)state;
	assert_int_equal(env_file_parse(text, strlen(text), host, &list, &e), -ERR_USAGE);
	assert_string_equal(e.msg, "variable 'B ' contains whitespaces");
	strv_free(list);
	list = NULL;
	assert_int_equal(
		env_file_parse(
			"\xef\xbb\xbf# c\nA=1\n  B= v \nQ=\"q\" 'x' \\n\nC=x#y\r\nFOO\nUNSET\n"
			"D=\xc3\xa9",
			strlen("\xef\xbb\xbf# c\nA=1\n  B= v \nQ=\"q\" 'x' "
			       "\\n\nC=x#y\r\nFOO\nUNSET\n"
			       "D=\xc3\xa9"),
			host, &list, &e),
		0);
	all = strv_join(list, "|");
	assert_string_equal(all, "A=1|B= v |Q=\"q\" 'x' \\n|C=x#y|FOO=host|D=\xc3\xa9");
}

static void bad_env_files_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *message;
	} cases[] = {
		{ "=x\n", 3, "no variable name on line '=x'" },
		{ "ok=1\n  =x", 9, "no variable name on line '=x'" },
		{ "a b=1", 5, "variable 'a b' contains whitespaces" },
		{ "a\tb", 3, "variable 'a?b' contains whitespaces" },
		{ "ok=1\nX=\xff\n", 9, "invalid utf8 bytes at line 2" },
		{ "X=a\0b", 5, "NUL byte at line 1" },
	};
	static char long_line[ENV_FILE_LINE_MAX + 2];
	AUTO(strv) char **list = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			env_file_parse(cases[i].text, cases[i].len, NULL, &list, &e), -ERR_USAGE);
		assert_string_equal(e.msg, cases[i].message);
	}
	memset(long_line, 'a', sizeof(long_line));
	assert_int_equal(
		env_file_parse(long_line, ENV_FILE_LINE_MAX + 1, NULL, &list, &e), -ERR_USAGE);
	assert_string_equal(e.msg, "line 1 is longer than 65536 bytes");
}

static void environments_are_merged_in_order(void **state)
{
#define P "PATH=" ENV_PATH_DEFAULT
	static const struct {
		const char *image, *user, *hostname, *result;
		bool tty;
		size_t dropped;
	} cases[] = {
		{ "-", "-", NULL, P, false, 0 },
		{ "-", "-", "h", P "|HOSTNAME=h|TERM=xterm", true, 0 },
		{ "PATH=/x|A=1|B=2", "-", "h", "PATH=/x|HOSTNAME=h|A=1|B=2", false, 0 },
		{ "A=1|B=2|C=3", "B=9|D=4", "h", P "|HOSTNAME=h|A=1|B=9|C=3|D=4", false, 0 },
		{ "A=1|A=2", "A=3", NULL, P "|A=3", false, 0 },
		{ "A=1", "A", NULL, P, false, 0 },
		{ "A=1|B=2", "A|A=5", NULL, P "|B=2|A=5", false, 0 },
		{ "-", "HOSTNAME=mine|TERM=vt100", "h", P "|HOSTNAME=mine|TERM=vt100", true, 0 },
		{ "FOO|*|=x||A=", "-", NULL, P "|A=", false, 4 },
		{ "AB=1", "A=2", NULL, P "|AB=1|A=2", false, 0 },
	};
#undef P

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(strv) char **image = words(cases[i].image);
		AUTO(strv) char **user = words(cases[i].user);
		const struct env_build in = { image, user, cases[i].hostname, cases[i].tty };
		size_t dropped = 99;
		AUTO(strv) char **env = env_build(&in, &dropped);
		autofree char *all = strv_join(env, "|");

		assert_string_equal(all, cases[i].result);
		assert_int_equal(dropped, cases[i].dropped);
	}
}

static void commands_are_merged(void **state)
{
	static const struct {
		const char *image_entrypoint, *image_cmd, *entrypoint, *args, *result;
	} cases[] = {
		{ "-", "bash", NULL, "-", "bash" },
		{ "-", "bash", NULL, "", "bash" },
		{ "-", "bash", NULL, "ls|-l", "ls|-l" },
		{ "/e|x", "c|d", NULL, "-", "/e|x|c|d" },
		{ "/e|x", "c|d", NULL, "y", "/e|x|y" },
		{ "/e|x", "c|d", "/new", "-", "/new" },
		{ "/e|x", "c|d", "/new", "y|z", "/new|y|z" },
		{ "/e|x", "c|d", "", "y|z", "y|z" },
		{ "/e|x", "c|d", "/a b", "-", "/a b" },
		{ "/e|x", "c|d", "[\"sh\",\"-c\"]", "ls -l", "sh|-c|ls -l" },
		{ "/e|x", "c|d", "[not json", "-", "[not json" },
		{ "-", "sh|-c|a b", NULL, "-", "sh|-c|a b" },
		{ "-", "c", "[]", "y", "y" },
	};
	static const struct {
		const char *image_entrypoint, *image_cmd, *entrypoint, *message;
	} bad[] = {
		{ "-", "-", NULL, "no command specified" },
		{ "", "", NULL, "no command specified" },
		{ "/e", "c", "", "no command specified" },
		{ "/e", "c", "[]", "no command specified" },
		{ "/e", "c", "[1]", "invalid entrypoint [1]: not an array of strings" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(strv) char **e = words(cases[i].image_entrypoint);
		AUTO(strv) char **c = words(cases[i].image_cmd);
		AUTO(strv) char **a = words(cases[i].args);
		AUTO(strv) char **result = NULL;
		autofree char *all = NULL;

		assert_int_equal(run_command_merge(e, c, cases[i].entrypoint, a, &result, NULL), 0);
		all = strv_join(result, "|");
		assert_string_equal(all, cases[i].result);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		AUTO(strv) char **e = words(bad[i].image_entrypoint);
		AUTO(strv) char **c = words(bad[i].image_cmd);
		char **result = NULL;
		struct err err;

		assert_int_equal(run_command_merge(e, c, bad[i].entrypoint, NULL, &result, &err),
			-ERR_USAGE);
		assert_string_equal(err.msg, bad[i].message);
	}
}

static void ulimits(void **state)
{
	static const struct {
		const char *text;
		int resource;
		uint64_t soft, hard;
	} cases[] = {
		{ "nofile=1024", RLIMIT_NOFILE, 1024, 1024 },
		{ "nofile=1024:2048", RLIMIT_NOFILE, 1024, 2048 },
		{ "core=0", RLIMIT_CORE, 0, 0 },
		{ "core=-1", RLIMIT_CORE, ULIMIT_UNLIMITED, ULIMIT_UNLIMITED },
		{ "memlock=-1:-1", RLIMIT_MEMLOCK, ULIMIT_UNLIMITED, ULIMIT_UNLIMITED },
		{ "nproc=5:unlimited", RLIMIT_NPROC, 5, ULIMIT_UNLIMITED },
		{ "rttime=7", RLIMIT_RTTIME, 7, 7 },
	};
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "invalid ulimit argument: " },
		{ "nofile", "invalid ulimit argument: nofile" },
		{ "=1", "invalid ulimit argument: =1" },
		{ "nofile=", "invalid ulimit argument: nofile=" },
		{ "nofile=a", "invalid ulimit argument: nofile=a" },
		{ "nofile=1:", "invalid ulimit argument: nofile=1:" },
		{ "nofile=-2", "invalid ulimit argument: nofile=-2" },
		{ "nofile=99999999999999999999999999",
			"invalid ulimit argument: nofile=99999999999999999999999999" },
		{ "nope=1", "invalid ulimit type: nope" },
		{ "NOFILE=1", "invalid ulimit type: NOFILE" },
		{ "nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to "
				  "two, `soft[:hard]`" },
		{ "nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2:1" },
		{ "nofile=-1:5",
			"ulimit soft limit must be less than or equal to hard limit: -1:5" },
	};
	struct ulimit u;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ulimit_parse(cases[i].text, &u, &e), 0);
		assert_int_equal(u.resource, cases[i].resource);
		assert_true(u.soft == cases[i].soft && u.hard == cases[i].hard);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ulimit_parse(bad[i].text, &u, &e), -ERR_USAGE);
		assert_string_equal(e.msg, bad[i].message);
	}
}

static void resolv_conf(void **state)
{
#define HOST                                                                      \
	"# by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.1\n" \
	"search a.b c.d\noptions edns0 trust-ad\n"
	static const struct {
		const char *host, *servers, *search, *options;
		unsigned flags;
		const char *result;
	} cases[] = {
		{ HOST, "-", "-", "-", 0, HOST },
		{ "nameserver 1.1.1.1", "-", "-", "-", 0, "nameserver 1.1.1.1\n" },
		{ HOST, "-", "-", "-", RESOLV_DROP_LOOPBACK,
			"# by hand\nnameserver 10.0.0.1\nsearch a.b c.d\noptions edns0 "
			"trust-ad\n" },
		{ "nameserver 127.0.0.1\nnameserver ::ffff:127.0.0.1\n", "-", "-", "-",
			RESOLV_DROP_LOOPBACK | RESOLV_DEFAULT_SERVERS,
			"nameserver 8.8.8.8\nnameserver 8.8.4.4\n" },
		{ "", "-", "-", "-", 0, "" },
		{ "", "-", "-", "-", RESOLV_DEFAULT_SERVERS,
			"nameserver 8.8.8.8\nnameserver 8.8.4.4\n" },
		{ HOST, "9.9.9.9|::1", "-", "-", RESOLV_DROP_LOOPBACK,
			"# by hand\nsearch a.b c.d\noptions edns0 trust-ad\nnameserver 9.9.9.9\n"
			"nameserver ::1\n" },
		{ HOST, "-", "x.y", "ndots:2", 0,
			"# by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.1\n"
			"search x.y\noptions ndots:2\n" },
		{ HOST, "-", ".", "-", 0,
			"# by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.1\n"
			"options edns0 trust-ad\n" },
		{ "nameserver 1.1.1.1\nevil \033[2J\n", "-", "-", "-", 0, "nameserver 1.1.1.1\n" },
	};
#undef HOST
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(buf) struct buf out = BUF_INIT(4096);
		AUTO(strv) char **servers = words(cases[i].servers);
		AUTO(strv) char **search = words(cases[i].search);
		AUTO(strv) char **options = words(cases[i].options);
		const struct resolv_options o = { cases[i].flags, servers, search, options };

		resolv_filter(cases[i].host, strlen(cases[i].host), &o, &out);
		assert_string_equal(buf_str(&out), cases[i].result);
	}
	assert_int_equal(resolv_check_server("1.2.3.4", &e), 0);
	assert_int_equal(resolv_check_server("fe80::1", &e), 0);
	assert_int_equal(resolv_check_server("1.2.3", &e), -ERR_USAGE);
	assert_string_equal(e.msg, "1.2.3 is not an ip address");
}

static void hosts(void **state)
{
	AUTO(strv) char **extra = words("db:10.0.0.5|six=[fe80::1]|v6:2001:db8::2");
	const struct hosts_options o = { "box", "example.org", "10.9.8.7", extra };
	AUTO(buf) struct buf out = BUF_INIT(4096);
	struct err e;

	(void)state;
	hosts_format(&o, &out);
	assert_string_equal(buf_str(&out),
		"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
		"ip6-loopback\nfe00::\tip6-localnet\n"
		"ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
		"10.0.0.5\tdb\nfe80::1\tsix\n2001:db8::2\tv6\n10.9.8.7\tbox.example.org box\n");
	STRV_FOREACH (s, extra)
		assert_int_equal(hosts_check_extra(s, &e), 0);
	assert_int_equal(hosts_check_extra("x:nope", &e), -ERR_USAGE);
	assert_string_equal(e.msg, "invalid IP address in add-host: \"nope\"");
	assert_int_equal(hosts_check_extra("x", &e), -ERR_USAGE);
	assert_string_equal(e.msg, "bad format for add-host: \"x\"");
	assert_int_equal(hosts_check_extra(":1.2.3.4", &e), -ERR_USAGE);
	assert_int_equal(hosts_check_extra("a\nb:1.2.3.4", &e), -ERR_USAGE);
}

static void hostnames(void **state)
{
	static const char *const good[] = { "a", "box", "a-b", "a.b.c", "A1", "web_1",
		"0123456789ab" };
	static const char *const bad[] = { "", "-a", "a-", ".a", "a.", "a..b", "a b", "a\n", "a/b",
		"a.-b", "\xc3\xa9",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(hostname_check(good[i], &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hostname_check(bad[i], &e), -ERR_USAGE);
	assert_int_equal(hostname_check("a_b.", &e), -ERR_USAGE);
	assert_string_equal(e.msg, "invalid hostname format: a_b.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(env_options_read_the_host_only_by_name),
		cmocka_unit_test(env_files_are_raw),
		cmocka_unit_test(bad_env_files_are_refused),
		cmocka_unit_test(environments_are_merged_in_order),
		cmocka_unit_test(commands_are_merged),
		cmocka_unit_test(ulimits),
		cmocka_unit_test(resolv_conf),
		cmocka_unit_test(hosts),
		cmocka_unit_test(hostnames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
