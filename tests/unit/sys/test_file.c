/* Files, trees and locks by descriptor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/strv.h"
#include "sys/file.h"
#include "sys/lock.h"

static char root[64];

static int setup(void **state)
{
	static int fd;
	char random[17];

	random_hex(random, 8);
	(void)snprintf(root, sizeof(root), "/tmp/proa-file-%s", random);
	if (mkdir(root, 0700) < 0)
		return -1;
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &fd;
	return fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close(*(int *)*state);
	return file_remove_tree(AT_FDCWD, root, NULL);
}

static void replace_is_atomic_and_leaves_no_temporary(void **state)
{
	int dir = *(int *)*state;
	const struct file_content one = { "one", 3, 0600 }, two = { "two!", 4, 0640 };
	AUTO(buf) struct buf b = BUF_INIT(100);
	AUTO(strv) char **names = NULL;
	struct err err = { 0 };

	assert_int_equal(file_write_atomic(dir, "f", &one, 0, NULL), 0);
	assert_int_equal(file_write_atomic(dir, "f", &two, FILE_NO_REPLACE, &err), -EEXIST);
	assert_int_equal(file_write_atomic(dir, "f", &two, FILE_NO_SYNC, NULL), 0);
	assert_int_equal(file_load(dir, "f", &b, NULL), 0);
	assert_string_equal(buf_str(&b), "two!");
	assert_int_equal(file_list_dir(dir, ".", &names, NULL), 0);
	assert_int_equal(strv_len(names), 1);
}

static void mode_is_what_was_asked_for(void **state)
{
	int dir = *(int *)*state;
	const struct file_content shared = { "x", 1, 0644 };
	mode_t before = umask(077);
	struct stat st;

	assert_int_equal(file_write_atomic(dir, "f", &shared, FILE_NO_SYNC, NULL), 0);
	(void)umask(before);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void load_has_a_limit(void **state)
{
	int dir = *(int *)*state;
	const struct file_content big = { "0123456789", 10, 0600 };
	AUTO(buf) struct buf b = BUF_INIT(9);

	assert_int_equal(file_write_atomic(dir, "f", &big, FILE_NO_SYNC, NULL), 0);
	assert_int_equal(file_load(dir, "f", &b, NULL), -ERR_LIMIT);
	assert_int_equal(file_load(dir, "g", &b, NULL), -ENOENT);
}

static void unnamed_file_gets_its_name_once(void **state)
{
	int dir = *(int *)*state, fd, again;
	struct stat st;

	assert_int_equal(file_open_unnamed(dir, &fd, NULL), 0);
	assert_int_equal(file_write_all(fd, "x", 1, NULL), 0);
	assert_int_equal(file_link_unnamed(fd, dir, "f", 0400, 0, NULL), 0);
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(file_open_unnamed(dir, &again, NULL), 0);
	assert_int_equal(file_link_unnamed(again, dir, "f", 0400, 0, NULL), -EEXIST);
	close(fd);
	close(again);
}

static void copy_works_for_files_and_pipes(void **state)
{
	int dir = *(int *)*state, p[2];
	uint64_t n = 0;
	char text[8] = "";
	int in = openat(dir, "in", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int out = openat(dir, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(in, "abcdef", 6), 6);
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_int_equal(file_copy(in, out, 4, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_int_equal(write(p[1], "XYZ", 3), 3);
	close(p[1]);
	assert_int_equal(file_copy(p[0], out, UINT64_MAX, &n, NULL), 0);
	assert_int_equal(n, 3);
	assert_int_equal(file_pread_exact(out, text, 7, 0, NULL), 0);
	assert_string_equal(text, "abcdXYZ");
	assert_int_equal(file_pread_exact(out, text, 8, 0, NULL), -ERR_FORMAT);
	close(p[0]);
	close(in);
	close(out);
}

static void directories_are_made_when_missing(void **state)
{
	int dir = *(int *)*state;

	assert_int_equal(file_mkdir(dir, "a", 0700, NULL), 1);
	assert_int_equal(file_mkdir(dir, "a", 0700, NULL), 0);
	assert_int_equal(file_mkdir_path(dir, "a/b/c", 0700, NULL), 1);
	assert_int_equal(file_mkdir_path(dir, "a/b/c", 0700, NULL), 0);
	assert_int_equal(faccessat(dir, "a/b/c", F_OK, 0), 0);
}

/* Deeper than descriptors go, without any right, with links that lead out. */
static void removes_hostile_trees(void **state)
{
	int dir = *(int *)*state, at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int depth = 300;

	assert_int_equal(file_mkdir(dir, "keep", 0700, NULL), 1);
	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		assert_int_equal(mkdirat(at, "empty", 0), 0);
		assert_int_equal(symlinkat("../keep", at, "link"), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	assert_int_equal(fchmod(at, 0), 0);
	close(at);
	assert_int_equal(file_remove_tree(dir, "d", NULL), 0);
	assert_int_equal(faccessat(dir, "keep", F_OK, 0), 0);
	assert_int_equal(faccessat(dir, "d", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(file_remove_tree(dir, "link", NULL), 0);
	assert_int_equal(faccessat(dir, "keep", F_OK, 0), 0);
	assert_int_equal(file_remove_tree(dir, "absent", NULL), 0);
}

static void closed_directories_of_ours_are_opened(void **state)
{
	int dir = *(int *)*state;

	assert_int_equal(file_mkdir_path(dir, "t/a/b", 0700, NULL), 1);
	assert_int_equal(fchmodat(dir, "t/a", 0, 0), 0);
	assert_int_equal(fchmodat(dir, "t", 0500, 0), 0);
	assert_int_equal(file_remove_tree(dir, "t", NULL), 0);
	assert_int_equal(faccessat(dir, "t", F_OK, 0), -1);
}

static void private_means_ours_and_0700(void **state)
{
	int dir = *(int *)*state;
	struct err err = { 0 };

	assert_int_equal(file_check_private_dir(dir, "store", NULL), 0);
	assert_int_equal(fchmod(dir, 0750), 0);
	assert_int_equal(file_check_private_dir(dir, "store", &err), -ERR_DENIED);
	assert_string_equal(err.msg, "store is open to others (mode 0750); it must be 0700");
	assert_int_equal(fchmod(dir, 0700), 0);
}

/* The holder unlinks the file; who waited must not believe to hold what is locked by nobody. */
static void waiter_notices_a_replaced_lock(void **state)
{
	int dir = *(int *)*state, status;
	AUTO(lock) struct lock l = LOCK_INIT, mine = LOCK_INIT;
	pid_t pid;

	assert_int_equal(lock_file(dir, "lock", LOCK_EXCLUSIVE, &l, NULL), 0);
	assert_int_equal(lock_file(dir, "lock", LOCK_SHARED | LOCK_NOWAIT, &mine, NULL), -EAGAIN);
	pid = fork();
	if (pid == 0) {
		struct lock w = LOCK_INIT;

		close(l.fd);
		if (lock_file(dir, "lock", LOCK_EXCLUSIVE, &w, NULL) < 0)
			_exit(1);
		_exit(lock_is_current(dir, "lock", w.fd, NULL) == 1 ? 0 : 2);
	}
	usleep(50000);
	lock_unlink(&l, dir, "lock");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(lock_file(dir, "lock", LOCK_EXCLUSIVE | LOCK_NOWAIT, &mine, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(replace_is_atomic_and_leaves_no_temporary),
		T(mode_is_what_was_asked_for),
		T(load_has_a_limit),
		T(unnamed_file_gets_its_name_once),
		T(copy_works_for_files_and_pipes),
		T(directories_are_made_when_missing),
		T(removes_hostile_trees),
		T(closed_directories_of_ours_are_opened),
		T(private_means_ours_and_0700),
		T(waiter_notices_a_replaced_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
