#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strv.h"
#include "fixture.h"
#include "store/container_dir.h"
#include "sys/file.h"

static int create(struct store *s, const char *name, struct container_dir *ret, struct err *err)
{
	char id[CONTAINER_ID_LEN + 1];

	container_dir_new_id(id);
	return container_dir_create(s,
		&(struct container_new){ .id = id,
			.name = name,
			.config = "{}",
			.config_len = 2,
			.flags = CONTAINER_EPHEMERAL },
		ret, err);
}

static size_t count(struct store *s, const char *dir)
{
	AUTO(strv) char **names = NULL;

	assert_int_equal(file_list_dir(store_dirfd(s), dir, &names, NULL), 0);
	return strv_len(names);
}

static void created_one_is_found_and_removed(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	char id[CONTAINER_ID_LEN + 1], prefix[6];
	struct err err = { 0 };
	struct stat st;

	assert_ok(create(f->store, "web", &dir, &err), err);
	assert_int_equal(fstatat(dir.fd, "upper", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_ok(container_dir_find(f->store, "web", id, &err), err);
	assert_string_equal(id, dir.id);
	assert_ok(container_dir_find(f->store, "/web", id, &err), err);
	assert_ok(container_dir_find(f->store, dir.id, id, &err), err);
	memcpy(prefix, dir.id, 5);
	prefix[5] = '\0';
	assert_ok(container_dir_find(f->store, prefix, id, &err), err);
	assert_string_equal(id, dir.id);
	assert_ok(container_dir_remove(f->store, &dir, "web", NULL, &err), err);
	assert_int_equal(container_dir_find(f->store, "web", id, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "No such container: web");
	assert_int_equal(count(f->store, "containers"), 0);
	assert_int_equal(count(f->store, "names"), 0);
	assert_int_equal(count(f->store, "trash"), 0);
}

/* As if the machine had been started again since the last sweep. */
static void next_boot(struct store *s)
{
	const struct file_content mark = { .data = "00000000", .len = 8, .mode = 0600 };

	assert_int_equal(
		file_write_atomic(store_dirfd(s), "locks/boot", &mark, FILE_NO_SYNC, NULL), 0);
	store_sweep(s);
}

static void reboot_forgets_what_is_ephemeral(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir held = CONTAINER_DIR_INIT;
	AUTO(container_dir) struct container_dir kept = CONTAINER_DIR_INIT;
	struct container_dir left = CONTAINER_DIR_INIT;
	struct err err = { 0 };

	assert_ok(create(f->store, "left", &left, &err), err);
	assert_ok(create(f->store, "held", &held, &err), err);
	assert_ok(create(f->store, "kept", &kept, &err), err);
	assert_true(container_dir_is_ephemeral(&kept));
	assert_ok(container_dir_keep(f->store, &kept, &err), err);
	assert_false(container_dir_is_ephemeral(&kept));
	container_dir_done(&left);
	container_dir_unlock(&kept);
	store_sweep(f->store);
	assert_int_equal(count(f->store, "containers"), 3);
	next_boot(f->store);
	assert_int_equal(count(f->store, "containers"), 2);
	assert_int_equal(count(f->store, "trash"), 0);
	container_dir_unlock(&held);
	next_boot(f->store);
	assert_int_equal(count(f->store, "containers"), 1);
}

/* A removal that was killed behind its first step. */
static void begun_removal_is_ended_by_the_sweep(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir next = CONTAINER_DIR_INIT;
	struct container_dir dir = CONTAINER_DIR_INIT;
	char path[100], hidden[100];
	struct err err = { 0 };

	assert_ok(create(f->store, "web", &dir, &err), err);
	(void)snprintf(path, sizeof(path), "containers/%s", dir.id);
	(void)snprintf(hidden, sizeof(hidden), "containers/.%s", dir.id);
	assert_int_equal(renameat(store_dirfd(f->store), path, store_dirfd(f->store), hidden), 0);
	container_dir_done(&dir);
	store_sweep(f->store);
	assert_int_equal(count(f->store, "containers"), 0);
	assert_ok(create(f->store, "web", &next, &err), err);
}

static void names_are_unique(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir one = CONTAINER_DIR_INIT, two = CONTAINER_DIR_INIT;
	char expected[400];
	struct err err = { 0 };

	assert_ok(create(f->store, "web", &one, &err), err);
	assert_int_equal(create(f->store, "web", &two, &err), -ERR_EXISTS);
	(void)snprintf(expected, sizeof(expected),
		"container: Conflict. The container name \"/web\" is already in use by container "
		"\"%s\". "
		"You have to remove (or rename) that container to be able to reuse that name.",
		one.id);
	assert_string_equal(err.msg, expected);
	assert_int_equal(count(f->store, "containers"), 1);
	assert_int_equal(count(f->store, "trash"), 0);
}

static void bad_names_are_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(container_dir_check_name("a/b", &err), -ERR_USAGE);
	assert_string_equal(err.msg,
		"Invalid container name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
	assert_int_equal(container_dir_check_name("", &err), -ERR_USAGE);
	assert_int_equal(container_dir_check_name("a", &err), -ERR_USAGE);
	assert_int_equal(container_dir_check_name("..", &err), -ERR_USAGE);
	assert_int_equal(container_dir_check_name("-x", &err), -ERR_USAGE);
	assert_int_equal(container_dir_check_name("a.B_c-9", &err), 0);
}

static void stale_name_is_taken_over(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	char id[CONTAINER_ID_LEN + 1];
	struct err err = { 0 };

	container_dir_new_id(id);
	id[48] = '\0';
	assert_int_equal(symlinkat(id, store_dirfd(f->store), "names/web"), 0);
	assert_ok(create(f->store, "web", &dir, &err), err);
	assert_ok(container_dir_find(f->store, "web", id, &err), err);
	assert_string_equal(id, dir.id);
}

static void lock_tells_who_lives(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir)
	struct container_dir keeper = CONTAINER_DIR_INIT, other = CONTAINER_DIR_INIT;
	char expected[100];
	struct err err = { 0 };

	assert_ok(create(f->store, "web", &keeper, &err), err);
	assert_ok(container_dir_open(f->store, keeper.id, &other, &err), err);
	assert_int_equal(container_dir_is_alive(&other, NULL), 1);
	assert_int_equal(container_dir_lock(f->store, &other, &err), -ERR_WRONG_STATE);
	(void)snprintf(expected, sizeof(expected), "container %.12s is in use by another process",
		keeper.id);
	assert_string_equal(err.msg, expected);
	container_dir_unlock(&keeper);
	assert_int_equal(container_dir_is_alive(&other, NULL), 0);
	assert_int_equal(container_dir_lock(f->store, &other, &err), 0);
	assert_int_equal(container_dir_is_alive(&keeper, NULL), 1);
	assert_ok(container_dir_remove(f->store, &other, "web", NULL, &err), err);
	assert_int_equal(container_dir_lock(f->store, &keeper, &err), -ERR_NOT_FOUND);
}

static void killed_creation_is_swept(void **state)
{
	struct fixture *f = *state;
	char id[CONTAINER_ID_LEN + 1], hidden[100];

	container_dir_new_id(id);
	(void)snprintf(hidden, sizeof(hidden), "containers/.%s", id);
	assert_int_equal(mkdirat(store_dirfd(f->store), hidden, 0700), 0);
	store_sweep(f->store);
	assert_int_equal(count(f->store, "containers"), 0);
	assert_int_equal(count(f->store, "trash"), 0);
}

/* Two hundred processes make, look for and remove theirs at once, half of them want one name. */
static void many_at_once(void **state)
{
	struct fixture *f = *state;
	int failed = 0, won = 0, status;

	for (int i = 0; i < 200; i++) {
		if (fork() == 0) {
			struct store *s = fixture_reopen(state);
			struct container_dir dir = CONTAINER_DIR_INIT;
			char name[16], id[CONTAINER_ID_LEN + 1];
			bool shared = i % 2;
			int r;

			(void)snprintf(name, sizeof(name), "n%d", shared ? 1000 : i);
			r = create(s, name, &dir, NULL);
			if (shared && r == -ERR_EXISTS)
				_exit(2);
			if (r < 0 || container_dir_find(s, name, id, NULL) < 0 ||
				strcmp(id, dir.id))
				_exit(1);
			if (!shared && container_dir_remove(s, &dir, name, NULL, NULL) < 0)
				_exit(1);
			_exit(shared ? 3 : 0);
		}
	}
	for (int i = 0; i < 200; i++) {
		assert_true(wait(&status) > 0);
		failed += !WIFEXITED(status) || WEXITSTATUS(status) == 1;
		won += WIFEXITED(status) && WEXITSTATUS(status) == 3;
	}
	assert_int_equal(failed, 0);
	assert_int_equal(won, 1);
	assert_int_equal(count(f->store, "containers"), 1);
	assert_int_equal(count(f->store, "names"), 1);
	assert_int_equal(count(f->store, "trash"), 0);
}

static void uses_are_reported(void **state)
{
	struct fixture *f = *state;
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	AUTO(container_uses) struct container_uses uses = { 0 };
	const char *config =
		"{\"name\":\"web\",\"image_id\":\"sha256:x\",\"layers\":[\"l1\",\"l2\"]}";
	struct err err = { 0 };

	assert_ok(create(f->store, "web", &dir, &err), err);
	assert_ok(container_dir_write(
			  &dir, "config.json", config, strlen(config), FILE_NO_SYNC, &err),
		err);
	assert_ok(container_dir_uses(f->store, &uses, &err), err);
	assert_int_equal(uses.n, 1);
	assert_string_equal(uses.items[0].id, dir.id);
	assert_string_equal(uses.items[0].name, "web");
	assert_string_equal(uses.items[0].image_id, "sha256:x");
	assert_int_equal(strv_len(uses.items[0].layers), 2);
	assert_true(uses.items[0].alive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(created_one_is_found_and_removed),
		T(reboot_forgets_what_is_ephemeral),
		T(begun_removal_is_ended_by_the_sweep),
		T(names_are_unique),
		T(bad_names_are_refused),
		T(stale_name_is_taken_over),
		T(lock_tells_who_lives),
		T(killed_creation_is_swept),
		T(many_at_once),
		T(uses_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
