#include "cmd/limit_size.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/strv.h"
#include "cmd/context.h"
#include "image/evict.h"
#include "store/config.h"
#include "store/store.h"

static void tell(char *const *names, uint64_t left, uint64_t max_size)
{
	char limit[32], size[32];

	clock_human_size(max_size, limit, sizeof(limit));
	clock_human_size(left, size, sizeof(size));
	STRV_FOREACH (name, names)
		log_warn("%s was removed, as it was not used for longest: max-size is %s", name,
			limit);
	if (left > max_size)
		log_warn("images take %s, max-size is %s: the rest is in use or did not come from "
			 "a registry",
			size, limit);
}

void limit_size(struct context *ctx, const struct digest *keep)
{
	struct evict_options o = { .keep = keep };
	AUTO(strv) char **names = NULL;
	struct err why = { 0 };
	struct store *s = NULL;
	uint64_t left = 0;
	int r = context_store(ctx, &s, &why);

	if (r >= 0)
		o.max_size = store_configuration(s)->max_size;
	if (r < 0 || !o.max_size)
		return;
	r = context_idmap(ctx, &o.map, &why);
	if (r >= 0)
		r = image_evict(s, &o, &names, &left, &why);
	tell(names, r < 0 ? 0 : left, o.max_size);
	if (r < 0)
		log_warn("max-size: %s", why.msg);
}
