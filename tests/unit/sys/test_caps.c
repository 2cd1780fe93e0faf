/* Capability names and lists, signal names, the privilege drop. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/str.h"
#include "sys/caps.h"
#include "sys/privs.h"
#include "sys/signal.h"

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(caps_name(0), "CAP_CHOWN");
	assert_string_equal(caps_name(40), "CAP_CHECKPOINT_RESTORE");
	assert_null(caps_name(41));
	assert_int_equal(caps_number("CAP_SYS_ADMIN", NULL), 21);
	assert_int_equal(caps_number("sys_admin", NULL), 21);
	assert_int_equal(caps_number("Cap_Sys_Admin", NULL), 21);
	for (unsigned i = 0; i < CAPS_COUNT; i++)
		assert_int_equal(caps_number(caps_name(i), NULL), i);
}

static void test_unknown_names(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(caps_number("SYS_ADMN", &err), -ERR_USAGE);
	assert_string_equal(err.msg, "unknown capability: SYS_ADMN (is CAP_SYS_ADMIN meant?)");
	assert_int_equal(caps_number("", &err), -ERR_USAGE);
	assert_int_equal(caps_number("CAP_", &err), -ERR_USAGE);
	assert_int_equal(caps_number("21", &err), -ERR_USAGE);
	assert_string_equal(err.msg, "unknown capability: 21");
}

struct resolve_case {
	const char *add[4], *drop[4];
	uint64_t want; /* UINT64_MAX: -ERR_USAGE */
};

static void test_resolve(void **state)
{
	const uint64_t all = caps_kernel_mask();
	const struct resolve_case cases[] = {
		{ { NULL }, { NULL }, CAPS_DEFAULT },
		{ { "NET_RAW" }, { NULL }, CAPS_DEFAULT | CAPS_BIT(13) },
		{ { NULL }, { "cap_chown" }, CAPS_DEFAULT & ~CAPS_BIT(0) },
		{ { NULL }, { "NET_RAW" }, CAPS_DEFAULT },
		{ { "ALL" }, { NULL }, all },
		{ { "CAP_ALL" }, { NULL }, all },
		{ { NULL }, { "all" }, 0 },
		{ { "chown", "KILL" }, { "ALL" }, CAPS_BIT(0) | CAPS_BIT(5) },
		{ { "chown,KILL" }, { "ALL" }, CAPS_BIT(0) | CAPS_BIT(5) },
		{ { "ALL" }, { "SYS_ADMIN", "sys_module" }, all & ~CAPS_BIT(21) & ~CAPS_BIT(16) },
		{ { "ALL" }, { "ALL" }, UINT64_MAX },
		{ { "CHOWN" }, { "chown" }, UINT64_MAX },
		{ { "chown," }, { NULL }, UINT64_MAX },
		{ { "NOPE" }, { NULL }, UINT64_MAX },
		{ { NULL }, { "NOPE" }, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = 0;
		int r = caps_resolve(CAPS_DEFAULT, (char *const *)cases[i].add,
			(char *const *)cases[i].drop, &got, NULL);

		if (cases[i].want == UINT64_MAX) {
			assert_int_equal(r, -ERR_USAGE);
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(got, cases[i].want);
	}
}

static void test_format(void **state)
{
	autofree char *none = caps_format(0);
	autofree char *two = caps_format(CAPS_BIT(5) | CAPS_BIT(0));

	(void)state;
	assert_string_equal(none, "");
	assert_string_equal(two, "CAP_CHOWN,CAP_KILL");
}

static void test_signals(void **state)
{
	static const struct {
		const char *text;
		int number;
	} cases[] = {
		{ "TERM", 15 },
		{ "SIGTERM", 15 },
		{ "sigterm", 15 },
		{ "15", 15 },
		{ "9", 9 },
		{ "64", 64 },
		{ "RTMIN", 34 },
		{ "SIGRTMIN+3", 37 },
		{ "rtmax-1", 63 },
		{ "SIGRTMAX", 64 },
		{ "IOT", 6 },
		{ "SIGPOLL", 29 },
		{ "", -ERR_USAGE },
		{ "SIG", -ERR_USAGE },
		{ "0", -ERR_USAGE },
		{ "65", -ERR_USAGE },
		{ "-9", -ERR_USAGE },
		{ "RTMIN+31", -ERR_USAGE },
		{ "RTMIN-1", -ERR_USAGE },
		{ "RTMIN+", -ERR_USAGE },
		{ "TERM ", -ERR_USAGE },
		{ "0x9", -ERR_USAGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(signal_parse(cases[i].text, NULL), cases[i].number);
	for (int i = 1; i <= 64; i++)
		assert_int_equal(signal_parse(signal_name(i), NULL), i);
}

static void test_signal_fd(void **state)
{
	sigset_t saved, now;
	int fd = signal_open_fd(&saved, NULL);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(signal_read_fd(fd, NULL), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(signal_read_fd(fd, NULL), SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	assert_true(sigismember(&now, SIGTERM));
	assert_false(sigismember(&now, SIGCHLD));
	assert_false(sigismember(&now, SIGTTOU));
	assert_false(sigismember(&now, SIGSEGV));
	signal_unblock(&saved);
	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	assert_false(sigismember(&now, SIGTERM));
	(void)signal(SIGPIPE, SIG_DFL);
	(void)close(fd);
}

static void test_reset_all(void **state)
{
	struct sigaction action;
	sigset_t now, all;

	(void)state;
	(void)signal(SIGCHLD, SIG_IGN);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	signal_reset_all();
	(void)sigaction(SIGCHLD, NULL, &action);
	assert_ptr_equal(action.sa_handler, SIG_DFL);
	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	assert_false(sigismember(&now, SIGCHLD));
}

static int status_of_drop(const struct privs *p, int (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(privs_drop(p, NULL) < 0 ? 100 : check());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int check_root(void)
{
	uint64_t kept = CAPS_DEFAULT & ~CAPS_BIT(8);

	if (caps_effective() != kept || caps_bounding() != kept)
		return 1;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 2;
}

static int check_user(void)
{
	gid_t groups[4];

	if (getuid() != 1234 || geteuid() != 1234 || getgid() != 2345)
		return 1;
	if (getgroups(4, groups) != 2 || groups[0] != 29 || groups[1] != 2345)
		return 2;
	if (caps_effective() != 0 || caps_bounding() != CAPS_DEFAULT)
		return 3;
	return setuid(0) == 0 ? 4 : 0;
}

static void test_privileges(void **state)
{
	static const uint32_t groups[] = { 29, 2345 };
	const struct privs root = { .caps = CAPS_DEFAULT & ~CAPS_BIT(8), .no_new_privs = true };
	const struct privs user = {
		.caps = CAPS_DEFAULT, .uid = 1234, .gid = 2345, .groups = groups, .n_groups = 2
	};

	(void)state;
	if (geteuid() != 0 || (caps_effective() & CAPS_DEFAULT) != CAPS_DEFAULT) {
		print_message("dropping privileges needs some\n");
		skip();
	}
	assert_int_equal(status_of_drop(&root, check_root), 0);
	assert_int_equal(status_of_drop(&user, check_user), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_signal_fd),
		cmocka_unit_test(test_reset_all),
		cmocka_unit_test(test_privileges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
