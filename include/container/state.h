/*
 * In what state a container is. Two small files tell: RUNDIR/ID/state.json, written before the
 * container's first instruction and gone at reboot, and state.json in the container's own
 * directory, written durably when it has ended. The truth about "running" is neither of them: it
 * is the keeper's flock on the container's directory (store/container_dir.h), and behind it the
 * identity {boot id, pid, start time} of the first process.
 *
 *	no file                          created
 *	own file that says created       created, and a start has failed: error tells why
 *	run file, its process alive      running
 *	own file                         exited, with its status
 *	run file, its process gone       exited: the keeper died before it could write the end
 *	no run file, but the lock held   running: its keeper uses another run directory
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "store/container_dir.h"
#include "store/store.h"
#include "sys/process.h"

enum container_status { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED };

struct container_state {
	enum container_status status;
	struct process_identity process; /* of a running one; pid 0 otherwise */
	struct process_identity keeper;	 /* the proa that runs it; same boot */
	int64_t started_ns, finished_ns; /* wall clock; 0 = not yet */
	int exit_code;			 /* of an exited one */
	bool unseen;			 /* exited, and nobody has recorded it */
	char *error;			 /* why it did not start, or was lost; NULL */
};

/* It was killed with its keeper (the parent-death signal is KILL). */
#define CONTAINER_EXIT_UNSEEN 137

void container_state_done(struct container_state *st);
DEFINE_AUTO(container_state, struct container_state, container_state_done)

/* "created", "running", "exited". */
const char *container_status_name(enum container_status s);

/* What docker's ps shows: "Created", "Up 3 minutes", "Exited (0) 2 hours ago". The caller frees. */
char *container_status_text(const struct container_state *st) must_check;

/* Takes no lock. */
int container_state_read(struct store *s, const struct container_dir *dir,
	struct container_state *ret, struct err *err) must_check;

/*
 * Record the first process, in the run directory: one rename on a tmpfs, no fsync. The directory
 * RUNDIR/ID has to exist (container/etc_files.h makes it).
 */
int container_state_write_running(struct store *s, const struct container_dir *dir,
	const struct container_state *st, struct err *err) must_check;

/* Record the end, or a failed start, durably. */
int container_state_write_exited(const struct container_dir *dir, const struct container_state *st,
	struct err *err) must_check;

/* Forget RUNDIR/ID and everything in it. */
void container_state_forget_run(struct store *s, const char *id);
