#include "container/remove.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/state.h"
#include "sys/clone.h"
#include "sys/process.h"

#define KILL_WAIT_NS (10 * NSEC_PER_SEC)

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
		"stop the container before removing it, or force: proa rm -f %s", c->config.name);
}

/* SIGKILL to the recorded process, if it is still that very process. */
static int kill_process(const struct container_state *st, struct err *err)
{
	autofd int pidfd = process_open(&st->process, err);
	int r;

	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return pidfd;
	r = pidfd_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_sys(err, -r, "kill process %d", (int)st->process.pid);
	return 0;
}

/* The keeper notices the end, records it and lets go; each try waits a moment by itself. */
static int lock_after_kill(struct store *s, struct container *c, struct err *err)
{
	int64_t end = clock_boottime_ns() + KILL_WAIT_NS;
	int r;

	do {
		r = container_dir_lock(s, &c->dir, err);
	} while (r == -ERR_WRONG_STATE && clock_boottime_ns() < end);
	return r;
}

int container_remove(struct store *s, const char *name_or_id, unsigned flags,
	const struct idmap *map, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(container_state) struct container_state st = { 0 };
	int r;

	r = container_open(s, name_or_id, &c, err);
	if (r >= 0)
		r = container_state_read(s, &c.dir, &st, err);
	if (r < 0)
		return r;
	if (st.status == CONTAINER_RUNNING) {
		if (!(flags & REMOVE_FORCE))
			return still_running(&c, err);
		r = kill_process(&st, err);
		if (r < 0)
			return r;
	}
	r = lock_after_kill(s, &c, err);
	if (r == -ERR_NOT_FOUND && (flags & REMOVE_FORCE))
		return 0; /* it was a --rm container: its keeper has removed it */
	if (r < 0)
		return r;
	return container_remove_locked(s, &c, map, err);
}
