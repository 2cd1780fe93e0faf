#include "cmd/push_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define STATE_MAX 300

void push_view_done(struct push_view *v)
{
	free(TAKE_PTR(v->items));
	v->n = v->cap = 0;
}

static void on_begin(void *ctx, const struct digest *layers, size_t n)
{
	struct push_view *v = ctx;

	for (size_t i = 0; i < n; i++) {
		char id[13] = "";

		memcpy(id, digest_hex(&layers[i]), 12);
		GROW(v->items, v->n, v->cap);
		v->items[v->n++] = progress_add(v->progress, id);
	}
}

static void on_layer(void *ctx, const struct push_event *e)
{
	struct push_view *v = ctx;
	unsigned item = v->items[e->layer];
	char text[STATE_MAX];

	switch (e->phase) {
	case PUSH_WAITING:
		progress_state(v->progress, item, "Waiting");
		break;
	case PUSH_COMPRESSING:
		progress_set(v->progress, item, "Compressing", e->done, e->total);
		break;
	case PUSH_SENDING:
		progress_set(v->progress, item, "Pushing", e->done, e->total);
		break;
	case PUSH_SENT:
		progress_done(v->progress, item, "Pushed");
		break;
	case PUSH_EXISTS:
		progress_done(v->progress, item, "Layer already exists");
		break;
	case PUSH_MOUNTED:
		(void)snprintf(text, sizeof(text), "Mounted from %s", e->from);
		progress_done(v->progress, item, text);
		break;
	case PUSH_FOREIGN:
		progress_done(v->progress, item, "Skipped foreign layer");
		break;
	}
}

void push_view_progress(struct push_view *v, struct push_progress *ret)
{
	*ret = (struct push_progress){ .begin = on_begin, .layer = on_layer, .ctx = v };
}
