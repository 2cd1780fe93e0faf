/* Security options, pumps, standard streams, probes' runner: what needs no container. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/strv.h"
#include "runtime/probe.h"
#include "runtime/pump.h"
#include "runtime/security_options.h"
#include "runtime/stdio.h"

static int parse_one(const char *text, struct security_options *ret, struct err *err)
{
	char *const list[] = { (char *)(uintptr_t)text, NULL };

	return security_options_parse(list, ret, err);
}

static void test_no_new_privileges(void **state)
{
	static const struct {
		const char *text;
		int want; /* 0, 1, or an error */
	} cases[] = {
		{ "no-new-privileges", 1 },
		{ "no-new-privileges:true", 1 },
		{ "no-new-privileges=true", 1 },
		{ "no-new-privileges=1", 1 },
		{ "no-new-privileges:false", 0 },
		{ "no-new-privileges=", -ERR_FORMAT },
		{ "no-new-privileges=yes", -ERR_FORMAT },
		{ "no-new-privilege", -ERR_USAGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(security_options) struct security_options s = { 0 };
		int r = parse_one(cases[i].text, &s, NULL);

		assert_int_equal(r < 0 ? r : s.no_new_privs, cases[i].want);
	}
}

static void test_seccomp_words(void **state)
{
	AUTO(security_options) struct security_options s = { 0 };
	static char first[] = "seccomp=/first", second[] = "seccomp:unconfined";
	char *const list[] = { first, second, NULL };

	(void)state;
	assert_int_equal(security_options_parse(list, &s, NULL), 0);
	assert_string_equal(s.seccomp, "unconfined");
	security_options_done(&s);
	assert_int_equal(parse_one("seccomp=builtin", &s, NULL), 0);
	assert_null(s.seccomp);
	assert_int_equal(parse_one("seccomp=/a=b:c", &s, NULL), 0);
	assert_string_equal(s.seccomp, "/a=b:c");
	security_options_done(&s);
	assert_int_equal(parse_one("seccomp=", &s, NULL), -ERR_USAGE);
	assert_int_equal(parse_one("seccomp", &s, NULL), -ERR_USAGE);
}

static void test_refusals_name_the_words(void **state)
{
	struct security_options s = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(parse_one("bogus=1", &s, &err), -ERR_USAGE);
	assert_string_equal(err.msg, "--security-opt bogus=1: not no-new-privileges, seccomp, "
				     "apparmor, label, landlock, systempaths, mask or unmask");
	assert_int_equal(parse_one("landlock=none", &s, &err), -ERR_USAGE);
	assert_string_equal(err.msg, "--security-opt landlock=none: only landlock=unconfined is "
				     "possible");
	assert_int_equal(parse_one("mask=/a:b", &s, &err), -ERR_USAGE);
	assert_string_equal(err.msg, "--security-opt mask: b is not an absolute path");
	assert_int_equal(parse_one("", &s, &err), -ERR_USAGE);
}

static void paths_of(const char *const *options, char ***masked, char ***readonly)
{
	AUTO(security_options) struct security_options s = { 0 };

	assert_int_equal(security_options_parse((char *const *)(uintptr_t)options, &s, NULL), 0);
	security_options_paths(&s, masked, readonly);
}

static void test_paths(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const some[] = { "unmask=/proc/kcore:/proc/a*", "unmask=/proc/sys",
		"mask=/proc/uptime/../version", NULL };
	static const char *const nothing[] = { "unmask=ALL", "mask=/proc/uptime", NULL };
	AUTO(strv) char **masked = NULL;
	AUTO(strv) char **readonly = NULL;
	AUTO(strv) char **masked2 = NULL;
	AUTO(strv) char **readonly2 = NULL;
	AUTO(strv) char **masked3 = NULL;
	AUTO(strv) char **readonly3 = NULL;

	(void)state;
	paths_of(none, &masked, &readonly);
	assert_true(strv_contains(masked, "/proc/kcore"));
	assert_true(strv_contains(masked, "/sys/devices/virtual/powercap"));
	assert_int_equal(strv_len(readonly), 5);
	paths_of(some, &masked2, &readonly2);
	assert_false(strv_contains(masked2, "/proc/kcore"));
	assert_false(strv_contains(masked2, "/proc/acpi"));
	assert_true(strv_contains(masked2, "/proc/version"));
	assert_false(strv_contains(readonly2, "/proc/sys"));
	paths_of(nothing, &masked3, &readonly3);
	assert_int_equal(strv_len(masked3), 1);
	assert_int_equal(strv_len(readonly3), 0);
}

/* Turn the crank of one pump until nothing moves for a while. */
static void crank(struct pump *p)
{
	struct pollfd fds[2];

	do {
		pump_want(p, fds);
		if (fds[0].fd < 0 && fds[1].fd < 0)
			return;
		if (poll(fds, 2, 50) <= 0)
			return;
		pump_run(p, fds);
	} while (true);
}

struct pipes {
	int in[2], out[2]; /* [0] to read, [1] to write */
};

static void open_pipes(struct pipes *p)
{
	assert_int_equal(pipe2(p->in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(p->out, O_CLOEXEC | O_NONBLOCK), 0);
}

static void test_pump_passes_everything_and_the_end(void **state)
{
	AUTO(pump) struct pump p;
	struct pipes pipes;
	size_t sent = 0, got = 0;
	char byte;

	(void)state;
	open_pipes(&pipes);
	pump_open(&p, &pipes.in[0], &pipes.out[1], PUMP_CLOSE_OUT);
	for (int round = 0; round < 200; round++) {
		while (write(pipes.in[1], &(char){ (char)sent }, 1) == 1)
			sent++;
		crank(&p);
		while (read(pipes.out[0], &byte, 1) == 1)
			assert_int_equal(byte, (char)got++);
		if (sent > 300000)
			break;
	}
	(void)close(pipes.in[1]);
	do {
		crank(&p);
		while (read(pipes.out[0], &byte, 1) == 1)
			assert_int_equal(byte, (char)got++);
	} while (!pump_is_finished(&p));
	while (read(pipes.out[0], &byte, 1) == 1)
		assert_int_equal(byte, (char)got++);
	assert_int_equal(got, sent);
	assert_int_equal(read(pipes.out[0], &byte, 1), 0);
	assert_int_equal(pipes.out[1], -EBADF);
	(void)close(pipes.in[0]);
	(void)close(pipes.out[0]);
}

static void test_pump_tells_the_writer(void **state)
{
	AUTO(pump) struct pump p;
	struct pipes pipes;

	(void)state;
	open_pipes(&pipes);
	pump_open(&p, &pipes.in[0], &pipes.out[1], PUMP_CLOSE_IN);
	(void)close(pipes.out[0]);
	assert_int_equal(write(pipes.in[1], "x", 1), 1);
	crank(&p);
	assert_true(pump_is_finished(&p));
	assert_int_equal(pipes.in[0], -EBADF);
	assert_int_equal(write(pipes.in[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(pipes.in[1]);
	(void)close(pipes.out[1]);
}

static void test_pump_without_descriptors(void **state)
{
	AUTO(pump) struct pump p;
	int none = -EBADF;
	struct pollfd fds[2];

	(void)state;
	pump_open(&p, &none, &none, PUMP_CLOSE_IN | PUMP_CLOSE_OUT);
	assert_true(pump_is_finished(&p));
	pump_want(&p, fds);
	assert_int_equal(fds[0].fd, -1);
	assert_int_equal(fds[1].fd, -1);
}

static void test_stdio_hands_over_files(void **state)
{
	AUTO(stdio) struct stdio io = STDIO_INIT;
	int saved = dup(STDOUT_FILENO), fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(stdio_open(0, &io, NULL), 0);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(io.child_fd[0], -EBADF);
	assert_true(io.child_fd[1] > 2);
	assert_int_equal(io.our_fd[1], -EBADF);
	assert_int_equal(fcntl(io.child_fd[1], F_GETFD), FD_CLOEXEC);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(saved);
}

static void test_stdio_pumps_sockets(void **state)
{
	AUTO(stdio) struct stdio io = STDIO_INIT;
	int saved = dup(STDOUT_FILENO), fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(stdio_open(0, &io, NULL), 0);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	assert_true(io.our_fd[1] >= 0);
	assert_true(io.fresh[1]);
	stdio_child_started(&io);
	assert_int_equal(io.child_fd[1], -EBADF);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(saved);
}

static void run_crash(const struct probe_env *env, struct probe_result *r)
{
	(void)env;
	(void)r;
	(void)raise(SIGKILL);
}

static void run_fine(const struct probe_env *env, struct probe_result *r)
{
	(void)env;
	(void)snprintf(r->detail, sizeof(r->detail), "fine");
}

static void test_probes_cannot_hurt(void **state)
{
	static const struct probe crash = { "crash", "crash", "Kernel", false, run_crash };
	static const struct probe fine = { "fine", "fine", "Kernel", false, run_fine };
	const struct probe_env env = { 0 };
	struct probe_result r;

	(void)state;
	probe_run(&crash, &env, &r);
	assert_int_equal(r.state, PROBE_MISSING);
	assert_string_equal(r.detail, "trying it crashed or took over 5 s");
	probe_run(&fine, &env, &r);
	assert_int_equal(r.state, PROBE_OK);
	assert_string_equal(r.detail, "fine");
}

static void test_probe_names_are_unique(void **state)
{
	const struct probe *p, *q;

	(void)state;
	for (size_t i = 0; (p = probe_at(i)); i++) {
		for (size_t k = i + 1; (q = probe_at(k)); k++)
			assert_string_not_equal(p->name, q->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_new_privileges),
		cmocka_unit_test(test_seccomp_words),
		cmocka_unit_test(test_refusals_name_the_words),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_pump_passes_everything_and_the_end),
		cmocka_unit_test(test_pump_tells_the_writer),
		cmocka_unit_test(test_pump_without_descriptors),
		cmocka_unit_test(test_stdio_hands_over_files),
		cmocka_unit_test(test_stdio_pumps_sockets),
		cmocka_unit_test(test_probes_cannot_hurt),
		cmocka_unit_test(test_probe_names_are_unique),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
