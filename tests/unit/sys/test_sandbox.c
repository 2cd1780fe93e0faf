/* Landlock, the helper filter, capabilities: each in a child, since none of it can be taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/landlock.h"
#include "sys/sandbox.h"

static const int some_calls[] = { __NR_read, __NR_fcntl, __NR_write, __NR_mmap, __NR_munmap,
	__NR_mprotect, __NR_exit_group, -1, __NR_openat };

/* The wait status of fn in a child. */
static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void assert_exit(int (*fn)(void), int want)
{
	int status = in_child(fn);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
}

static void assert_killed(int (*fn)(void))
{
	int status = in_child(fn);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int enter(void)
{
	return sandbox_allow(some_calls, sizeof(some_calls) / sizeof(some_calls[0]), NULL);
}

static int listed_calls(void)
{
	void *p;

	if (enter() < 0)
		return 1;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p, 4096, PROT_READ) < 0 || munmap(p, 4096) < 0)
		return 2;
	return openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? 3 : 0;
}

static int unlisted_call(void)
{
	if (enter() < 0)
		return 1;
	(void)syscall(__NR_getpid);
	return 0;
}

static int executable_memory(void)
{
	if (enter() < 0)
		return 1;
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return 0;
}

static int executable_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (enter() < 0)
		return 1;
	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC);
	return 0;
}

static int flags_of_descriptors(void)
{
	int fd;

	if (enter() < 0)
		return 1;
	fd = fcntl(1, F_DUPFD_CLOEXEC, 10);
	return fd < 10 || fcntl(fd, F_GETFD) != FD_CLOEXEC || fcntl(fd, F_SETFD, 0) < 0 ||
			       fcntl(fd, F_GETFL) < 0
		       ? 2
		       : 0;
}

static int status_flags(void)
{
	if (enter() < 0)
		return 1;
	(void)fcntl(1, F_SETFL, O_APPEND);
	return 0;
}

static int signal_owner(void)
{
	if (enter() < 0)
		return 1;
	/* The high half is not looked at, by the kernel neither. */
	(void)syscall(__NR_fcntl, 1, F_SETOWN | 1UL << 32, 1);
	return 0;
}

#if defined(__x86_64__)

static int foreign_entry(void)
{
	long r;

	if (enter() < 0)
		return 1;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20 /* getpid */) : "memory");
	return 0;
}

static int x32_entry(void)
{
	if (enter() < 0)
		return 1;
	(void)syscall(0x40000000 | __NR_write, 1, "", 0);
	return 0;
}
#endif

static void filter(void **state)
{
	(void)state;
	if (!sandbox_is_strict()) {
		print_message("the list is not enforced in a build with sanitizers\n");
		skip();
	}
	assert_exit(listed_calls, 0);
	assert_killed(unlisted_call);
	assert_killed(executable_memory);
	assert_killed(executable_later);
	assert_exit(flags_of_descriptors, 0);
	assert_killed(status_flags);
	assert_killed(signal_owner);
#if defined(__x86_64__)
	assert_killed(foreign_entry);
	assert_killed(x32_entry);
#endif
}

static char room[] = "/tmp/proa-test-room-XXXXXX";

static int landlock_room(void)
{
	int fd = open(room, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_rule rule = { fd, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_MAKE };

	if (mkdirat(fd, "a", 0700) < 0 || mkdirat(fd, "b", 0700) < 0)
		return 1;
	if (landlock_restrict(&rule, 1, NULL) != 1)
		return 2;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return 3;
	if (openat(fd, "../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 || errno != EACCES)
		return 4;
	if (openat(fd, "a/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0)
		return 5;
	if (linkat(fd, "a/f", fd, "b/f", 0) < 0 || renameat(fd, "a/f", fd, "b/g") < 0)
		return 6;
	if (mknodat(fd, "p", S_IFIFO | 0600, 0) < 0 || symlinkat("x", fd, "l") < 0)
		return 7;
	if (unlinkat(fd, "b/f", 0) < 0 || unlinkat(fd, "b/g", 0) < 0 || unlinkat(fd, "p", 0) < 0 ||
		unlinkat(fd, "l", 0) < 0 || unlinkat(fd, "a", AT_REMOVEDIR) < 0 ||
		unlinkat(fd, "b", AT_REMOVEDIR) < 0)
		return 8;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 9;
}

static int landlock_read_only(void)
{
	int fd = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_rule rule = { fd, LANDLOCK_READ };

	if (landlock_restrict(&rule, 1, NULL) != 1)
		return 2;
	if (openat(fd, "passwd", O_RDONLY | O_CLOEXEC) < 0)
		return 3;
	if (openat(fd, "passwd", O_WRONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return 4;
	return 0;
}

static int landlock_nothing(void)
{
	if (landlock_restrict(NULL, 0, NULL) != 1)
		return 2;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 3;
}

static void landlock(void **state)
{
	(void)state;
	if (landlock_abi() < 2) {
		print_message("this kernel has no Landlock ABI 2\n");
		skip();
	}
	assert_non_null(mkdtemp(room));
	assert_exit(landlock_room, 0);
	assert_int_equal(rmdir(room), 0);
	assert_exit(landlock_read_only, 0);
	assert_exit(landlock_nothing, 0);
}

static int caps_given_up(void)
{
	if (sandbox_keep_caps(1, NULL) < 0) /* CAP_CHOWN is 0 */
		return 1;
	if (chroot("/") == 0 || errno != EPERM)
		return 2;
	/* What was given up cannot be had again. */
	if (sandbox_keep_caps(UINT64_MAX, NULL) < 0)
		return 3;
	return chroot("/") < 0 && errno == EPERM ? 0 : 4;
}

static void caps(void **state)
{
	(void)state;
	assert_exit(caps_given_up, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter),
		cmocka_unit_test(landlock),
		cmocka_unit_test(caps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
