#include "container/prune.h"

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/prune.h"

struct container_prune_opts {
	bool force;
	char **filters;
};

static const struct option_spec container_prune_options[] = {
	OPT_LIST(struct container_prune_opts, filters, 0, "filter", "KEY=VALUE",
		"Only containers that match: until, label, label!",
		.detail = "until is a moment (2006-01-02T15:04:05, seconds since 1970) or an age "
			  "(24h): containers created before it."),
	OPT_FLAG(struct container_prune_opts, force, 'f', "force", "Do not ask"),
	OPTION_END,
};

static int container_prune_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct container_prune_opts *o = opts;
	AUTO(container_prune_result) struct container_prune_result result = { 0 };
	const struct idmap *map;
	struct store *s;
	int r;

	(void)argc;
	(void)argv;
	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r < 0)
		return r;
	if (!o->force && !prune_confirm("WARNING! This will remove all stopped containers.")) {
		prune_print_total(0);
		return 0;
	}
	store_sweep(s);
	r = container_prune(s, o->filters, map, &result, err);
	prune_print("Deleted Containers:", result.ids);
	if (r < 0)
		return r;
	prune_print_total(result.bytes);
	return 0;
}

const struct command cmd_container_prune = {
	.name = "container-prune",
	.aliases = (const char *const[]){ "container prune", NULL },
	.group = COMMAND_CONTAINERS,
	.flags = COMMAND_VERB,
	.summary = "Remove all stopped containers",
	.usage = "[OPTIONS]",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = container_prune_options,
	.options_size = sizeof(struct container_prune_opts),
	.examples =
		(const struct command_example[]){
			{ "Those older than a day:", "proa container prune --filter until=24h" },
			{ NULL, NULL },
		},
	.run = container_prune_run,
};
