/*
 * Runs a command, counts the system calls of its whole tree of processes by one counter, and gives
 * one fault to the N-th of them. Not installed; the tests of this folder use it, and a person may.
 *
 *	fault_driver [options] COMMAND [ARG...]
 *
 *	-r FILE	   the report (below) goes there instead of to stderr
 *	-l FILE	   a log: one line for each counted or uncounted call that ended
 *	-c	   count only calls that change state: names, data, attributes, locks, mounts, processes
 *	-b DIR	   count only calls on files of DIR
 *	-n N	   strike at the N-th; without it: only count
 *	-k	   strike: SIGKILL to the whole tree, before the call is made
 *	-K	   the same once the call has been made
 *	-1	   with -k or -K: only to the process that makes the call
 *	-e ERROR   strike: the call is not made and fails with ENOSPC, EIO, EMFILE, ENFILE, EDQUOT,
 *		   EINTR, EROFS or EACCES; only calls where that can happen are counted
 *	-s	   strike: half of what was to be written is; only writes to files are counted
 *	-S	   sticky: every counted call from the N-th on
 *	-t SECONDS no longer than this (20)
 *	-u UID:GID as this user, without further groups
 *
 * Reading shared libraries is never counted: that is the loader's, before the program begins.
 *
 * The report has a line for each fact: "calls N", "processes N", "struck N", "at CALL PATH PATH",
 * "exit N" or "signal N", "left N" (processes that outlived the first by two seconds), "timeout".
 * Exit status: the command's; 128 and the signal; 124 after the time limit; 125 when the driver
 * itself has failed. Everything is dead when it returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/parse.h"
#include "driver.h"

static void usage(void)
{
	fprintf(stderr,
		"usage: fault_driver [-r FILE] [-l FILE] [-c] [-b DIR] [-n N] [-k|-K|-e ERROR|-s]\n"
		"                    [-1] [-S] [-t SECONDS] [-u UID:GID] COMMAND [ARG...]\n");
	exit(125);
}

static void fail(const struct err *err)
{
	fprintf(stderr, "fault_driver: %s\n", err->msg);
	exit(125);
}

static uint64_t number(const char *text, uint64_t max)
{
	struct err err = { 0 };
	uint64_t ret = 0;

	if (parse_u64(text, max, &ret, &err) < 0)
		fail(&err);
	return ret;
}

static FILE *create(const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f) {
		perror(path);
		exit(125);
	}
	return f;
}

static void take_user(struct trace_options *o, char *text)
{
	char *colon = strchr(text, ':');

	if (!colon)
		usage();
	*colon = '\0';
	o->uid = (uid_t)number(text, UINT32_MAX - 1);
	o->gid = (gid_t)number(colon + 1, UINT32_MAX - 1);
	o->change_user = true;
}

static void take_error(struct trace_options *o, const char *name)
{
	struct err err = { 0 };

	o->kind = FAULT_ERROR;
	if (call_error_number(name, &o->error, &err) < 0)
		fail(&err);
}

/* False: not one of these letters. */
static bool take_fault(struct trace_options *o, int letter)
{
	switch (letter) {
	case 'k':
	case 'K':
		o->kind = FAULT_KILL;
		o->at_exit = letter == 'K';
		return true;
	case 'e':
		take_error(o, optarg);
		return true;
	case 's':
		o->kind = FAULT_SHORT;
		return true;
	case '1':
		o->only_one = true;
		return true;
	case 'S':
		o->sticky = true;
		return true;
	case 'n':
		o->at = number(optarg, UINT64_MAX);
		return true;
	default:
		return false;
	}
}

static void take_options(struct trace_options *o, int argc, char **argv, FILE **report)
{
	int letter;

	while ((letter = getopt(argc, argv, "+r:l:cb:n:kK1e:sSt:u:")) != -1) {
		if (take_fault(o, letter))
			continue;
		switch (letter) {
		case 'r':
			*report = create(optarg);
			break;
		case 'l':
			o->log = create(optarg);
			break;
		case 'c':
			o->changes_only = true;
			break;
		case 'b':
			o->below = optarg;
			break;
		case 't':
			o->timeout_ms = (unsigned)number(optarg, 3600) * 1000;
			break;
		case 'u':
			take_user(o, optarg);
			break;
		default:
			usage();
		}
	}
	if (optind >= argc || (o->at && o->kind == FAULT_NONE))
		usage();
}

static void print(FILE *f, const struct trace_result *r)
{
	fprintf(f, "calls %llu\nprocesses %llu\nstruck %llu\n", (unsigned long long)r->calls,
		(unsigned long long)r->processes, (unsigned long long)r->struck);
	if (r->what)
		fprintf(f, "at %s\n", r->what);
	if (WIFEXITED(r->status))
		fprintf(f, "exit %d\n", WEXITSTATUS(r->status));
	else
		fprintf(f, "signal %d\n", WTERMSIG(r->status));
	fprintf(f, "left %llu\n", (unsigned long long)r->left);
	if (r->timed_out)
		fprintf(f, "timeout\n");
}

static int status_of(const struct trace_result *r)
{
	if (r->timed_out)
		return 124;
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
}

int main(int argc, char **argv)
{
	struct trace_options o = { .timeout_ms = 20000 };
	struct trace_result result;
	FILE *report = stderr;
	struct err err = { 0 };

	take_options(&o, argc, argv, &report);
	if (trace_run(&o, argv + optind, &result, &err) < 0)
		fail(&err);
	if (o.log && fclose(o.log) != 0) {
		perror("log");
		return 125;
	}
	print(report, &result);
	free(result.what);
	if (fflush(report) != 0)
		return 125;
	return status_of(&result);
}
