/* Several directories as one: names merged, whiteouts and opaque directories applied. */
#include "image/tree_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/tar_path.h"
#include "image/tree_walk_priv.h"
#include "sys/file.h"
#include "sys/openat.h"
#include "sys/xattr.h"

struct name {
	char *text; /* owned */
	size_t level;
	const struct owner *device; /* recorded, not on disk */
};

/* A directory that is being listed: where the layers have it, and what is in it. */
struct frame {
	size_t path_len; /* of the walk's path */
	size_t *layers;	 /* that have it, top first */
	int *fds;	 /* of these; open while the frame is on top */
	size_t n;
	struct name *names;
	size_t n_names, cap_names, next;
};

struct tree_walk {
	const struct tree_layer *layers;
	struct owner_index *indexes; /* one for each layer */
	size_t n;
	struct frame *frames;
	size_t n_frames, cap_frames;
	struct buf path;
	int fd; /* of the entry that was returned */
	bool started;
};

static void frame_close(struct frame *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->fds[i] = fd_close(f->fds[i]);
}

static void frame_done(struct frame *f)
{
	frame_close(f);
	for (size_t i = 0; i < f->n_names; i++)
		free(f->names[i].text);
	free(f->names);
	free(f->layers);
	free(f->fds);
}

struct tree_walk *tree_walk_new(const struct tree_layer *layers, size_t n)
{
	struct tree_walk *w = NEW(struct tree_walk);

	w->layers = layers;
	w->n = n;
	w->indexes = NEW_ARRAY(struct owner_index, n + 1);
	for (size_t i = 0; i < n; i++)
		owner_index_init(&w->indexes[i], layers[i].owners);
	w->path = (struct buf)BUF_INIT(TAR_PATH_MAX);
	w->fd = -EBADF;
	return w;
}

void tree_walk_free(struct tree_walk *w)
{
	for (size_t i = 0; i < w->n_frames; i++)
		frame_done(&w->frames[i]);
	for (size_t i = 0; i < w->n; i++)
		owner_index_done(&w->indexes[i]);
	free(w->frames);
	free(w->indexes);
	buf_done(&w->path);
	(void)fd_close(w->fd);
	free(w);
}

static const char *current(const struct tree_walk *w)
{
	return w->path.len ? buf_str(&w->path) : ".";
}

/* A directory that is gone, no directory any more, or a mount point has nothing in it. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EXDEV || r == -ELOOP;
}

static int frame_open(const struct tree_walk *w, struct frame *f, struct err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->fds[i] >= 0)
			continue;
		f->fds[i] = openat_strict(
			w->layers[f->layers[i]].fd, current(w), O_RDONLY | O_DIRECTORY, 0);
		if (f->fds[i] < 0 && !is_absent(f->fds[i]))
			return err_sys(err, -f->fds[i], "open directory %s", current(w));
	}
	return 0;
}

/* name is the frame's from now on. */
static void add_name(struct frame *f, char *text, size_t level, const struct owner *device)
{
	GROW(f->names, f->n_names, f->cap_names);
	f->names[f->n_names++] = (struct name){ text, level, device };
}

struct device_arg {
	struct frame *frame;
	size_t level;
};

static void add_device(void *arg, const char *name, const struct owner *device)
{
	struct device_arg *a = arg;

	add_name(a->frame, xstrdup(name), a->level, device);
}

/* Of one name the upper layer comes first, and in one layer what is on disk before a record. */
static int name_compare(const void *va, const void *vb)
{
	const struct name *a = va, *b = vb;
	int c = strcmp(a->text, b->text);

	if (c)
		return c;
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return (a->device != NULL) - (b->device != NULL);
}

static int frame_list(struct tree_walk *w, struct frame *f, struct err *err)
{
	for (size_t i = 0; i < f->n; i++) {
		struct device_arg arg = { f, i };
		char **names = NULL;
		int r;

		if (f->fds[i] < 0)
			continue;
		r = file_list_dir(f->fds[i], ".", &names, err);
		if (r < 0)
			return err_ctx(err, r, "%s", current(w));
		STRV_FOREACH (name, names)
			add_name(f, *name_p, i, NULL);
		free(names); /* the names themselves are the frame's now */
		tree_owner_devices(&w->indexes[f->layers[i]], buf_str(&w->path), add_device, &arg);
	}
	if (f->n_names)
		qsort(f->names, f->n_names, sizeof(*f->names), name_compare);
	return 0;
}

/* layers is the frame's from now on. The frame above closes: few descriptors are open at a time. */
static int push(struct tree_walk *w, size_t *layers, size_t n, struct err *err)
{
	struct frame *f;
	int r;

	if (w->n_frames)
		frame_close(&w->frames[w->n_frames - 1]);
	GROW(w->frames, w->n_frames, w->cap_frames);
	f = &w->frames[w->n_frames++];
	*f = (struct frame){ .path_len = w->path.len, .layers = layers, .n = n };
	f->fds = NEW_ARRAY(int, n + 1);
	for (size_t i = 0; i < n; i++)
		f->fds[i] = -EBADF;
	r = frame_open(w, f, err);
	return r < 0 ? r : frame_list(w, f, err);
}

/* The name in one layer: an O_PATH descriptor and its stat, or -errno. */
static int open_name(const struct frame *f, const struct name *name, struct stat *ret_st)
{
	int fd = f->fds[name->level];

	if (fd < 0)
		return -ENOENT;
	fd = openat(fd, name->text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) == 0)
		return fd;
	(void)fd_close(fd);
	return -errno;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int fd)
{
	autofd int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[2];

	return dir >= 0 && xattr_get(dir, "user.overlay.opaque", value, sizeof(value)) == 1 &&
	       value[0] == 'y';
}

/* One name in all layers of the frame. */
struct group {
	struct frame *frame;
	size_t at, end; /* in frame->names */
};

/*
 * Overlay marks what it has copied up (often with an empty value), where it can: a link or a pipe
 * takes no such attribute, and a file with several names gets none.
 */
static bool is_copied_up(int fd, const struct stat *st)
{
	autofree char *path = NULL;
	autofd int file = -EBADF;

	if (S_ISDIR(st->st_mode))
		return true; /* else it were opaque, and nothing below it were asked for */
	if (!S_ISREG(st->st_mode))
		return false;
	path = xasprintf("/proc/self/fd/%d", fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	return file >= 0 && xattr_get(file, "user.overlay.origin", NULL, 0) >= 0;
}

/*
 * The owner of what overlay has copied up is that of the lower file. Its mode too, as long as the
 * copy has what the lower file has on disk: the bits that could not be set there.
 */
static void apply_origin(struct tree_walk *w, const struct group *g, int fd, struct stat *st)
{
	for (size_t k = g->at; k < g->end; k++) {
		const struct name *name = &g->frame->names[k];
		size_t layer = g->frame->layers[name->level];
		struct stat lower, true_lower;
		autofd int low = name->device ? -EBADF : open_name(g->frame, name, &lower);

		if (low < 0)
			continue;
		if (!w->layers[layer].owners || (lower.st_mode & S_IFMT) != (st->st_mode & S_IFMT))
			return;
		if (!is_copied_up(fd, st))
			return;
		true_lower = lower;
		tree_owner_apply(
			&w->layers[layer], &w->indexes[layer], buf_str(&w->path), &true_lower);
		st->st_uid = true_lower.st_uid;
		st->st_gid = true_lower.st_gid;
		if (st->st_mode == lower.st_mode)
			st->st_mode = true_lower.st_mode;
		return;
	}
}

/* The directory in the layers below, as far as it shows there; then it is entered. */
static int enter(struct tree_walk *w, struct group *g, size_t level, int fd, struct err *err)
{
	struct frame *f = g->frame;
	size_t *layers = NEW_ARRAY(size_t, f->n + 1);
	autofd int upper = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	size_t n = 0;

	layers[n++] = f->layers[level];
	for (; g->at < g->end && !is_opaque(upper); g->at++) {
		const struct name *name = &f->names[g->at];
		struct stat st;
		int lower = name->device ? -ENOENT : open_name(f, name, &st);

		if (lower == -ENOENT)
			continue;
		(void)fd_close(upper);
		upper = lower;
		if (lower < 0 || !S_ISDIR(st.st_mode))
			break;
		layers[n++] = f->layers[name->level];
	}
	return push(w, layers, n, err);
}

/* The first of the group that shows: 1; 0 when nothing does. */
static int find_first(struct tree_walk *w, struct group *g, struct tree_entry *ret,
	size_t *ret_level, struct err *err)
{
	for (; g->at < g->end; g->at++) {
		const struct name *name = &g->frame->names[g->at];

		*ret_level = name->level;
		ret->layer = g->frame->layers[name->level];
		if (name->device) {
			tree_owner_device_stat(name->device, &ret->st);
			ret->fd = -EBADF;
			g->at = g->end;
			return 1;
		}
		ret->fd = open_name(g->frame, name, &ret->st);
		if (ret->fd == -ENOENT)
			continue;
		if (ret->fd < 0)
			return err_sys(err, -ret->fd, "%s", current(w));
		if (!is_whiteout(&ret->st)) {
			g->at++;
			return 1;
		}
		ret->fd = fd_close(ret->fd);
		/* A whiteout hides the lower layers, not the device that it stands for. */
		if (g->at + 1 == g->end || !name[1].device || name[1].level != name->level)
			return 0;
	}
	return 0;
}

static int set_path(struct tree_walk *w, const struct frame *f, const char *name, struct err *err)
{
	buf_truncate(&w->path, f->path_len);
	if (f->path_len)
		buf_putc(&w->path, '/');
	buf_puts(&w->path, name);
	if (!buf_failed(&w->path))
		return 0;
	return err_set(err, ERR_LIMIT, "%.100s...: a path is longer than %d bytes",
		buf_str(&w->path), TAR_PATH_MAX);
}

/* The next name of the topmost directory: 1 and the entry, 0 when it does not show. */
static int take(struct tree_walk *w, struct tree_entry *ret, struct err *err)
{
	struct frame *f = &w->frames[w->n_frames - 1];
	struct group g = { .frame = f, .at = f->next, .end = f->next + 1 };
	size_t level = 0;
	int r;

	while (g.end < f->n_names && str_eq(f->names[g.end].text, f->names[g.at].text))
		g.end++;
	f->next = g.end;
	buf_truncate(&w->path, f->path_len);
	r = frame_open(w, f, err);
	if (r >= 0)
		r = set_path(w, f, f->names[g.at].text, err);
	if (r >= 0)
		r = find_first(w, &g, ret, &level, err);
	if (r <= 0)
		return r;
	w->fd = ret->fd;
	if (ret->fd >= 0 && w->layers[ret->layer].writable)
		apply_origin(w, &g, ret->fd, &ret->st);
	else if (ret->fd >= 0)
		tree_owner_apply(&w->layers[ret->layer], &w->indexes[ret->layer], buf_str(&w->path),
			&ret->st);
	if (S_ISDIR(ret->st.st_mode))
		r = enter(w, &g, level, ret->fd, err);
	ret->path = buf_str(&w->path);
	return r < 0 ? r : 1;
}

static int start(struct tree_walk *w, struct err *err)
{
	size_t *layers = NEW_ARRAY(size_t, w->n + 1), n = 0;

	w->started = true;
	while (n < w->n) {
		layers[n] = n;
		n++;
		if (n < w->n && is_opaque(w->layers[n - 1].fd))
			break;
	}
	return push(w, layers, n, err);
}

int tree_walk_next(struct tree_walk *w, struct tree_entry *ret, struct err *err)
{
	int r = w->started ? 0 : start(w, err);

	w->fd = fd_close(w->fd);
	while (r == 0 && w->n_frames) {
		struct frame *f = &w->frames[w->n_frames - 1];

		if (f->next < f->n_names) {
			r = take(w, ret, err);
		} else {
			frame_done(f);
			w->n_frames--;
		}
	}
	return r;
}
