/*
 * Plans as golden text: what a start does, in which order, without any privilege. The files are
 * tests/golden/plan/NAME.txt; UPDATE_GOLDEN=1 in the environment writes them anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/strv.h"
#include "runtime/plan.h"

static const int lower[] = { 100, 101 };

static void fill(struct spec *s, enum idmap_kind kind)
{
	spec_init(s);
	s->map.kind = kind;
	if (kind == IDMAP_RANGES) {
		s->map.uids = (struct idmap_table){ { { 0, 1000, 1 }, { 1, 100000, 65536 } }, 2 };
		s->map.gids = s->map.uids;
	} else if (kind == IDMAP_SINGLE) {
		s->map.uids = (struct idmap_table){ { { 0, 1000, 1 } }, 1 };
		s->map.gids = s->map.uids;
	}
	s->root.kind = SPEC_ROOT_OVERLAY;
	s->root.lower_fds = lower;
	s->root.n_lower = 2;
	s->root.upper_fd = 102;
	s->root.work_fd = 103;
	strv_push(&s->argv, "/bin/true");
	strv_push(&s->masked, "/proc/kcore");
	strv_push(&s->masked, "/sys/firmware");
	strv_push(&s->readonly, "/proc/sys");
}

static void write_golden(const char *path, const char *text)
{
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void compare(const struct spec *s, const char *name)
{
	AUTO(plan) struct plan *p = NULL;
	AUTO(buf) struct buf got = BUF_INIT(1 << 20);
	AUTO(buf) struct buf want = BUF_INIT(1 << 20);
	autofree char *path = xasprintf(GOLDEN "/%s.txt", name);
	autofd int fd = -EBADF;
	struct err err = { 0 };

	assert_int_equal(spec_check(s, &err), 0);
	assert_int_equal(plan_make(s, &p, &err), 0);
	plan_print(p, &got);
	if (getenv("UPDATE_GOLDEN"))
		write_golden(path, buf_str(&got));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(buf_read_fd(&want, fd, &err), 0);
	assert_string_equal(buf_str(&got), buf_str(&want));
}

static void test_root(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_NONE);
	compare(&s, "root");
}

static void test_ranges(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_RANGES);
	s.network = SPEC_NETWORK_NONE;
	s.flags |= SPEC_VOLATILE;
	compare(&s, "ranges");
}

static void test_single(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_SINGLE);
	compare(&s, "single");
}

/* The user has to be known before the map: numbers are, a name is not. */
static void test_single_users(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_SINGLE);
	s.user = xstrdup("1000:50");
	compare(&s, "single-numbers");
	free(s.user);
	s.user = xstrdup("alice");
	compare(&s, "single-name");
}

static void test_everything(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_NONE);
	s.root = (struct spec_root){ .kind = SPEC_ROOT_DIRECTORY,
		.upper_fd = -1,
		.work_fd = -1,
		.directory = xstrdup("/srv/root") };
	s.flags = SPEC_READ_ONLY | SPEC_NO_NEW_PRIVS | SPEC_INIT | SPEC_TERMINAL;
	s.network = SPEC_NETWORK_NONE;
	s.hostname = xstrdup("web");
	s.domainname = xstrdup("example.org");
	s.cwd = xstrdup("/srv");
	s.shm_size = 1 << 20;
	spec_add_bind(&s, "/inner", "/data/sub", SPEC_MOUNT_RDONLY);
	spec_add_bind(&s, "/outer", "/data/", SPEC_MOUNT_SUID | SPEC_MOUNT_NO_RECURSIVE);
	spec_add_tmpfs(&s, "/run", SPEC_MOUNT_NOEXEC, 4096, 0755);
	spec_add_file(&s, "/run/c/resolv.conf", "/etc/resolv.conf");
	spec_add_file(&s, "/run/c/hosts", "/etc/hosts");
	spec_add_bind(&s, "/own/hosts", "/etc/hosts", 0);
	spec_add_rlimit(&s, 7, 1024, 4096);
	compare(&s, "everything");
}

static void test_privileged(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_RANGES);
	s.flags = SPEC_PRIVILEGED | SPEC_NESTED;
	compare(&s, "privileged");
}

static void refused(struct spec *s, int kind, const char *text)
{
	struct err err = { 0 };

	assert_int_equal(spec_check(s, &err), -kind);
	assert_string_equal(err.msg, text);
}

static void test_refused_targets(void **state)
{
	static const char *const targets[][2] = {
		{ "/", "nothing may be mounted on /" },
		{ "/dev", "nothing may be mounted on /dev" },
		{ "//dev/./pts/", "nothing may be mounted on /dev/pts" },
		{ "/proc", "nothing may be mounted on /proc: it is inside /proc" },
		{ "/x/../proc/self", "nothing may be mounted on /proc/self: it is inside /proc" },
		{ "/sys/fs/cgroup", "nothing may be mounted on /sys/fs/cgroup: it is inside /sys" },
		{ "data", "mount path data has to be absolute" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		AUTO(spec) struct spec s;

		fill(&s, IDMAP_NONE);
		spec_add_bind(&s, "/src", targets[i][0], 0);
		refused(&s, i == 6 ? ERR_USAGE : ERR_DENIED, targets[i][1]);
	}
}

static void test_allowed_targets(void **state)
{
	static const char *const targets[] = { "/procfs", "/sysroot", "/device", "/dev/shm",
		"/dev/fuse", "/a/proc" };

	(void)state;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		AUTO(spec) struct spec s;

		fill(&s, IDMAP_NONE);
		spec_add_bind(&s, "/src", targets[i], 0);
		assert_int_equal(spec_check(&s, NULL), 0);
	}
}

static void test_refused_rest(void **state)
{
	AUTO(spec) struct spec s;

	(void)state;
	fill(&s, IDMAP_NONE);
	s.cwd = xstrdup("srv");
	refused(&s, ERR_USAGE,
		"the working directory 'srv' is invalid, it needs to be an absolute path");
	free(s.cwd);
	s.cwd = NULL;
	spec_add_bind(&s, "/src", "/a", 0);
	spec_add_tmpfs(&s, "/a/.", 0, 0, 0);
	refused(&s, ERR_USAGE, "Duplicate mount point: /a");
	s.mounts[1].target[1] = 'b';
	strv_push(&s.masked, "/etc/shadow");
	refused(&s, ERR_USAGE, "/etc/shadow cannot be masked: it is not below /proc or /sys");
	strv_free(s.argv);
	s.argv = NULL;
	refused(&s, ERR_USAGE, "no command specified");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_single),
		cmocka_unit_test(test_single_users),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_refused_targets),
		cmocka_unit_test(test_allowed_targets),
		cmocka_unit_test(test_refused_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
