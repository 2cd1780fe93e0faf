#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "fixture.h"
#include "sys/file.h"

static void new_store_is_private_and_complete(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	for (const char *const *p = (const char *const[]){ "version", "locks", "tmp", "trash",
		     "ingest", "blobs/sha256", "layers", "images", "containers", "names", NULL };
		*p; p++)
		assert_true(fixture_exists(state, *p));
}

static void another_format_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct file_content future = { .data = "99\n", .len = 3, .mode = 0600 };
	struct err err = { 0 };
	struct store *s = NULL;
	char expected[256];

	assert_int_equal(file_write_atomic(store_dirfd(f->store), "version", &future, 0, NULL), 0);
	assert_int_equal(store_open(f->root, NULL, &s, &err), -ERR_UNSUPPORTED);
	(void)snprintf(expected, sizeof(expected),
		"store: %s has store format \"99\"; this proa knows only 1", f->root);
	assert_string_equal(err.msg, expected);
	assert_null(s);
}

static void open_to_others_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct store *s;

	assert_int_equal(chmod(f->root, 0755), 0);
	assert_int_equal(store_open(f->root, NULL, &s, &err), -ERR_DENIED);
	assert_non_null(strstr(err.msg, "is open to others (mode 0755)"));
	assert_int_equal(chmod(f->root, 0700), 0);
}

static void foreign_directory_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct store *s;
	char path[128], file[160];

	(void)snprintf(path, sizeof(path), "%s/cache/foreign", f->root);
	(void)snprintf(file, sizeof(file), "%s/letter.txt", path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)), 0);
	assert_int_equal(store_open(path, NULL, &s, &err), -ERR_DENIED);
	assert_non_null(strstr(err.msg, "is not a proa store and not empty (letter.txt)"));
	assert_int_equal(unlink(file), 0);
	/* Empty, it is taken, and closed to others. */
	assert_int_equal(store_open(path, NULL, &s, &err), 0);
	store_close(s);
	assert_int_equal(rename(path, path), 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void run_directory_is_verified(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct store *s;
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/cache/run", f->root);
	assert_int_equal(store_open(f->root, path, &s, NULL), 0);
	assert_int_equal(store_rundir(s, &fd, NULL), 0);
	assert_string_equal(store_rundir_path(s), path);
	assert_int_equal(file_check_private_dir(fd, "run", NULL), 0);
	store_close(s);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(store_open(f->root, path, &s, NULL), 0);
	assert_int_equal(store_rundir(s, &fd, &err), -ERR_DENIED);
	assert_non_null(strstr(err.msg, "is open to others (mode 0777); it must be 0700"));
	store_close(s);
}

static int fails_to_lock(void **state)
{
	struct store *s = fixture_reopen(state);
	struct lock l = LOCK_INIT;

	return store_lock(s, LOCK_EXCLUSIVE | LOCK_NOWAIT, &l, NULL) == -EAGAIN ? 0 : 1;
}

static int shares_lock(void **state)
{
	struct store *s = fixture_reopen(state);
	struct lock l = LOCK_INIT;

	return store_lock(s, LOCK_SHARED | LOCK_NOWAIT, &l, NULL) == 0 ? 0 : 1;
}

static void lock_is_shared_or_exclusive(void **state)
{
	struct fixture *f = *state;
	AUTO(lock) struct lock l = LOCK_INIT;

	assert_int_equal(store_lock(f->store, LOCK_SHARED, &l, NULL), 0);
	assert_int_equal(fixture_in_child(shares_lock, state), 0);
	assert_int_equal(fixture_in_child(fails_to_lock, state), 0);
	lock_done(&l);
	assert_int_equal(fixture_in_child(fails_to_lock, state), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(new_store_is_private_and_complete),
		T(another_format_is_refused),
		T(open_to_others_is_refused),
		T(foreign_directory_is_refused),
		T(run_directory_is_verified),
		T(lock_is_shared_or_exclusive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
