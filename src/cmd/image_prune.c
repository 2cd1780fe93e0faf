#include "image/prune.h"

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/prune.h"

struct image_prune_opts {
	bool all, force;
	char **filters;
};

static const struct option_spec image_prune_options[] = {
	OPT_FLAG(struct image_prune_opts, all, 'a', "all",
		"Remove all images that no container was made from, not only untagged ones"),
	OPT_LIST(struct image_prune_opts, filters, 0, "filter", "KEY=VALUE",
		"Only images that match: until, label, label!",
		.detail = "until is a moment (2006-01-02T15:04:05, seconds since 1970) or an age "
			  "(24h): images made before it. label is KEY or KEY=VALUE; label! are "
			  "images "
			  "without it."),
	OPT_FLAG(struct image_prune_opts, force, 'f', "force", "Do not ask"),
	OPTION_END,
};

static int image_prune_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct image_prune_opts *o = opts;
	AUTO(image_prune_result) struct image_prune_result result = { 0 };
	struct image_prune_options prune = { .filters = o->filters };
	struct store *s;
	int r;

	(void)argc;
	(void)argv;
	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &prune.map, err);
	if (r < 0)
		return r;
	if (!o->force &&
		!prune_confirm(o->all ? "WARNING! This will remove all images without at "
					"least one container associated to them."
				      : "WARNING! This will remove all dangling images.")) {
		prune_print_total(0);
		return 0;
	}
	prune.flags = o->all ? IMAGE_PRUNE_ALL | IMAGE_PRUNE_DOWNLOADS : 0;
	store_sweep(s);
	r = image_prune(s, &prune, &result, err);
	prune_print("Deleted Images:", result.lines);
	if (r < 0)
		return r;
	prune_print_total(result.bytes);
	return 0;
}

const struct command cmd_image_prune = {
	.name = "image-prune",
	.aliases = (const char *const[]){ "image prune", NULL },
	.group = COMMAND_IMAGES,
	.flags = COMMAND_VERB,
	.summary = "Remove images that nobody uses",
	.usage = "[OPTIONS]",
	.description = "Images of containers, running or not, stay. Without --all only images "
		       "that have "
		       "no tag are removed. What is told as reclaimed are bytes of the disk.",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = image_prune_options,
	.options_size = sizeof(struct image_prune_opts),
	.examples =
		(const struct command_example[]){
			{ "What newer versions have left without a tag:", "proa image prune -f" },
			{ "All unused images older than ten days:",
				"proa image prune -a --filter until=240h" },
			{ NULL, NULL },
		},
	.run = image_prune_run,
};
