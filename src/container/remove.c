#include "container/remove.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "container/state.h"
#include "sys/clone.h"
#include "sys/process.h"

#define KEEPER_WAIT_NS (2 * NSEC_PER_SEC)
#define KILL_WAIT_NS   (10 * NSEC_PER_SEC)

int container_remove_locked(
	struct store *s, struct container *c, const struct idmap *map, struct err *err)
{
	container_state_forget_run(s, c->config.id);
	return container_dir_remove(s, &c->dir, c->config.name, map, err);
}

static int still_running(const struct container *c, struct err *err)
{
	return err_hint(err,
		err_set(err, ERR_WRONG_STATE,
			"cannot remove container \"%s\": container is running", c->config.name),
		"end it and remove it: proa rm -f %s", c->config.name);
}

/* To a recorded process, if it is still that very process. */
static int signal_process(const struct process_identity *id, int sig, struct err *err)
{
	autofd int pidfd = process_open(id, err);
	int r;

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return pidfd;
	r = pidfd_signal(pidfd, sig);
	if (r < 0 && r != -ESRCH)
		return err_sys(err, -r, "signal process %d", (int)id->pid);
	return 0;
}

/* Lock it within that time; each try waits a moment by itself. */
static int lock_within(struct store *s, struct container *c, int64_t ns, struct err *err)
{
	int64_t end = clock_boottime_ns() + ns;
	int r;

	do {
		r = container_dir_lock(s, &c->dir, err);
	} while (r == -ERR_WRONG_STATE && clock_boottime_ns() < end);
	return r;
}

/*
 * The container is dead; its keeper notices, records it and lets go. One that was stopped (ctrl-Z)
 * is woken for that, and one that still does not let go is killed: force was asked for.
 */
static int lock_after_kill(
	struct store *s, struct container *c, const struct container_state *st, struct err *err)
{
	int r = lock_within(s, c, KEEPER_WAIT_NS, err);

	if (r != -ERR_WRONG_STATE || !st->keeper.pid)
		return r;
	r = signal_process(&st->keeper, SIGCONT, err);
	if (r >= 0)
		r = lock_within(s, c, KEEPER_WAIT_NS, err);
	if (r != -ERR_WRONG_STATE)
		return r;
	r = signal_process(&st->keeper, SIGKILL, err);
	return r < 0 ? r : lock_within(s, c, KILL_WAIT_NS, err);
}

static int other_rundir(const struct container *c, struct err *err)
{
	return err_hint(err,
		err_set(err, ERR_WRONG_STATE,
			"container \"%s\" is kept by a proa with another run directory",
			c->config.name),
		"use the XDG_RUNTIME_DIR or --runroot that it was started with");
}

/* Its config.json cannot be read: nothing but the directory itself is known of it. */
static int remove_damaged(
	struct store *s, const char *name_or_id, const struct idmap *map, struct err *err)
{
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	char id[CONTAINER_ID_LEN + 1];
	int r;

	r = container_dir_find(s, name_or_id, id, err);
	if (r >= 0)
		r = container_dir_open(s, id, &dir, err);
	if (r >= 0)
		r = container_dir_lock(s, &dir, err);
	if (r < 0)
		return r;
	container_state_forget_run(s, id);
	return container_dir_remove(
		s, &dir, str_after(id, name_or_id) ? NULL : name_or_id, map, err);
}

/*
 * Ended without anybody to record it, or begun by a `run --rm` that did not come to its end.
 * What `create --rm` made waits for its start.
 */
static bool is_lost(const struct container *c, const struct container_state *st)
{
	return st->unseen ||
	       (st->status != CONTAINER_RUNNING && container_dir_is_ephemeral(&c->dir));
}

/* A --rm container whose keeper was killed; whoever holds its lock is still at it. */
static void remove_if_lost(struct store *s, const char *id, const struct idmap *map)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(container_state) struct container_state st = { 0 };
	struct err why;
	int r;

	r = container_open_id(s, id, &c, NULL);
	if (r < 0 || !(c.config.flags & CONTAINER_AUTO_REMOVE))
		return;
	r = container_state_read(s, &c.dir, &st, NULL);
	if (r < 0 || !is_lost(&c, &st) || container_dir_lock(s, &c.dir, NULL) < 0)
		return;
	if (container_remove_locked(s, &c, map, &why) < 0)
		log_debug("container %.12s stays: %s", id, why.msg);
}

void container_remove_lost(struct store *s, const struct idmap *map)
{
	AUTO(strv) char **ids = NULL;

	if (container_dir_list(s, &ids, NULL) < 0)
		return;
	for (size_t i = 0; ids && ids[i]; i++)
		remove_if_lost(s, ids[i], map);
}

int container_remove(struct store *s, const char *name_or_id, unsigned flags,
	const struct idmap *map, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(container_state) struct container_state st = { 0 };
	int r;

	r = container_open(s, name_or_id, &c, err);
	if (r == -ERR_FORMAT)
		return remove_damaged(s, name_or_id, map, err);
	if (r >= 0)
		r = container_state_read(s, &c.dir, &st, err);
	if (r < 0)
		return r;
	if (st.status == CONTAINER_RUNNING) {
		if (!(flags & REMOVE_FORCE))
			return still_running(&c, err);
		if (!st.process.pid)
			return other_rundir(&c, err);
		r = signal_process(&st.process, SIGKILL, err);
		if (r < 0)
			return r;
	}
	r = lock_after_kill(s, &c, &st, err);
	if (r == -ERR_NOT_FOUND && (flags & REMOVE_FORCE))
		return 0; /* it was a --rm container: its keeper has removed it */
	if (r < 0)
		return r;
	return container_remove_locked(s, &c, map, err);
}
