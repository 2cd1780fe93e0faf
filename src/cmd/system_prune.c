#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/prune.h"
#include "container/prune.h"
#include "image/prune.h"

struct system_prune_opts {
	bool all, force;
	char **filters;
};

static const struct option_spec system_prune_options[] = {
	OPT_FLAG(struct system_prune_opts, all, 'a', "all",
		"Remove all unused images, not only untagged ones"),
	OPT_LIST(struct system_prune_opts, filters, 0, "filter", "KEY=VALUE",
		"Only what matches: until, label, label!", .detail = "See proa-image-prune(1)."),
	OPT_FLAG(struct system_prune_opts, force, 'f', "force", "Do not ask"),
	OPT_IGNORED(0, "volumes", OPTION_FLAG, "there are no volumes yet", "Prune volumes"),
	OPTION_END,
};

static const char *warning(bool all)
{
	return all ? "WARNING! This will remove:\n"
		     "  - all stopped containers\n"
		     "  - all images without at least one container associated to them\n"
		     "  - all unfinished downloads\n"
		   : "WARNING! This will remove:\n"
		     "  - all stopped containers\n"
		     "  - all dangling images\n"
		     "  - all unfinished downloads\n";
}

static int prune(struct store *s, const struct system_prune_opts *o, const struct idmap *map,
	struct err *err)
{
	AUTO(container_prune_result) struct container_prune_result containers = { 0 };
	AUTO(image_prune_result) struct image_prune_result images = { 0 };
	const struct image_prune_options io = {
		.flags = IMAGE_PRUNE_DOWNLOADS | (o->all ? IMAGE_PRUNE_ALL : 0U),
		.filters = o->filters,
		.map = map,
	};
	int r = container_prune(s, o->filters, map, &containers, err);

	/* Their images may be unused now. */
	if (r >= 0)
		r = image_prune(s, &io, &images, err);
	prune_print("Deleted Containers:", containers.ids);
	prune_print("Deleted Images:", images.lines);
	if (r < 0)
		return r;
	prune_print_total(containers.bytes + images.bytes);
	return 0;
}

static int system_prune_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct system_prune_opts *o = opts;
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
	if (!o->force && !prune_confirm(warning(o->all))) {
		prune_print_total(0);
		return 0;
	}
	store_sweep(s);
	return prune(s, o, map, err);
}

const struct command cmd_system_prune = {
	.name = "system-prune",
	.aliases = (const char *const[]){ "system prune", NULL },
	.group = COMMAND_HOST,
	.flags = COMMAND_VERB,
	.summary = "Remove stopped containers and images that nobody uses",
	.usage = "[OPTIONS]",
	.description = "`proa system df` tells beforehand how much that is. Unfinished downloads, "
		       "which the next pull would continue, go as well.",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = system_prune_options,
	.options_size = sizeof(struct system_prune_opts),
	.examples =
		(const struct command_example[]){
			{ "Everything that is not in use, without asking:",
				"proa system prune -a -f" },
			{ NULL, NULL },
		},
	.run = system_prune_run,
};
