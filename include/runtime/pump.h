/*
 * One direction of a stream: bytes from one descriptor to another through a fixed buffer, without
 * ever blocking on the writer's side for what the reader does. Used by supervise's poll loop:
 *
 *	pump_open(&p, &in, &out, flags)
 *	loop:	pump_want(&p, fds)		two pollfds, fd -1 where nothing is wanted
 *		poll
 *		pump_run(&p, fds)
 *	pump_done(&p)
 *
 * A terminal that we inherited is opened a second time, non-blocking: O_NONBLOCK on the inherited
 * description would reach the user's shell. Where that is not allowed (a terminal of another
 * user's), and for inherited pipes, writes are at most PIPE_BUF bytes after POLLOUT, which do not
 * block. Allocates nothing.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

enum pump_flags {
	PUMP_IN_INHERITED = 1 << 0, /* shared with others: its flags are not ours to change */
	PUMP_OUT_INHERITED = 1 << 1,
	PUMP_CLOSE_IN = 1 << 2,	 /* close *in once the reader is gone: the writer gets EPIPE */
	PUMP_CLOSE_OUT = 1 << 3, /* close *out once all is written: the reader gets its end */
	PUMP_FROM_PTY = 1 << 4,	 /* *in is a master: EIO says that nobody has the other side now */
};

#define PUMP_SIZE 16384

struct pump {
	int *in, *out;		 /* the caller's variables; set to -EBADF when closed here */
	int in_again, out_again; /* second descriptions, owned, or -EBADF */
	unsigned flags;
	bool in_ended, out_ended;
	bool paused;	  /* no slave open: ask again later */
	size_t write_max; /* at most this much in one write */
	size_t start, len;
	char data[PUMP_SIZE];
};

/* in or out may be -EBADF: the pump is then done from the start. */
void pump_open(struct pump *p, int *in, int *out, unsigned flags);
void pump_done(struct pump *p);
DEFINE_AUTO(pump, struct pump, pump_done)

void pump_want(const struct pump *p, struct pollfd fds[2]);
void pump_run(struct pump *p, const struct pollfd fds[2]);

/* Nothing in the buffer, or nobody to take it. */
bool pump_is_empty(const struct pump *p);

/* Nothing will ever move again. */
bool pump_is_finished(const struct pump *p);
