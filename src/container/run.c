#include "container/run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/etc_files.h"
#include "container/spec_build.h"
#include "container/state.h"
#include "runtime/runtime.h"
#include "store/layer.h"

#define EXIT_OWN_FAILURE 125

/* Descriptors that a start lends to the runtime: layers, top first, and the writable part. */
struct root_fds {
	int *lower;
	size_t n_lower;
	int upper, work;
};

#define ROOT_FDS_INIT                           \
	{                                       \
		.upper = -EBADF, .work = -EBADF \
	}

static void root_fds_done(struct root_fds *f)
{
	for (size_t i = 0; i < f->n_lower; i++)
		(void)fd_close(f->lower[i]);
	free(f->lower);
	(void)fd_close(f->upper);
	(void)fd_close(f->work);
}
DEFINE_AUTO(root_fds, struct root_fds, root_fds_done)

static int open_layers(
	struct store *s, const struct container_config *c, struct root_fds *f, struct err *err)
{
	size_t n = strv_len(c->layers);

	f->lower = NEW_ARRAY(int, n);
	while (f->n_lower < n) {
		const char *id = c->layers[n - 1 - f->n_lower];
		int r = layer_open_fs(s, id, &f->lower[f->n_lower], err);

		if (r < 0)
			return err_ctx(err, r, "layer %.12s", id);
		f->n_lower++;
	}
	return 0;
}

/*
 * Where the overlay writes. The directory of "/" may belong to a subordinate id and be closed to
 * us: a descriptor that only names it is enough.
 */
static int open_writable(const struct container *c, const char *name, int *ret_fd, struct err *err)
{
	*ret_fd = openat(c->dir.fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_sys(
			err, errno, "open directory %s of container %.12s", name, c->config.id);
	return 0;
}

static int prepare_root(struct store *s, const struct container *c, struct root_fds *f,
	struct spec *spec, struct err *err)
{
	int r;

	if (c->config.rootfs) {
		spec->root.kind = SPEC_ROOT_DIRECTORY;
		spec->root.directory = xstrdup(c->config.rootfs);
		return 0;
	}
	r = open_layers(s, &c->config, f, err);
	if (r >= 0)
		r = open_writable(c, "upper", &f->upper, err);
	if (r >= 0)
		r = open_writable(c, "work", &f->work, err);
	if (r < 0)
		return r;
	spec->root.kind = SPEC_ROOT_OVERLAY;
	spec->root.lower_fds = f->lower;
	spec->root.n_lower = f->n_lower;
	spec->root.upper_fd = f->upper;
	spec->root.work_fd = f->work;
	return 0;
}

static unsigned supervise_flags_of(const struct container_config *c, unsigned flags)
{
	unsigned sf = 0;

	if (c->flags & CONTAINER_TTY)
		sf |= SUPERVISE_TTY;
	if (flags & RUN_INTERACTIVE)
		sf |= SUPERVISE_INTERACTIVE;
	if (flags & RUN_NO_PROXY)
		sf |= SUPERVISE_NO_PROXY;
	return sf;
}

/* One run on its way: what is asked for, what holds it, and how far it has come. */
struct run {
	struct store *store;
	const struct container *container;
	struct spec spec;
	struct supervise supervise;
	struct runtime_process process;
	struct container_state *state;
};

static void run_done(struct run *run)
{
	supervise_done(&run->supervise);
	runtime_done(&run->process);
	spec_done(&run->spec);
}
DEFINE_AUTO(run, struct run, run_done)

static int record_running(struct run *run, struct err *err)
{
	struct container_state *st = run->state;
	int r = process_identify(getpid(), &st->keeper, err);

	if (r < 0)
		return r;
	st->process = st->keeper;
	st->status = CONTAINER_RUNNING;
	st->started_ns = clock_wall_ns();
	st->process.pid = run->process.pid;
	st->process.start_time = run->process.start_time;
	return container_state_write_running(run->store, &run->container->dir, st, err);
}

/* Started, recorded, released: from here on the container's own code runs. */
static int start(struct run *run, struct err *err)
{
	int r;

	r = runtime_start(&run->spec, &run->process, err);
	if (r >= 0)
		r = record_running(run, err);
	if (r >= 0)
		r = supervise_attach(&run->supervise, &run->process, err);
	if (r >= 0)
		r = runtime_release(&run->process, err);
	return r;
}

static int run_supervised(struct run *run, const struct idmap *map, unsigned flags, struct err *err)
{
	const struct container *c = run->container;
	AUTO(root_fds) struct root_fds root = ROOT_FDS_INIT;
	struct supervise *sv = &run->supervise;
	int r;

	r = spec_build(&c->config, map, 0, &run->spec, err);
	if (r >= 0)
		r = prepare_root(run->store, c, &root, &run->spec, err);
	if (r >= 0)
		r = etc_files_prepare(run->store, &c->config, &run->spec, err);
	if (r >= 0)
		r = supervise_begin(sv, supervise_flags_of(&c->config, flags), err);
	if (r < 0)
		return r;
	run->spec.stdio[STDIN_FILENO] = sv->io.child_fd[STDIN_FILENO];
	run->spec.stdio[STDOUT_FILENO] = flags & RUN_STDOUT ? sv->io.child_fd[STDOUT_FILENO] : -1;
	run->spec.stdio[STDERR_FILENO] = flags & RUN_STDERR ? sv->io.child_fd[STDERR_FILENO] : -1;
	r = start(run, err);
	if (r < 0)
		return r;
	return runtime_supervise(sv, &run->process, &run->state->exit_code, err);
}

/* The end is on disk before anybody is told of it; a --rm container leaves nothing to tell. */
static int record_end(const struct container *c, struct container_state *st, int r, struct err *err)
{
	if (r < 0) {
		if (err && !err->exit)
			err->exit = EXIT_OWN_FAILURE;
		st->exit_code = err && err->exit ? err->exit : EXIT_OWN_FAILURE;
		st->error = err ? xstrdup(err->msg) : NULL;
	}
	st->status = st->started_ns ? CONTAINER_EXITED : CONTAINER_CREATED;
	st->process.pid = 0;
	st->finished_ns = clock_wall_ns();
	if (c->config.flags & CONTAINER_AUTO_REMOVE)
		return r;
	if (r < 0) {
		if (container_state_write_exited(&c->dir, st, NULL) < 0) {
			/* the first failure is the one to tell */
		}
		return r;
	}
	return container_state_write_exited(&c->dir, st, err);
}

int container_run(struct store *s, struct container *c, const struct idmap *map, unsigned flags,
	int *ret_status, struct err *err)
{
	AUTO(container_state) struct container_state st = { 0 };
	AUTO(run)
	struct run run = {
		.store = s,
		.container = c,
		.supervise = SUPERVISE_INIT,
		.process = RUNTIME_PROCESS_INIT,
		.state = &st,
	};
	struct err local = { 0 };
	int r;

	spec_init(&run.spec);
	r = container_check_map(&c->config, map, &local);
	if (r >= 0)
		r = run_supervised(&run, map, flags, &local);
	r = record_end(c, &st, r, &local);
	container_state_forget_run(s, c->config.id);
	if (r < 0) {
		if (err)
			*err = local;
		return r;
	}
	*ret_status = st.exit_code;
	return 0;
}
