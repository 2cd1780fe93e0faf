#include "container/root_attributes.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/strv.h"
#include "codec/json.h"
#include "store/layer.h"
#include "sys/file.h"
#include "userns/userns.h"

#define META_MAX (1U << 20)

/* 1: the layer has an entry for its root. */
static int has_root_entry(struct store *s, const char *id, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(META_MAX);
	AUTO(json) struct json *meta = NULL;
	bool implied = false;
	int r;

	r = layer_read_meta(s, id, &text, err);
	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &meta, err);
	if (r >= 0)
		r = json_want_bool(meta, "rootImplied", &implied, err);
	if (r < 0)
		return err_ctx(err, r, "layer %.12s", id);
	return implied ? 0 : 1;
}

/* The layer whose "/" counts; -EBADF when there is none. */
static int open_layer_with_root(
	struct store *s, const struct container_config *c, int *ret_fd, struct err *err)
{
	*ret_fd = -EBADF;
	for (size_t i = strv_len(c->layers); i-- > 0;) {
		int r = has_root_entry(s, c->layers[i], err);

		if (r < 0)
			return r;
		if (r > 0)
			return layer_open_fs(s, c->layers[i], ret_fd, err);
	}
	return 0;
}

struct chown_job {
	int fd;
	const struct stat *st;
};

/* As root of the namespace that owns the ids; mode after owner, which clears bits of it. */
static int apply(void *arg)
{
	const struct chown_job *job = arg;
	const struct stat *st = job->st;

	if (fchown(job->fd, st->st_uid, st->st_gid) < 0)
		return errno;
	if (fchmod(job->fd, st->st_mode & 07777) < 0)
		return errno;
	return futimens(job->fd, (const struct timespec[]){ st->st_atim, st->st_mtim }) < 0 ? errno
											    : 0;
}

/* The common case is a "/" of root's, which is ours already. */
static int apply_with_map(struct chown_job *job, const struct idmap *map, struct err *err)
{
	struct stat inside = *job->st;
	int status, failure;
	pid_t pid;
	int r;

	failure = apply(job);
	if (failure != EPERM || map->kind == IDMAP_NONE)
		return failure ? err_sys(err, failure, "attributes of /") : 0;
	if (!idmap_uid_from_host(map, job->st->st_uid, &inside.st_uid) ||
		!idmap_gid_from_host(map, job->st->st_gid, &inside.st_gid))
		return err_sys(err, EPERM, "owner of /");
	r = userns_spawn(
		map, apply, &(struct chown_job){ .fd = job->fd, .st = &inside }, &pid, err);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_sys(err, errno, "wait");
	}
	if (!WIFEXITED(status))
		return err_set(err, EPERM, "attributes of /: the helper was killed");
	return WEXITSTATUS(status) ? err_sys(err, WEXITSTATUS(status), "attributes of /") : 0;
}

int root_attributes_copy(
	struct store *s, const struct container *c, const struct idmap *map, struct err *err)
{
	autofd int layer = -EBADF, upper = -EBADF;
	struct stat st;
	int r;

	r = open_layer_with_root(s, &c->config, &layer, err);
	if (r < 0 || layer < 0)
		return r;
	r = file_open_dir(c->dir.fd, "upper", &upper, err);
	if (r < 0)
		return r;
	if (fstat(layer, &st) < 0)
		return err_sys(err, errno, "stat of a layer");
	return apply_with_map(&(struct chown_job){ .fd = upper, .st = &st }, map, err);
}
