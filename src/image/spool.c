/* Archives into tmp/: see spool_priv.h. */
#include "image/spool_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/tar_path.h"
#include "store/blob.h"
#include "sys/file.h"

#define MAX_LINKS 8

int spool_open(struct store *s, struct spool *ret, struct err *err)
{
	ret->store = s;
	return store_make_tmp_dir(s, "load.", ret->path, &ret->fd, err);
}

void spool_done(struct spool *sp)
{
	for (size_t i = 0; i < sp->n; i++) {
		free(sp->files[i].name);
		free(sp->files[i].link);
	}
	free(TAKE_PTR(sp->files));
	sp->n = sp->cap = 0;
	sp->source_fd = fd_close(sp->source_fd);
	if (sp->fd < 0)
		return;
	/* What cannot be removed now is the sweeper's once the lock is gone. */
	(void)!file_remove_tree(store_dirfd(sp->store), sp->path, NULL);
	sp->fd = fd_close(sp->fd);
}

void spool_use_dir(struct spool *sp, int dirfd)
{
	sp->source_fd = dirfd;
}

static struct spool_file *lookup(struct spool *sp, const char *name)
{
	/* From behind: in a tar the last entry of a name is the one that counts. */
	for (size_t i = sp->n; i-- > 0;)
		if (str_eq(sp->files[i].name, name))
			return &sp->files[i];
	return NULL;
}

/* Of a directory: the user's own files, whose links may lead where they want. */
static int take_from_source(
	struct spool *sp, const char *name, struct spool_file **ret, struct err *err)
{
	autofd int fd = openat(sp->source_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FORMAT, "%s is not a regular file", name);
	r = spool_add_file(sp, name, fd, ret, err);
	return r < 0 ? r : 1;
}

int spool_find(struct spool *sp, const char *name, struct spool_file **ret, struct err *err)
{
	char clean[TAR_PATH_MAX + 1];
	int r = tar_path_clean(name, clean, err);

	if (r < 0)
		return r;
	for (int links = 0; links <= MAX_LINKS; links++) {
		struct spool_file *file = lookup(sp, clean);

		if (!file && sp->source_fd >= 0)
			return take_from_source(sp, clean, ret, err);
		if (!file)
			return 0;
		if (!file->link) {
			*ret = file;
			return 1;
		}
		if (!str_copy(clean, sizeof(clean), file->link))
			return err_set(err, ERR_FORMAT, "link %s is too long", file->name);
	}
	return err_set(err, ERR_FORMAT, "%s: too many links", name);
}

int spool_load(struct spool *sp, const char *name, struct buf *ret, struct err *err)
{
	struct spool_file *file = NULL;
	char number[16];
	int r = spool_find(sp, name, &file, err);

	if (r < 0)
		return r;
	if (r == 0 || !file)
		return err_set(err, ERR_FORMAT, "%s is not in the archive", name);
	if (file->adopted)
		return blob_read_all(sp->store, &file->digest, ret, err);
	(void)snprintf(number, sizeof(number), "%u", file->number);
	r = file_load(sp->fd, number, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", name) : 0;
}

int spool_adopt(struct spool *sp, struct spool_file *file, struct err *err)
{
	char path[96];
	int r;

	if (file->adopted)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%u", sp->path, file->number);
	r = blob_adopt(sp->store, path, &file->digest, err);
	if (r < 0)
		return r;
	file->adopted = true;
	return 0;
}
