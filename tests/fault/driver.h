/*
 * The parts of fault_driver: see driver.c for what it does and how it is used.
 *
 *	peer.c	registers and memory of a stopped process
 *	calls.c	which system calls there are, what each touches, which faults it can have
 *	trace.c	the loop that follows a tree of processes and strikes at the chosen call
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

#define CALL_ARGS  6
#define CALL_NAMES 2

/* --- peer.c: everything here needs the process to be in a ptrace stop --- */

enum peer_stop { PEER_ENTRY, PEER_EXIT, PEER_OTHER };

struct peer_call {
	enum peer_stop stop;
	long nr;		  /* at the entry */
	uint64_t args[CALL_ARGS]; /* at the entry */
	int64_t result;		  /* at the exit: -errno for a failure */
};

/* What ptrace(2) does, with linux/ptrace.h's constants. -1 and errno. */
long peer_ptrace(int request, pid_t pid, uintptr_t addr, uintptr_t data);

int peer_look(pid_t pid, struct peer_call *ret);

/* At the entry: another value for one argument. */
int peer_set_arg(pid_t pid, unsigned index, uint64_t value);

/* At the entry: let close(-1) run instead, which every filter allows and which does nothing. */
int peer_replace(pid_t pid);

/* At the exit of what peer_replace or peer_set_arg changed: what the process gets to see. */
int peer_set_result(pid_t pid, int64_t result);

/* A string of the process; cut at `size`. False when it cannot be read. */
bool peer_read_string(pid_t pid, uint64_t address, char *ret, size_t size);
bool peer_read(pid_t pid, uint64_t address, void *ret, size_t size);

/* --- calls.c --- */

struct call_kind;

struct call {
	const struct call_kind *kind; /* NULL: one that is not in the table */
	struct peer_call raw;
	char *names[CALL_NAMES];    /* absolute paths of what it touches, or NULL; owned */
	uint64_t inode[CALL_NAMES]; /* of descriptors; else 0 */
	bool on_disk;	/* what it touches is a file or directory, not of /proc and its kin */
	bool creates;	/* an open that creates or cuts */
	bool of_loader; /* it is about a shared library: never counted */
};

/* Fill `ret` from a process that is at the entry of a call. */
void call_describe(pid_t pid, const struct peer_call *raw, struct call *ret);
void call_done(struct call *c);

const char *call_name(const struct call *c);

/* Does it change a disk, a lock, a mount, a namespace? */
bool call_changes_state(const struct call *c);

/* May this call fail with this errno on a healthy program's way? */
bool call_can_fail(const struct call *c, int error);

/* Could this write be cut short? Returns the index of its length, or -1. */
int call_length_arg(const struct call *c);

bool call_is_below(const struct call *c, const char *directory);

/* One line for the log: tab-separated, C-quoted where needed. `opened` is the inode of a result. */
void call_log(FILE *f, const struct call *c, int64_t result, uint64_t opened);

/* "ENOSPC" -> the number. */
int call_error_number(const char *name, int *ret, struct err *err) must_check;

/* The inode of /proc/PID/fd/FD, or 0. */
uint64_t call_fd_inode(pid_t pid, int64_t fd);
bool call_opens(const struct call *c);

/* --- trace.c --- */

enum fault_kind { FAULT_NONE, FAULT_KILL, FAULT_ERROR, FAULT_SHORT };

struct trace_options {
	enum fault_kind kind;
	int error;	   /* of FAULT_ERROR */
	uint64_t at;	   /* the first is 1; 0: never */
	bool at_exit;	   /* kill when the call has been made, not before */
	bool only_one;	   /* kill the process that makes the call, not the tree */
	bool sticky;	   /* each suitable call from then on */
	bool changes_only; /* count calls that change state */
	const char *below; /* count calls on files of this directory; NULL: all */
	unsigned timeout_ms;
	FILE *log; /* NULL: none */
	uid_t uid;
	gid_t gid;
	bool change_user;
};

struct trace_result {
	uint64_t calls;	    /* that were counted */
	uint64_t processes; /* that there were in all */
	uint64_t struck;    /* how often the fault was given */
	uint64_t left;	    /* processes that outlived the first one by more than the grace */
	bool timed_out;
	int status; /* of the first process, as wait(2) gives it */
	char *what; /* description of the first call that was struck, or NULL; owned */
};

/* Run argv to its end, and everything it has started. */
int trace_run(const struct trace_options *o, char *const *argv, struct trace_result *ret,
	struct err *err) must_check;
