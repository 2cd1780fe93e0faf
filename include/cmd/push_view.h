/*
 * What a push looks like: image/push.h's events as lines of cli/progress.h, in docker's words. For
 * `push` and `manifest push`.
 *
 *	AUTO(push_view) struct push_view view = { .progress = p };
 *	push_view_progress(&view, &options.progress);
 */
#pragma once

#include <stddef.h>

#include "base/auto.h"
#include "cli/progress.h"
#include "image/push.h"

struct push_view {
	struct progress *progress; /* the caller's; outlives the view */
	unsigned *items;	   /* one for each layer that was announced */
	size_t n, cap;
};

void push_view_done(struct push_view *v);
DEFINE_AUTO(push_view, struct push_view, push_view_done)

/* The functions that draw on this view, which has to outlive the push. */
void push_view_progress(struct push_view *v, struct push_progress *ret);
