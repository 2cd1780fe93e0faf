/*
 * Leases: tmp/lease.<random>, flocked by its holder, one line for each blob ("b HEX") or layer
 * ("l ID") that garbage collection has to leave alone. A line is added under the shared store lock
 * and before the thing is looked up; collection reads the leases under the exclusive lock. So
 * either the collector sees the line, or the holder sees that the thing has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/strv.h"
#include "store/store_priv.h"
#include "sys/file.h"

int store_lease_begin(struct store *s, struct err *err)
{
	AUTO(lock) struct lock birth = LOCK_INIT;
	autofree char *path = NULL;
	char random[17];
	int r;

	assert_that(s->lease.fd < 0);
	random_hex(random, 8);
	path = xasprintf("tmp/lease.%s", random);
	r = store_lock(s, LOCK_SHARED, &birth, err);
	if (r < 0)
		return r;
	r = lock_file(s->fd, path, LOCK_EXCLUSIVE, &s->lease, err);
	if (r < 0)
		return store_explain(s, err_ctx(err, r, "lease"), err);
	s->lease_path = TAKE_PTR(path);
	return 0;
}

void store_lease_end(struct store *s)
{
	if (s->lease.fd < 0)
		return;
	lock_unlink(&s->lease, s->fd, s->lease_path);
	free(TAKE_PTR(s->lease_path));
	strv_free(TAKE_PTR(s->leased));
}

int store_cover(struct store *s, const char *kind, const char *name, struct err *err)
{
	AUTO(lock) struct lock shared = LOCK_INIT;
	char line[STORE_PATH_SIZE];
	int n, r;

	if (s->lease.fd < 0)
		return 0;
	n = snprintf(line, sizeof(line), "%s %s\n", kind, name);
	assert_that(n > 0 && (size_t)n < sizeof(line));
	if (strv_contains(s->leased, line))
		return 0;
	r = store_lock(s, LOCK_SHARED, &shared, err);
	if (r < 0)
		return r;
	r = file_write_all(s->lease.fd, line, (size_t)n, err);
	if (r < 0)
		return err_ctx(err, r, "lease");
	strv_push(&s->leased, line);
	return 0;
}

int store_make_tmp_dir(struct store *s, const char *prefix, char ret_path[STORE_TMP_SIZE],
	int *ret_fd, struct err *err)
{
	AUTO(lock) struct lock birth = LOCK_INIT;
	autofd int fd = -EBADF;
	char random[17];
	int r;

	/* The sweeper works under the exclusive lock: it never sees the directory unlocked. */
	r = store_lock(s, LOCK_SHARED, &birth, err);
	if (r < 0)
		return r;
	random_hex(random, 8);
	(void)snprintf(ret_path, STORE_TMP_SIZE, "tmp/%s%s", prefix, random);
	if (mkdirat(s->fd, ret_path, 0700) < 0)
		return store_explain(s, err_sys(err, errno, "create %s", ret_path), err);
	r = file_open_dir(s->fd, ret_path, &fd, err);
	if (r < 0)
		return r;
	r = lock_fd(fd, LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
