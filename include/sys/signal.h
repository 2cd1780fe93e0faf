/*
 * Signals: names, the set that a foreground run forwards, and a clean slate for children.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3", "SIGRTMAX-1" (numbers as the kernel counts:
 * RTMIN is 34, RTMAX 64, whatever the C library keeps for itself): the number, 1..64.
 * "0" and names that do not exist are -ERR_USAGE.
 */
int signal_parse(const char *s, struct err *err) must_check;

/* "SIGTERM", "SIGRTMIN+3"; never NULL; a static buffer is used for real-time names. */
const char *signal_name(int number);

/*
 * Block what a foreground run handles by itself, ignore SIGPIPE, and return a signalfd for it
 * (CLOEXEC, non-blocking). Not in the set: KILL, STOP, CHLD, PIPE, the faults (SEGV BUS FPE ILL
 * TRAP SYS), and TTIN and TTOU, which have to stop a job in the background as they always do.
 * ret_saved takes the mask from before; give it to signal_unblock when the run is over.
 */
int signal_open_fd(sigset_t *ret_saved, struct err *err) must_check;
void signal_unblock(const sigset_t *saved);

/* Signal number of the next pending signal of a signalfd; 0 when there is none. */
int signal_read_fd(int fd, struct err *err) must_check;

/*
 * All dispositions to default and nothing blocked, as a program expects at its start. For a child
 * before exec: no allocation. (bwrap once broke on an inherited ignored SIGCHLD.)
 */
void signal_reset_all(void);

/* Only the dispositions, only the mask: for a child that has to keep signals out for a while. */
void signal_default_all(void);
void signal_unblock_all(void);

/* Stop the caller by `number` (SIGTSTP, SIGSTOP) now; returns when somebody continues it. */
void signal_stop_self(int number);
