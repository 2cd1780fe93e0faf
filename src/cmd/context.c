#include "cmd/context.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "store/config.h"
#include "store/store.h"
#include "userns/idmap.h"

int context_store(struct context *ctx, struct store **ret, struct err *err)
{
	struct store_config config;
	int r;

	if (ctx->opened_store) {
		*ret = ctx->opened_store;
		return 0;
	}
	r = store_config_load(&config, err);
	if (r >= 0)
		r = store_open(ctx->root, ctx->runroot, &ctx->opened_store, err);
	if (r < 0)
		return r;
	store_configure(ctx->opened_store, &config);
	*ret = ctx->opened_store;
	return 0;
}

int context_idmap(struct context *ctx, const struct idmap **ret, struct err *err)
{
	if (!ctx->detected_idmap) {
		autofree struct idmap *map = NEW(struct idmap);
		int r = idmap_detect(map, err);

		if (r < 0)
			return r;
		ctx->detected_idmap = TAKE_PTR(map);
	}
	*ret = ctx->detected_idmap;
	return 0;
}

void context_done(struct context *ctx)
{
	if (ctx->opened_store)
		store_close(ctx->opened_store);
	ctx->opened_store = NULL;
	free(ctx->detected_idmap);
	ctx->detected_idmap = NULL;
}
