/*
 * Facts about processes and the few switches of one's own that matter here.
 *
 * A process is known by {boot id, pid, start time}: a pid alone is reused, and after a reboot
 * everything is. The start time is field 22 of /proc/PID/stat, in clock ticks since boot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PROCESS_BOOT_ID_SIZE 37

struct process_identity {
	char boot_id[PROCESS_BOOT_ID_SIZE];
	pid_t pid;
	uint64_t start_time;
};

/* This boot's random id, as text. */
int process_boot_id(char ret[PROCESS_BOOT_ID_SIZE], struct err *err) must_check;

/* Clock ticks since boot when pid began; -ESRCH when there is no such process. */
int process_start_time(pid_t pid, uint64_t *ret, struct err *err) must_check;

/* Both, for the process that has this pid now. */
int process_identify(pid_t pid, struct process_identity *ret, struct err *err) must_check;

/* True while that very process runs; one that has ended and waits to be reaped does not. */
bool process_is_alive(const struct process_identity *id);

/*
 * A pidfd of that very process: opened first, then the identity is compared, so that a reused pid
 * is never hit. -ESRCH when it is gone.
 */
int process_open(const struct process_identity *id, struct err *err) must_check;

/*
 * What ps shows of this process. keep: main's arguments, where the kernel looks for them, before
 * anything permutes them. rename: they become `name`, in this process's memory only; raw, no
 * allocation. An init inside a container must not show the options it was started with.
 */
void process_keep_arguments(int argc, char **argv);
void process_rename(const char *name);

/* Below: raw, no text, -errno; allowed between clone and exec. */

/* Close every descriptor >= first. */
int process_close_from(unsigned first);

/* Mark every descriptor >= first close-on-exec (5.11). */
int process_cloexec_from(unsigned first);

/* Off: /proc/self/{exe,fd,mem} belong to root and ptrace needs rights over the memory's owner. */
int process_set_dumpable(bool on);
bool process_is_dumpable(void);

/* sig 0 clears. When the parent is already gone this cannot tell: compare getppid before/after. */
int process_set_parent_death_signal(int sig);
