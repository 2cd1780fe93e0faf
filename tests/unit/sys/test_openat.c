/*
 * Opening and making things below a root that an image arranged: links, dots, loops. Every case
 * runs beside a canary directory, which has to stay untouched and unseen.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/file.h"
#include "sys/openat.h"

struct world {
	char path[32];
	int top, root;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	memcpy(w->path, "/tmp/proa-openat-XXXXXX", 24);
	assert_non_null(mkdtemp(w->path));
	w->top = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->top, "root", 0755), 0);
	assert_int_equal(mkdirat(w->top, "canary", 0755), 0);
	w->root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->root >= 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	/* Not empty: something got out of the root. */
	assert_int_equal(unlinkat(w->top, "canary", AT_REMOVEDIR), 0);
	close(w->root);
	close(w->top);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->path, NULL), 0);
	free(w);
	return 0;
}

static bool is_inside(const struct world *w, int fd, const char *path)
{
	struct stat got, want;

	return fstat(fd, &got) == 0 && fstatat(w->root, path, &want, AT_SYMLINK_NOFOLLOW) == 0 &&
	       got.st_dev == want.st_dev && got.st_ino == want.st_ino;
}

static void make_dirs(const struct world *w, const char *path, const char *where)
{
	autofd int fd = openat_make_dirs(w->root, path, 0755);

	assert_true(fd >= 0);
	assert_true(is_inside(w, fd, where));
}

static void make_file(const struct world *w, const char *path, const char *where)
{
	autofd int fd = openat_make_file(w->root, path, 0755, 0644);

	assert_true(fd >= 0);
	assert_true(is_inside(w, fd, where));
}

static void put_link(const struct world *w, const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, w->root, name), 0);
}

static void test_plain(void **state)
{
	const struct world *w = *state;

	make_dirs(w, "/a/b//c/", "a/b/c");
	make_dirs(w, "a/./b/../d", "a/d");
	make_dirs(w, "/", ".");
	make_dirs(w, "../../../x", "x");
	make_file(w, "/e/f/g", "e/f/g");
	make_file(w, "/h", "h");
	make_file(w, "e/f/g", "e/f/g");
}

static void test_links_stay_inside(void **state)
{
	const struct world *w = *state;

	put_link(w, "/../../canary", "absolute");
	put_link(w, "../../canary", "relative");
	put_link(w, w->path, "named");
	make_dirs(w, "/absolute/in", "canary/in");
	make_dirs(w, "/relative/in2", "canary/in2");
	make_file(w, "/absolute/f", "canary/f");
	/* The link names a directory of the host: inside, that path is made anew. */
	make_dirs(w, "/named", w->path + 1);
}

static void test_dangling_file_link(void **state)
{
	const struct world *w = *state;

	assert_int_equal(mkdirat(w->root, "etc", 0755), 0);
	put_link(w, "../run/stub.conf", "etc/resolv.conf");
	make_file(w, "/etc/resolv.conf", "run/stub.conf");
	put_link(w, "/../../canary/made", "etc/hosts");
	make_file(w, "/etc/hosts", "canary/made");
}

static void test_loops_and_wrong_types(void **state)
{
	const struct world *w = *state;

	put_link(w, "b", "a");
	put_link(w, "a", "b");
	assert_int_equal(openat_make_dirs(w->root, "/a/x", 0755), -ELOOP);
	assert_int_equal(openat_make_file(w->root, "/a", 0755, 0644), -ELOOP);
	make_file(w, "/file", "file");
	assert_int_equal(openat_make_dirs(w->root, "/file", 0755), -ENOTDIR);
	assert_int_equal(openat_make_dirs(w->root, "/file/x", 0755), -ENOTDIR);
	assert_int_equal(openat_make_file(w->root, "/file/x", 0755, 0644), -ENOTDIR);
}

/* Containers that start at once and share a directory make the same places in it. */
static void make_all(const struct world *w, int start)
{
	char c;

	(void)!read(start, &c, 1);
	for (int i = 0; i < 2000; i++) {
		char path[40];
		autofd int dir = -EBADF, file = -EBADF;

		(void)snprintf(path, sizeof(path), "/race/%d/a", i);
		dir = openat_make_dirs(w->root, path, 0755);
		(void)snprintf(path, sizeof(path), "/race/%d/f", i);
		file = openat_make_file(w->root, path, 0755, 0644);
		if (dir < 0 || file < 0)
			_exit(1);
	}
	_exit(0);
}

static void test_made_by_many_at_once(void **state)
{
	const struct world *w = *state;
	int start[2], status;

	assert_int_equal(pipe(start), 0);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0) {
			close(start[1]);
			make_all(w, start[0]);
		}
	}
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < 4; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
}

static void test_strict(void **state)
{
	const struct world *w = *state;
	autofd int fd = -EBADF;

	make_dirs(w, "real/sub", "real/sub");
	put_link(w, "real", "link");
	fd = openat_strict(w->root, "real/sub", O_PATH | O_DIRECTORY, 0);
	assert_true(fd >= 0);
	assert_int_equal(openat_strict(w->root, "link", O_PATH, 0), -ELOOP);
	assert_int_equal(openat_strict(w->root, "link/sub", O_PATH, 0), -ELOOP);
	assert_int_equal(openat_strict(w->root, "../canary", O_PATH, 0), -EXDEV);
}

static void test_magic_links(void **state)
{
	autofd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(openat_in_root(proc, "/self/root/etc", O_PATH, 0), -ELOOP);
	assert_int_equal(openat_in_root(proc, "self/fd/0", O_PATH, 0), -ELOOP);
}

static void test_read(void **state)
{
	const struct world *w = *state;
	char text[16];
	autofd int fd = openat(w->root, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, "0123456789", 10), 10);
	assert_int_equal(openat_read_in_root(w->root, "/f", text, sizeof(text)), 10);
	assert_memory_equal(text, "0123456789", 10);
	assert_int_equal(openat_read_in_root(w->root, "/f", text, 10), 10);
	assert_int_equal(openat_read_in_root(w->root, "/f", text, 9), -EFBIG);
	assert_int_equal(mkfifoat(w->root, "fifo", 0644), 0);
	assert_int_equal(openat_read_in_root(w->root, "/fifo", text, sizeof(text)), -EINVAL);
	assert_int_equal(openat_read_in_root(w->root, "/", text, sizeof(text)), -EINVAL);
	assert_int_equal(openat_read_in_root(w->root, "/no", text, sizeof(text)), -ENOENT);
	put_link(w, "/../../../../etc/passwd", "out");
	assert_int_equal(openat_read_in_root(w->root, "/out", text, sizeof(text)), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links_stay_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dangling_file_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loops_and_wrong_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_by_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_magic_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
