/*
 * Identity of processes, clone and pidfd, and host helpers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/clone.h"
#include "sys/process.h"
#include "sys/spawn.h"

static void test_identity(void **state)
{
	struct process_identity self, other;
	struct err err = { 0 };
	autofd int fd = -EBADF;

	(void)state;
	assert_int_equal(process_identify(getpid(), &self, &err), 0);
	assert_int_equal(strlen(self.boot_id), 36);
	assert_true(self.start_time > 0);
	assert_true(process_is_alive(&self));
	fd = process_open(&self, &err);
	assert_true(fd >= 0);

	/* The number is in use, by somebody else: another start time, another boot. */
	other = self;
	other.start_time++;
	assert_false(process_is_alive(&other));
	assert_int_equal(process_open(&other, &err), -ESRCH);
	other = self;
	other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
	assert_false(process_is_alive(&other));
	other = self;
	other.pid = 0;
	assert_int_equal(process_open(&other, &err), -ESRCH);
}

static pid_t start(int *ret_pidfd)
{
	const struct clone_request req = { .cgroup_fd = -1 };
	pid_t pid = clone_process(&req, ret_pidfd);

	assert_true(pid >= 0);
	return pid;
}

static void test_clone_exit(void **state)
{
	int status = 0;
	autofd int pidfd = -EBADF;

	(void)state;
	if (start(&pidfd) == 0)
		_exit(7);
	assert_int_equal(pidfd_wait(pidfd, false, &status), 1);
	assert_int_equal(wait_status_to_exit(status), 7);
	assert_int_equal(pidfd_wait(pidfd, false, &status), -ECHILD);
}

static void test_clone_signal(void **state)
{
	int status = 0;
	autofd int pidfd = -EBADF;

	(void)state;
	if (start(&pidfd) == 0)
		for (;;)
			pause();
	assert_int_equal(pidfd_wait(pidfd, true, &status), 0);
	assert_int_equal(pidfd_signal(pidfd, SIGTERM), 0);
	assert_int_equal(pidfd_wait(pidfd, false, &status), 1);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(wait_status_to_exit(status), 128 + SIGTERM);
	assert_int_equal(pidfd_signal(pidfd, SIGTERM), -ESRCH);
}

static void test_handlers_are_reset(void **state)
{
	int status = 0;
	autofd int pidfd = -EBADF;

	(void)state;
	signal(SIGUSR1, (void (*)(int))_exit);
	if (start(&pidfd) == 0) {
		raise(SIGUSR1);
		_exit(0);
	}
	assert_int_equal(pidfd_wait(pidfd, false, &status), 1);
	assert_int_equal(wait_status_to_exit(status), 128 + SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
}

static char stack[65536] __attribute__((aligned(64)));
static volatile int shared;

static int child_of_one_memory(void *arg)
{
	shared = *(int *)arg;
	_exit(8);
}

static void test_clone_sharing(void **state)
{
	const struct clone_request req = { .cgroup_fd = -1 };
	const struct clone_request in_cgroup = { .cgroup_fd = 0 };
	const struct clone_stack where = { stack, sizeof(stack) };
	autofd int pidfd = -EBADF;
	int value = 5, status = 0;
	pid_t pid;

	(void)state;
	pid = clone_process_sharing(&req, &where, child_of_one_memory, &value, &pidfd);
	if (pid == -ENOTSUP) {
		print_message("sanitizers do not take a child that shares memory\n");
		skip();
	}
	assert_true(pid > 0);
	assert_int_equal(pidfd_wait(pidfd, false, &status), 1);
	assert_int_equal(wait_status_to_exit(status), 8);
	assert_int_equal(shared, 5);
	assert_int_equal(
		clone_process_sharing(&in_cgroup, &where, child_of_one_memory, &value, &pidfd),
		-ENOTSUP);
}

static void test_spawn(void **state)
{
	char name[] = "/bin/sh", option[] = "-c";
	char script[] = "echo $PATH; cat <&5; trap; kill -TERM $$";
	char *argv[] = { name, option, script, NULL };
	struct spawn_request req = SPAWN_REQUEST_INIT;
	struct err err = { 0 };
	autofd int pidfd = -EBADF;
	char text[128];
	int out[2], in[2], status = 0;
	struct spawn_fd extra;
	pid_t pid = 0;
	ssize_t n, done = 0;

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(write(in[1], "given", 5), 5);
	close(in[1]);
	signal(SIGTERM, SIG_IGN); /* not inherited */
	extra = (struct spawn_fd){ in[0], 5 };
	req.path = name;
	req.argv = argv;
	req.stdout_fd = out[1];
	req.fds = &extra;
	req.n_fds = 1;
	assert_int_equal(spawn_start(&req, &pid, &pidfd, &err), 0);
	signal(SIGTERM, SIG_DFL);
	close(out[1]);
	close(in[0]);
	while ((n = read(out[0], text + done, sizeof(text) - 1 - (size_t)done)) > 0)
		done += n;
	text[done] = '\0';
	close(out[0]);
	assert_string_equal(text, "/usr/sbin:/usr/bin:/sbin:/bin\ngiven");
	assert_int_equal(pidfd_wait(pidfd, false, &status), 1);
	assert_int_equal(wait_status_to_exit(status), 128 + SIGTERM);
}

static void test_spawn_missing(void **state)
{
	char name[] = "/no/such/helper";
	char *argv[] = { name, NULL };
	struct spawn_request req = SPAWN_REQUEST_INIT;
	struct err err = { 0 };
	int pidfd;
	pid_t pid;

	(void)state;
	req.path = name;
	req.argv = argv;
	assert_int_equal(spawn_start(&req, &pid, &pidfd, &err), -ENOENT);
	assert_string_equal(err.msg, "cannot run /no/such/helper: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_clone_exit),
		cmocka_unit_test(test_clone_signal),
		cmocka_unit_test(test_handlers_are_reset),
		cmocka_unit_test(test_clone_sharing),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_spawn_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
