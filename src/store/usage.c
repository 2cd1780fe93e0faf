/*
 * Measuring. A child that owns every mapped id walks the trees, and writes the sums into memory
 * that both share.
 */
#include "store/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"
#include "sys/openat.h"
#include "userns/userns.h"

#define BLOCK_SIZE 512 /* of st_blocks, whatever the file system's is */

struct inode {
	dev_t dev;
	ino_t ino;
};

struct walk {
	int root;
	struct usage sum;
	char **todo; /* directories still to be read, below root; the last one first */
	size_t n_todo, cap_todo;
	struct inode *linked; /* hash table of files with several links; ino 0 is free */
	size_t n_linked, cap_linked;
};

static void walk_done(struct walk *w)
{
	while (w->n_todo > 0)
		free(w->todo[--w->n_todo]);
	free(w->todo);
	free(w->linked);
	*w = (struct walk){ 0 };
}
DEFINE_AUTO(walk, struct walk, walk_done)

static struct inode *find_slot(struct inode *table, size_t cap, const struct inode *want)
{
	size_t i = (size_t)(want->ino * 0x9e3779b97f4a7c15ULL >> 20) & (cap - 1);

	while (table[i].ino && (table[i].ino != want->ino || table[i].dev != want->dev))
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static void grow_linked(struct walk *w)
{
	size_t cap = w->cap_linked ? w->cap_linked * 2 : 256;
	struct inode *table = NEW_ARRAY(struct inode, cap);

	for (size_t i = 0; i < w->cap_linked; i++)
		if (w->linked[i].ino)
			*find_slot(table, cap, &w->linked[i]) = w->linked[i];
	free(w->linked);
	w->linked = table;
	w->cap_linked = cap;
}

/* Is this the first of its links? */
static bool is_first(struct walk *w, const struct stat *st)
{
	const struct inode want = { st->st_dev, st->st_ino };
	struct inode *slot;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return true;
	if (2 * w->n_linked >= w->cap_linked)
		grow_linked(w);
	slot = find_slot(w->linked, w->cap_linked, &want);
	if (slot->ino)
		return false;
	*slot = want;
	w->n_linked++;
	return true;
}

static void count(struct walk *w, const struct stat *st)
{
	if (!is_first(w, st))
		return;
	w->sum.disk += (uint64_t)st->st_blocks * BLOCK_SIZE;
	if (S_ISREG(st->st_mode))
		w->sum.apparent += (uint64_t)st->st_size;
}

static void read_dir(struct walk *w, const char *path)
{
	AUTO(strv) char **names = NULL;
	autofd int fd = openat_strict(w->root, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0 || file_list_dir(fd, ".", &names, NULL) < 0)
		return;
	STRV_FOREACH (name, names) {
		struct stat st;

		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		count(w, &st);
		if (!S_ISDIR(st.st_mode))
			continue;
		GROW(w->todo, w->n_todo, w->cap_todo);
		w->todo[w->n_todo++] = xasprintf("%s/%s", path, name);
	}
}

static struct usage measure(int root, const char *path)
{
	AUTO(walk) struct walk w = { .root = root };
	struct stat st;

	if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return w.sum;
	count(&w, &st);
	if (S_ISDIR(st.st_mode))
		read_dir(&w, path);
	while (w.n_todo > 0) {
		autofree char *next = w.todo[--w.n_todo];

		read_dir(&w, next);
	}
	return w.sum;
}

struct job {
	int root;
	char *const *paths;
	struct usage *ret;
};

static int measure_all(void *arg)
{
	const struct job *job = arg;

	for (size_t i = 0; job->paths[i]; i++)
		job->ret[i] = measure(job->root, job->paths[i]);
	return 0;
}

static int run_child(const struct job *job, const struct idmap *map, struct err *err)
{
	int status = 0, r;
	pid_t pid;

	r = userns_spawn(map, measure_all, (void *)job, &pid, err);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait");
	return status == 0 ? 0 : err_set(err, EPROTO, "measuring was ended");
}

int usage_measure(struct store *s, char *const *paths, const struct idmap *map, struct usage *ret,
	struct err *err)
{
	size_t n = strv_len(paths), size = (n + 1) * sizeof(*ret);
	struct job job = { .root = store_dirfd(s), .paths = paths };
	int r = 0;

	if (n == 0)
		return 0;
	/* The files are all the caller's where no map is: no child is needed. */
	if (map->kind == IDMAP_NONE) {
		job.ret = ret;
		return measure_all(&job);
	}
	job.ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.ret == MAP_FAILED)
		return err_sys(err, errno, "map memory");
	r = run_child(&job, map, err);
	if (r >= 0)
		memcpy(ret, job.ret, n * sizeof(*ret));
	(void)munmap(job.ret, size);
	return r;
}
