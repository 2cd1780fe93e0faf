/* Blobs, ingests, layers: what becomes visible when, and what a dead process leaves. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strv.h"
#include "fixture.h"
#include "store/blob.h"
#include "store/imagedb.h"
#include "store/ingest.h"
#include "store/layer.h"
#include "sys/file.h"

#define LAYER "1111111111111111111111111111111111111111111111111111111111111111.root"

static void blob_is_pending_until_synced(void **state)
{
	struct fixture *f = *state;
	AUTO(store) struct store *other = fixture_reopen(state);
	AUTO(buf) struct buf b = BUF_INIT(100);
	struct digest d;
	uint64_t size = 0;
	char path[128];
	struct stat st;

	assert_int_equal(blob_put(f->store, "hello", 5, &d, NULL), 0);
	assert_string_equal(
		d.text, "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s", digest_hex(&d));
	assert_false(fixture_exists(state, path));
	assert_int_equal(blob_has(other, &d, &size, NULL), 1);
	assert_int_equal(size, 5);
	assert_int_equal(store_sync(f->store, NULL), 0);
	assert_int_equal(fstatat(store_dirfd(f->store), path, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	/* The other one saw the pending name, and finds its work done. */
	assert_int_equal(store_sync(other, NULL), 0);
	assert_int_equal(blob_read_all(other, &d, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "hello");
}

static void blob_of_another_boot_is_not_used(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct digest d;
	char path[128];
	int fd;

	digest_of("old", 3, &d);
	(void)snprintf(path, sizeof(path), "blobs/sha256/%s~00000000", digest_hex(&d));
	fd = openat(store_dirfd(f->store), path, O_CREAT | O_WRONLY | O_CLOEXEC, 0400);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(blob_has(f->store, &d, NULL, NULL), 0);
	assert_int_equal(blob_open(f->store, &d, &fd, &err), -ERR_NOT_FOUND);
	/* Looked at once in each boot. */
	store_sweep(f->store);
	assert_true(fixture_exists(state, path));
	assert_int_equal(unlinkat(store_dirfd(f->store), "locks/boot", 0), 0);
	store_sweep(f->store);
	assert_false(fixture_exists(state, path));
}

static void ingest_resumes_and_publishes(void **state)
{
	struct fixture *f = *state;
	struct ingest *ing = NULL;
	AUTO(buf) struct buf b = BUF_INIT(100);
	struct digest d;

	digest_of("0123456789", 10, &d);
	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 0);
	assert_int_equal(ingest_offset(ing), 0);
	assert_int_equal(write(ingest_fd(ing), "01234", 5), 5);
	ingest_abort(ing);

	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 0);
	assert_int_equal(ingest_offset(ing), 5);
	assert_int_equal(write(ingest_fd(ing), "56789", 5), 5);
	assert_int_equal(ingest_commit(ing, NULL), 0);
	assert_int_equal(blob_read_all(f->store, &d, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "0123456789");

	ing = NULL;
	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 1);
	assert_null(ing);
}

static void ingest_of_wrong_size_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct ingest *ing = NULL;
	struct digest d;

	digest_of("0123456789", 10, &d);
	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 0);
	assert_int_equal(write(ingest_fd(ing), "01234", 5), 5);
	assert_int_equal(ingest_commit(ing, &err), -ERR_DIGEST);
	assert_non_null(strstr(err.msg, ": 5 bytes came, 10 were announced"));
	assert_int_equal(blob_has(f->store, &d, NULL, NULL), 0);
	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 0);
	assert_int_equal(ingest_offset(ing), 0);
	ingest_discard(ing);
}

static int ingest_is_busy(void **state)
{
	AUTO(store) struct store *s = fixture_reopen(state);
	struct ingest *ing;
	struct digest d;

	digest_of("0123456789", 10, &d);
	return ingest_begin(s, &d, 10, INGEST_NOWAIT, &ing, NULL) == -EAGAIN ? 0 : 1;
}

/* A second puller waits and then learns that the bytes are there. */
static void ingest_waiter_finds_the_blob(void **state)
{
	struct fixture *f = *state;
	struct ingest *ing = NULL;
	struct digest d;
	int status;
	pid_t pid;

	digest_of("0123456789", 10, &d);
	assert_int_equal(ingest_begin(f->store, &d, 10, INGEST_WAIT, &ing, NULL), 0);
	assert_int_equal(fixture_in_child(ingest_is_busy, state), 0);
	pid = fork();
	if (pid == 0) {
		struct store *s = fixture_reopen(state);
		struct ingest *mine = NULL;

		/* The inherited descriptor would keep the lock. */
		close(ingest_fd(ing));
		_exit(ingest_begin(s, &d, 10, INGEST_WAIT, &mine, NULL) == 1 ? 0 : 1);
	}
	usleep(50000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(write(ingest_fd(ing), "0123456789", 10), 10);
	assert_int_equal(ingest_commit(ing, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void fill_layer(struct layer_txn *txn)
{
	int fd = openat(layer_txn_tree(txn), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static void layer_is_visible_after_commit(void **state)
{
	struct fixture *f = *state;
	AUTO(buf) struct buf b = BUF_INIT(100);
	struct layer_txn *txn = NULL;
	struct err err = { 0 };
	autofd int fd = -EBADF;

	assert_int_equal(layer_open_fs(f->store, LAYER, &fd, &err), -ERR_NOT_FOUND);
	assert_string_equal(err.msg, "layer " LAYER " is not in the store");
	assert_int_equal(layer_begin(f->store, LAYER, LAYER_WAIT, &txn, NULL), 0);
	fill_layer(txn);
	assert_int_equal(layer_has(f->store, LAYER, NULL), 0);
	assert_int_equal(layer_commit(txn, "{}", 2, NULL), 0);
	assert_int_equal(layer_has(f->store, LAYER, NULL), 1);
	txn = NULL;
	assert_int_equal(layer_begin(f->store, LAYER, LAYER_WAIT, &txn, NULL), 1);
	assert_null(txn);
	assert_int_equal(layer_read_meta(f->store, LAYER, &b, NULL), 0);
	assert_string_equal(buf_str(&b), "{}");
	assert_int_equal(store_sync(f->store, NULL), 0);
	assert_true(fixture_exists(state, "layers/" LAYER "/fs/file"));
	assert_int_equal(layer_open_fs(f->store, LAYER, &fd, NULL), 0);
	/* No lock file stays behind. */
	assert_false(fixture_exists(state, "locks/layer-" LAYER));
}

static void aborted_layer_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO(strv) char **names = NULL;
	struct layer_txn *txn = NULL;

	assert_int_equal(layer_begin(f->store, LAYER, LAYER_WAIT, &txn, NULL), 0);
	fill_layer(txn);
	layer_abort(txn);
	assert_int_equal(layer_has(f->store, LAYER, NULL), 0);
	for (const char *const *d = (const char *const[]){ "tmp", "trash", "layers", NULL }; *d;
		d++) {
		assert_int_equal(file_list_dir(store_dirfd(f->store), *d, &names, NULL), 0);
		assert_int_equal(strv_len(names), 0);
		strv_free(TAKE_PTR(names));
	}
}

/* kill -9 while a layer is filled: invisible, and the next command removes it. */
static void killed_layer_is_swept(void **state)
{
	struct fixture *f = *state;
	AUTO(strv) char **names = NULL;
	int status, ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct store *s = fixture_reopen(state);
		struct layer_txn *txn;

		if (layer_begin(s, LAYER, LAYER_WAIT, &txn, NULL) < 0)
			_exit(1);
		fill_layer(txn);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	/* Alive: the sweep leaves it alone. */
	store_sweep(f->store);
	assert_int_equal(file_list_dir(store_dirfd(f->store), "tmp", &names, NULL), 0);
	assert_int_equal(strv_len(names), 1);
	strv_free(TAKE_PTR(names));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(layer_has(f->store, LAYER, NULL), 0);
	store_sweep(f->store);
	assert_int_equal(file_list_dir(store_dirfd(f->store), "tmp", &names, NULL), 0);
	assert_int_equal(strv_len(names), 0);
	assert_int_equal(file_list_dir(store_dirfd(f->store), "trash", &names, NULL), 0);
	assert_int_equal(strv_len(names), 0);
	close(ready[0]);
	close(ready[1]);
}

/* A download that nobody goes on with is kept for a week; a held one for ever. */
static void stale_download_is_swept(void **state)
{
	struct fixture *f = *state;
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct ingest *held = NULL, *dead = NULL, *young = NULL;
	struct digest a, b, c;
	char path[100];

	digest_of("a", 1, &a);
	digest_of("b", 1, &b);
	digest_of("c", 1, &c);
	assert_int_equal(ingest_begin(f->store, &a, 1, INGEST_WAIT, &held, NULL), 0);
	assert_int_equal(ingest_begin(f->store, &b, 1, INGEST_WAIT, &dead, NULL), 0);
	assert_int_equal(ingest_begin(f->store, &c, 1, INGEST_WAIT, &young, NULL), 0);
	assert_int_equal(futimens(ingest_fd(held), old), 0);
	assert_int_equal(futimens(ingest_fd(dead), old), 0);
	ingest_abort(dead);
	ingest_abort(young);
	store_sweep(f->store);
	(void)snprintf(path, sizeof(path), "ingest/%s", digest_hex(&a));
	assert_true(fixture_exists(state, path));
	(void)snprintf(path, sizeof(path), "ingest/%s", digest_hex(&b));
	assert_false(fixture_exists(state, path));
	(void)snprintf(path, sizeof(path), "ingest/%s", digest_hex(&c));
	assert_true(fixture_exists(state, path));
	ingest_abort(held);
}

static void chain_ids_follow_the_specification(void **state)
{
	struct digest diff[2], chain[2], expected;
	char text[200];

	(void)state;
	digest_of("a", 1, &diff[0]);
	digest_of("b", 1, &diff[1]);
	layer_chain_ids(diff, 2, chain);
	assert_true(digest_equal(&chain[0], &diff[0]));
	(void)snprintf(text, sizeof(text), "%s %s", diff[0].text, diff[1].text);
	digest_of(text, strlen(text), &expected);
	assert_true(digest_equal(&chain[1], &expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(blob_is_pending_until_synced),
		T(blob_of_another_boot_is_not_used),
		T(ingest_resumes_and_publishes),
		T(ingest_of_wrong_size_is_dropped),
		T(ingest_waiter_finds_the_blob),
		T(layer_is_visible_after_commit),
		T(aborted_layer_leaves_nothing),
		T(killed_layer_is_swept),
		T(stale_download_is_swept),
		T(chain_ids_follow_the_specification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
