#include "container/list.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"

void container_entries_done(struct container_entries *l)
{
	for (size_t i = 0; i < l->n; i++) {
		container_done(&l->v[i].c);
		container_state_done(&l->v[i].state);
	}
	free(l->v);
	*l = (struct container_entries){ 0 };
}

static int newest_first(const void *a, const void *b)
{
	const struct container_entry *x = a, *y = b;
	int64_t tx = x->c.config.created_ns, ty = y->c.config.created_ns;

	return (tx < ty) - (tx > ty);
}

static int read_entry(struct store *s, const char *id, struct container_entry *ret, struct err *err)
{
	int r = container_open_id(s, id, &ret->c, err);

	if (r < 0)
		return r;
	r = container_state_read(s, &ret->c.dir, &ret->state, err);
	if (r < 0)
		container_done(&ret->c);
	/* A list of thousands must not run out of descriptors. */
	container_dir_done(&ret->c.dir);
	return r;
}

int container_list(struct store *s, struct container_entries *ret, struct err *err)
{
	AUTO(container_entries) struct container_entries l = { 0 };
	AUTO(strv) char **ids = NULL;
	int r;

	r = container_dir_list(s, &ids, err);
	if (r < 0)
		return r;
	l.v = NEW_ARRAY(struct container_entry, strv_len(ids));
	for (size_t i = 0; ids && ids[i]; i++) {
		struct container_entry entry = { .c = CONTAINER_INIT };
		struct err why;

		r = read_entry(s, ids[i], &entry, &why);
		if (r >= 0)
			l.v[l.n++] = entry;
		else if (r != -ERR_NOT_FOUND && r != -ENOENT)
			log_warn("container %.12s is left out: %s", ids[i], why.msg);
	}
	qsort(l.v, l.n, sizeof(*l.v), newest_first);
	*ret = l;
	l = (struct container_entries){ 0 };
	return 0;
}
