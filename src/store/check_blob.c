/* Blobs: what they are called, and whether they are what they are called. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/digest.h"
#include "store/check_priv.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define CHUNK	  (256 * 1024)
#define BLOB_MODE 0400

/* "HEX" or "HEX~BOOT", whose first part goes to ret. A boot that is over is not accepted. */
static bool is_blob_name(struct store *s, const char *name, char ret_hex[DIGEST_HEX_LEN + 1])
{
	size_t len = strlen(name);

	if (store_split_mark(s, name, &len) == 2 || len != DIGEST_HEX_LEN ||
		!str_is_hex_lower(name, DIGEST_HEX_LEN))
		return false;
	memcpy(ret_hex, name, DIGEST_HEX_LEN);
	ret_hex[DIGEST_HEX_LEN] = '\0';
	return true;
}

static void check_mode(struct check *c, const char *path, const char *thing, const struct stat *st)
{
	if (st->st_uid != geteuid())
		check_found(c, thing, "give it back to the store's owner: chown",
			"it belongs to user %u", (unsigned)st->st_uid);
	if ((st->st_mode & 07777) == BLOB_MODE)
		return;
	check_found(c, thing, CHECK_CURE_REPAIR, "its mode is %04o, not %04o",
		(unsigned)(st->st_mode & 07777), BLOB_MODE);
	if ((c->flags & CHECK_REPAIR) && fchmodat(c->store->fd, path, BLOB_MODE, 0) == 0)
		check_repaired(c);
}

static int check_blob(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("blobs/sha256/%s", name), *thing = NULL;
	char hex[DIGEST_HEX_LEN + 1];
	struct stat st;

	(void)err;
	if (file_is_temporary(name))
		return 0; /* somebody is at it: those of the dead are swept */
	if (fstatat(c->store->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!is_blob_name(c->store, name, hex) || !S_ISREG(st.st_mode)) {
		check_stray(c, path, "it is no blob");
		return 0;
	}
	c->n_blobs++;
	thing = xasprintf("blob sha256:%s", hex);
	check_mode(c, path, thing, &st);
	return 0;
}

int check_blobs(struct check *c, struct err *err)
{
	return check_each(c, "blobs/sha256", check_blob, err);
}

static int hash_file(int fd, char ret_hex[HASH_HEX_LEN + 1], struct err *err)
{
	AUTO(hash) struct hash *h = hash_new();
	autofree char *chunk = xmalloc(CHUNK);
	ssize_t n;

	while ((n = file_read(fd, chunk, CHUNK, err)) > 0)
		hash_update(h, chunk, (size_t)n);
	if (n < 0)
		return (int)n;
	hash_final_hex(h, ret_hex);
	return 0;
}

/* Only the very file that was read: a good one may have taken its place. */
static void discard_bad(struct check *c, const char *path, int fd)
{
	AUTO(lock) struct lock l = LOCK_INIT;
	struct err why = { 0 };
	int r = store_lock(c->store, LOCK_EXCLUSIVE, &l, &why);

	if (r >= 0 && lock_is_current(c->store->fd, path, fd, NULL) == 1)
		r = check_discard(c, path, &why);
	if (r >= 0)
		check_repaired(c);
	else
		log_debug("check: %s", why.msg);
}

static int check_content(struct check *c, const char *name, struct err *err)
{
	autofree char *path = xasprintf("blobs/sha256/%s", name), *thing = NULL;
	char hex[DIGEST_HEX_LEN + 1], found[HASH_HEX_LEN + 1];
	autofd int fd = -EBADF;
	struct err why = { 0 };
	int r;

	(void)err;
	if (!is_blob_name(c->store, name, hex))
		return 0;
	fd = openat(c->store->fd, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	/* Published or removed since the directory was read. */
	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? err_sys(&why, errno, "open") : hash_file(fd, found, &why);
	if (r >= 0 && str_eq(hex, found))
		return 0;
	thing = xasprintf("blob sha256:%s", hex);
	if (r < 0)
		check_found(c, thing, CHECK_CURE_REPAIR, "it cannot be read: %s", why.msg);
	else
		check_found(
			c, thing, CHECK_CURE_REPAIR, "its content has the digest sha256:%s", found);
	strv_pushf(&c->bad_blobs, "sha256:%s", hex);
	if ((c->flags & CHECK_REPAIR) && fd >= 0)
		discard_bad(c, path, fd);
	return 0;
}

int check_blob_contents(struct check *c, struct err *err)
{
	return check_each(c, "blobs/sha256", check_content, err);
}

int check_discard_blobs(struct check *c, struct err *err)
{
	int r = 0;

	STRV_FOREACH (digest, c->bad_blobs) {
		char marked[STORE_PATH_SIZE];
		autofree char *path = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));

		store_pending_path(c->store, path, marked);
		if (r >= 0)
			r = check_discard(c, path, err);
		if (r >= 0)
			r = check_discard(c, marked, err);
	}
	strv_free(TAKE_PTR(c->bad_blobs));
	return r;
}

bool check_blob_is_good(struct store *s, const char *hex)
{
	autofree char *path = xasprintf("blobs/sha256/%s", hex);
	autofd int fd = openat(s->fd, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	char found[HASH_HEX_LEN + 1];

	return fd >= 0 && hash_file(fd, found, NULL) >= 0 && strncmp(found, hex, HASH_HEX_LEN) == 0;
}
