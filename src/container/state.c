#include "container/state.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "codec/json.h"
#include "sys/file.h"

#define STATE_FILE "state.json"
#define STATE_MAX  65536

void container_state_done(struct container_state *st)
{
	free(st->error);
	*st = (struct container_state){ 0 };
}

const char *container_status_name(enum container_status s)
{
	static const char *const names[] = {
		[CONTAINER_CREATED] = "created",
		[CONTAINER_RUNNING] = "running",
		[CONTAINER_EXITED] = "exited",
	};

	return names[s];
}

char *container_status_text(const struct container_state *st)
{
	int64_t now = clock_wall_ns();
	char age[64];

	switch (st->status) {
	case CONTAINER_RUNNING:
		if (!st->started_ns)
			return xstrdup("Up");
		clock_human_duration(now - st->started_ns, age, sizeof(age));
		return xasprintf("Up %s", age);
	case CONTAINER_EXITED:
		clock_human_duration(now - st->finished_ns, age, sizeof(age));
		return xasprintf("Exited (%d) %s ago", st->exit_code, age);
	case CONTAINER_CREATED:
		break;
	}
	return xstrdup("Created");
}

/* Times are microseconds: nanoseconds since 1970 are no exact JSON numbers. */
static char *format(const struct container_state *st)
{
	AUTO(json) struct json *doc = json_object_new();

	json_set_string(doc, "status", container_status_name(st->status));
	json_set_int(doc, "started", st->started_ns / 1000);
	if (st->status == CONTAINER_RUNNING) {
		json_set_int(doc, "pid", st->process.pid);
		json_set_int(doc, "start_time", (int64_t)st->process.start_time);
		json_set_string(doc, "boot_id", st->process.boot_id);
		json_set_int(doc, "keeper", st->keeper.pid);
		json_set_int(doc, "keeper_start_time", (int64_t)st->keeper.start_time);
	} else {
		json_set_int(doc, "finished", st->finished_ns / 1000);
		json_set_int(doc, "exit_code", st->exit_code);
	}
	if (st->error)
		json_set_string(doc, "error", st->error);
	return json_print(doc, false);
}

static int parse(const struct buf *b, struct container_state *ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int64_t started = 0, finished = 0, pid = 0, ticks = 0, code = 0, keeper = 0,
		keeper_ticks = 0;
	const char *boot = NULL, *error = NULL, *status = NULL;
	int r;

	r = json_parse(buf_str(b), b->len, &doc, err);
	if (r >= 0)
		r = json_want_int(doc, "started", &started, err);
	if (r >= 0)
		r = json_want_int(doc, "finished", &finished, err);
	if (r >= 0)
		r = json_want_int(doc, "pid", &pid, err);
	if (r >= 0)
		r = json_want_int(doc, "start_time", &ticks, err);
	if (r >= 0)
		r = json_want_int(doc, "keeper", &keeper, err);
	if (r >= 0)
		r = json_want_int(doc, "keeper_start_time", &keeper_ticks, err);
	if (r >= 0)
		r = json_want_int(doc, "exit_code", &code, err);
	if (r >= 0)
		r = json_want_string(doc, "boot_id", &boot, err);
	if (r >= 0)
		r = json_want_string(doc, "error", &error, err);
	if (r >= 0)
		r = json_want_string(doc, "status", &status, err);
	if (r < 0)
		return err_ctx(err, r, STATE_FILE);
	if (boot && !str_copy(ret->process.boot_id, sizeof(ret->process.boot_id), boot))
		return err_set(err, ERR_FORMAT, STATE_FILE ": boot id is too long");
	ret->status = status && str_eq(status, "running")  ? CONTAINER_RUNNING
		      : status && str_eq(status, "exited") ? CONTAINER_EXITED
							   : CONTAINER_CREATED;
	ret->started_ns = started * 1000;
	ret->finished_ns = finished * 1000;
	ret->process.pid = (pid_t)pid;
	ret->process.start_time = (uint64_t)ticks;
	ret->keeper = ret->process;
	ret->keeper.pid = (pid_t)keeper;
	ret->keeper.start_time = (uint64_t)keeper_ticks;
	ret->exit_code = (int)code;
	ret->error = xstrdup(error);
	return 0;
}

/* RUNDIR/ID/state.json. -ENOENT when there is none. */
static int read_run_file(struct store *s, const char *id, struct buf *b, struct err *err)
{
	autofd int fd = -EBADF;
	int run, r;

	r = store_rundir(s, &run, err);
	if (r < 0)
		return r;
	r = file_open_dir(run, id, &fd, err);
	if (r < 0)
		return r;
	return file_load(fd, STATE_FILE, b, err);
}

int container_state_read(struct store *s, const struct container_dir *dir,
	struct container_state *ret, struct err *err)
{
	AUTO(container_state) struct container_state st = { 0 };
	AUTO(buf) struct buf b = BUF_INIT(STATE_MAX);
	int r;

	r = read_run_file(s, dir->id, &b, NULL);
	if (r == -ENOENT) {
		r = container_dir_read(dir, STATE_FILE, &b, err);
		if (r >= 0)
			r = parse(&b, &st, err);
		else if (r == -ENOENT)
			r = 0;
		if (r >= 0)
			r = container_dir_is_alive(dir, err);
		if (r > 0)
			st.status = CONTAINER_RUNNING;
	} else if (r >= 0) {
		r = parse(&b, &st, err);
		/* Ended, with its keeper about to record that, still counts as running. */
		if (r >= 0 && !process_is_alive(&st.process))
			r = container_dir_is_alive(dir, err);
		else
			r = r < 0 ? r : 1;
		if (r == 0) {
			st.status = CONTAINER_EXITED;
			st.process.pid = 0;
			st.finished_ns = st.started_ns;
			st.exit_code = CONTAINER_EXIT_UNSEEN;
			st.unseen = true;
			st.error = xstrdup("proa was killed, and the container with it");
		}
	}
	if (r < 0)
		return r;
	*ret = st;
	st = (struct container_state){ 0 };
	return 0;
}

int container_state_write_running(struct store *s, const struct container_dir *dir,
	const struct container_state *st, struct err *err)
{
	autofree char *text = format(st);
	autofd int fd = -EBADF;
	int run, r;

	r = store_rundir(s, &run, err);
	if (r >= 0)
		r = file_open_dir(run, dir->id, &fd, err);
	if (r < 0)
		return r;
	return file_write_atomic(fd, STATE_FILE,
		&(struct file_content){ .data = text, .len = strlen(text), .mode = 0600 },
		FILE_NO_SYNC, err);
}

int container_state_write_exited(
	const struct container_dir *dir, const struct container_state *st, struct err *err)
{
	autofree char *text = format(st);

	return container_dir_write(dir, STATE_FILE, text, strlen(text), 0, err);
}

void container_state_forget_run(struct store *s, const char *id)
{
	int run;

	if (store_rundir(s, &run, NULL) >= 0 && file_remove_tree(run, id, NULL) < 0) {
		/* a tmpfs that vanishes at reboot: what is left there hurts nobody */
	}
}
