#include "container/export.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/tar_writer.h"
#include "container/container.h"
#include "image/owners.h"
#include "image/tree_tar.h"
#include "store/layer.h"
#include "sys/file.h"
#include "userns/userns.h"

struct export_job {
	struct tree_layer *layers; /* top first */
	struct owners *owners;	   /* of each layer; empty where nothing was recorded */
	size_t n;
	struct outfile *out;
	int report_fd;
};

/* What the helper says at its end, in one write. */
struct export_report {
	int32_t r;
	struct err err;
	struct tree_tar_result result;
};
_Static_assert(sizeof(struct export_report) <= 4096, "the report is written at once");

static void export_job_done(struct export_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		(void)fd_close(job->layers[i].fd);
		owners_done(&job->owners[i]);
	}
	free(job->layers);
	free(job->owners);
	(void)fd_close(job->report_fd);
}
DEFINE_AUTO(export_job, struct export_job, export_job_done)

/*
 * What the tree does not say: with a single map there is always a record, with any other one only
 * when a device could not be made. 1 when there is one.
 */
static int read_owners(struct store *s, const char *id, const struct idmap *map, struct owners *ret,
	struct err *err)
{
	autofd int fd = -EBADF;
	int r = layer_open_owners(s, id, &fd, err);

	if (r == -ERR_NOT_FOUND && map->kind != IDMAP_SINGLE)
		return 0;
	if (r >= 0)
		r = owners_read(fd, ret, err);
	return r < 0 ? r : 1;
}

static int add_layers(struct store *s, const struct container *c, const struct idmap *map,
	struct export_job *job, struct err *err)
{
	for (size_t i = strv_len(c->config.layers); i-- > 0;) {
		const char *id = c->config.layers[i];
		struct tree_layer *layer = &job->layers[job->n];
		int r = layer_open_fs(s, id, &layer->fd, err);

		if (r >= 0)
			job->n++;
		if (r >= 0)
			r = read_owners(s, id, map, &job->owners[job->n - 1], err);
		if (r > 0)
			layer->owners = &job->owners[job->n - 1];
		if (r < 0)
			return err_ctx(err, r, "layer %.12s", id);
	}
	return 0;
}

/* The helper opens what is in it: the directory may be closed to us. */
static int add_directory(
	struct export_job *job, int dir_fd, const char *path, bool writable, struct err *err)
{
	int fd = openat(
		dir_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC | (writable ? O_NOFOLLOW : 0));

	if (fd < 0)
		return err_sys(err, errno, "open directory %s", path);
	job->layers[job->n++] = (struct tree_layer){ .fd = fd, .writable = writable };
	return 0;
}

static int open_layers(struct store *s, const struct container *c, const struct idmap *map,
	struct export_job *job, struct err *err)
{
	size_t n = strv_len(c->config.layers) + 1;
	int r;

	job->layers = NEW_ARRAY(struct tree_layer, n);
	job->owners = NEW_ARRAY(struct owners, n);
	if (c->config.rootfs)
		return add_directory(job, AT_FDCWD, c->config.rootfs, false, err);
	r = add_directory(job, c->dir.fd, "upper", true, err);
	return r < 0 ? r : add_layers(s, c, map, job, err);
}

static int write_tar(const struct export_job *job, struct export_report *rep)
{
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(outfile_write, job->out, 0);
	int r = tree_tar_write(job->layers, job->n, w, &rep->result, &rep->err);

	if (r >= 0)
		r = tar_writer_finish(w, &rep->err);
	return r < 0 ? r : outfile_flush(job->out, &rep->err);
}

static int helper_main(void *arg)
{
	const struct export_job *job = arg;
	struct export_report rep = { 0 };

	rep.r = write_tar(job, &rep);
	return write(job->report_fd, &rep, sizeof(rep)) == sizeof(rep) ? 0 : 1;
}

static int wait_helper(pid_t pid, int report_fd, struct export_report *ret, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "wait");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		return err_sys(err, EPIPE, "write standard output");
	if (file_read_exact(report_fd, ret, sizeof(*ret), NULL) < 0)
		return err_set(err, EPIPE, "the process that reads the files was killed");
	if (ret->r < 0 && err)
		*err = ret->err;
	return ret->r;
}

static int run_helper(
	struct export_job *job, const struct idmap *map, struct export_report *ret, struct err *err)
{
	autofd int report = -EBADF;
	int pair[2], r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	report = pair[0];
	job->report_fd = pair[1];
	r = userns_spawn(map, helper_main, job, &pid, err);
	job->report_fd = fd_close(job->report_fd);
	return r < 0 ? r : wait_helper(pid, report, ret, err);
}

/* Layers are held by their locks; the writable part goes when the container is removed. */
static int check_is_there(struct store *s, const char *id, struct err *err)
{
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	int r = container_dir_open(s, id, &dir, NULL);

	if (r >= 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "container %.12s was removed meanwhile", id);
}

int container_export(struct store *s, const char *name_or_id, const struct idmap *map,
	struct outfile *out, struct container_export_result *ret, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(export_job) struct export_job job = { .out = out, .report_fd = -EBADF };
	struct export_report rep = { 0 };
	int r = container_open(s, name_or_id, &c, err);

	if (r >= 0)
		r = container_check_map(&c.config, map, err);
	if (r >= 0)
		r = open_layers(s, &c, map, &job, err);
	if (r >= 0)
		r = run_helper(&job, map, &rep, err);
	if (r >= 0)
		r = check_is_there(s, c.config.id, err);
	if (r < 0)
		return r;
	ret->entries = rep.result.entries;
	ret->sockets = rep.result.sockets;
	ret->changed = rep.result.changed;
	return 0;
}
