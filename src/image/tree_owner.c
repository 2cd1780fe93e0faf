/* What the extractor recorded beside a layer of a single map, applied to what is on disk. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "image/tree_walk_priv.h"
#include "sys/openat.h"

static int linked_compare(const void *va, const void *vb)
{
	const struct linked_owner *a = va, *b = vb;

	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

static void index_make(const struct tree_layer *layer, struct owner_index *x)
{
	x->made = true;
	for (size_t i = 0; i < layer->owners->n; i++) {
		const struct owner *o = &layer->owners->v[i];
		autofd int fd = -EBADF;
		struct stat st;

		if (o->type == 'd' || o->type == 'c' || o->type == 'b')
			continue;
		fd = openat_strict(layer->fd, o->path, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink < 2)
			continue;
		GROW(x->v, x->n, x->cap);
		x->v[x->n++] = (struct linked_owner){ st.st_ino, o };
	}
	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), linked_compare);
}

static const struct owner *find_linked(
	const struct tree_layer *layer, struct owner_index *x, ino_t ino)
{
	struct linked_owner key = { .ino = ino }, *found;

	if (!x->made)
		index_make(layer, x);
	found = x->n ? bsearch(&key, x->v, x->n, sizeof(*x->v), linked_compare) : NULL;
	return found ? found->owner : NULL;
}

/*
 * A line is about what is on disk only if both are of one kind. A device never is on disk here:
 * what stands in its place came later in the archive.
 */
static bool is_about(const struct owner *o, mode_t mode)
{
	switch (o->type) {
	case 'd':
		return S_ISDIR(mode);
	case 'l':
		return S_ISLNK(mode);
	case 'p':
		return S_ISFIFO(mode);
	case 'f':
		return S_ISREG(mode);
	default:
		return false;
	}
}

void tree_owner_apply(const struct tree_layer *layer, struct owner_index *index, const char *path,
	struct stat *st)
{
	const struct owner *o;

	if (!layer->owners)
		return;
	o = owners_find(layer->owners, path);
	if (!o && !S_ISDIR(st->st_mode) && st->st_nlink > 1)
		o = find_linked(layer, index, st->st_ino);
	if (!o || !is_about(o, st->st_mode))
		return;
	st->st_uid = o->uid;
	st->st_gid = o->gid;
	st->st_mode = (st->st_mode & S_IFMT) | o->mode;
}

void tree_owner_device_stat(const struct owner *device, struct stat *ret)
{
	*ret = (struct stat){ .st_nlink = 1 };
	ret->st_uid = device->uid;
	ret->st_gid = device->gid;
	ret->st_mode = (device->type == 'c' ? S_IFCHR : S_IFBLK) | device->mode;
	ret->st_rdev = makedev(device->major, device->minor);
}

/* How long the directory part of path is; 0 in the root. */
static size_t dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static int dir_compare(const char *path, const char *dir, size_t dir_len)
{
	size_t len = dir_length(path);
	int c = memcmp(path, dir, len < dir_len ? len : dir_len);

	if (c)
		return c;
	return len < dir_len ? -1 : len > dir_len;
}

static int device_compare(const void *va, const void *vb)
{
	const struct owner *const *a = va, *const *b = vb;
	int c = dir_compare((*a)->path, (*b)->path, dir_length((*b)->path));

	return c ? c : strcmp((*a)->path, (*b)->path);
}

void owner_index_init(struct owner_index *x, const struct owners *o)
{
	*x = (struct owner_index){ 0 };
	for (size_t i = 0; o && i < o->n; i++) {
		if (o->v[i].type != 'c' && o->v[i].type != 'b')
			continue;
		GROW(x->devices, x->n_devices, x->cap_devices);
		x->devices[x->n_devices++] = &o->v[i];
	}
	if (x->n_devices)
		qsort(x->devices, x->n_devices, sizeof(*x->devices), device_compare);
}

void owner_index_done(struct owner_index *x)
{
	free(x->v);
	free(x->devices);
	*x = (struct owner_index){ 0 };
}

void tree_owner_devices(const struct owner_index *x, const char *dir, tree_device_fn fn, void *arg)
{
	size_t lo = 0, hi = x->n_devices, len = strlen(dir);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dir_compare(x->devices[mid]->path, dir, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < x->n_devices && dir_compare(x->devices[lo]->path, dir, len) == 0; lo++) {
		const char *path = x->devices[lo]->path;

		fn(arg, len ? path + len + 1 : path, x->devices[lo]);
	}
}
