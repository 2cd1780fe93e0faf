#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "fixture.h"
#include "sys/file.h"

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };
	char random[17];

	random_hex(random, 8);
	(void)snprintf(f->root, sizeof(f->root), "/tmp/proa-unit-%s", random);
	if (store_open(f->root, NULL, &f->store, &err) < 0) {
		print_error("%s\n", err.msg);
		return -1;
	}
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	(void)!file_remove_tree(AT_FDCWD, f->root, NULL);
	free(f);
	return 0;
}

struct store *fixture_reopen(void **state)
{
	struct fixture *f = *state;
	struct store *s;

	assert_int_equal(store_open(f->root, NULL, &s, NULL), 0);
	return s;
}

bool fixture_exists(void **state, const char *path)
{
	struct fixture *f = *state;

	return faccessat(store_dirfd(f->store), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int fixture_in_child(int (*fn)(void **state), void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
