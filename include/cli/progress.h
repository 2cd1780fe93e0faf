/*
 * Progress of several things at once. On a terminal each item is one line that is redrawn in place
 *
 *	ab12cd34ef56: Downloading [=====>              ]  1.2MB/3.4MB
 *
 * and anything else (a file, a pipe, TERM=dumb) gets a plain line for each change of state, and a
 * sign of life every half minute, so that CI logs stay short and are not taken for dead.
 *
 * Lines never exceed the terminal; where there are more items than rows, the unfinished ones are
 * shown. The cursor is hidden only within one write, so that no signal can leave it hidden.
 *
 *	AUTO(progress) struct progress *p = progress_new(STDERR_FILENO, 0);
 *	unsigned i = progress_add(p, "ab12cd34ef56");
 *	progress_set(p, i, "Downloading", done, total);	 as often as wanted: draws ten times a second
 *	progress_done(p, i, "Pull complete");
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

struct progress;

enum progress_flags {
	PROGRESS_QUIET = 1 << 0, /* print nothing at all */
	PROGRESS_PLAIN = 1 << 1, /* plain lines even on a terminal */
};

/* Writes to fd, which it does not own. */
struct progress *progress_new(int fd, enum progress_flags flags) must_check;

/* Draws the last state, leaves the cursor on a new line, frees. */
void progress_free(struct progress *p);
DEFINE_AUTO_PTR(progress, struct progress, progress_free)

/* A new item below the others; `id` is copied. Returns its number. */
unsigned progress_add(struct progress *p, const char *id);

/* A bar: `verb` ("Downloading", copied), bytes done of total; total 0 = unknown, no bar. */
void progress_set(
	struct progress *p, unsigned item, const char *verb, uint64_t done, uint64_t total);

/* A state without a bar: "Waiting", "Download complete". */
void progress_state(struct progress *p, unsigned item, const char *state);

/* The last state of an item: "Pull complete", "Already exists". */
void progress_done(struct progress *p, unsigned item, const char *state);

/* A line of its own, above the bars: "12: Pulling from library/debian". */
void progress_line(struct progress *p, const char *fmt, ...) format_printf(2, 3);

/* Redraw if something has changed and a tenth of a second has passed; for loops that poll. */
void progress_tick(struct progress *p);
