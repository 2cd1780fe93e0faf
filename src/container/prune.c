#include "container/prune.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strv.h"
#include "codec/prune_filter.h"
#include "container/list.h"
#include "container/remove.h"
#include "store/usage.h"

void container_prune_result_done(struct container_prune_result *r)
{
	strv_free(TAKE_PTR(r->ids));
}

static bool is_victim(const struct container_entry *e, const struct prune_filter *f)
{
	return e->state.status != CONTAINER_RUNNING &&
	       prune_filter_matches(f, e->c.config.created_ns, e->c.config.labels);
}

static int remove_one(struct store *s, const char *id, uint64_t bytes, const struct idmap *map,
	struct container_prune_result *ret, struct err *err)
{
	struct err why = { 0 };
	int r = container_remove(s, id, 0, map, &why);

	/* Somebody starts it, or has removed it. */
	if (r == -ERR_WRONG_STATE || r == -ERR_NOT_FOUND) {
		log_debug("prune: %s", why.msg);
		return 0;
	}
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	strv_push(&ret->ids, id);
	ret->bytes += bytes;
	return 0;
}

int container_prune(struct store *s, char *const *filters, const struct idmap *map,
	struct container_prune_result *ret, struct err *err)
{
	AUTO(prune_filter) struct prune_filter f = { 0 };
	AUTO(container_entries) struct container_entries l = { 0 };
	AUTO(strv) char **ids = NULL, **paths = NULL;
	autofree struct usage *sums = NULL;
	int r = prune_filter_parse(filters, clock_wall_ns(), &f, err);

	if (r >= 0)
		r = container_list(s, &l, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (is_victim(&l.v[i], &f)) {
			strv_push(&ids, l.v[i].c.config.id);
			strv_pushf(&paths, "containers/%s", l.v[i].c.config.id);
		}
	sums = NEW_ARRAY(struct usage, l.n + 1);
	r = usage_measure(s, paths, map, sums, err);
	for (size_t i = 0; r >= 0 && ids && ids[i]; i++)
		r = remove_one(s, ids[i], sums[i].disk, map, ret, err);
	return r;
}
