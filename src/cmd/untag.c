#include "cli/command.h"
#include "cmd/context.h"
#include "image/tag.h"

static const struct option_spec untag_options[] = {
	OPTION_END,
};

struct untag_opts {
	char unused;
};

static int untag_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	r = image_untag(s, argv[0], argv + 1, err);
	return r < 0 ? r : 0;
}

const struct command cmd_untag = {
	.name = "untag",
	.aliases = (const char *const[]){ "image untag", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Take names from an image and keep the image",
	.usage = "IMAGE [NAME...]",
	.description = "Takes these names from the image, or all that it has when none is given. "
		       "The image stays and can be used by its id; `proa rmi` removes it.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = untag_options,
	.options_size = sizeof(struct untag_opts),
	.examples =
		(const struct command_example[]){
			{ "One of its names:", "proa untag debian:12 debian:latest" },
			{ NULL },
		},
	.run = untag_run,
};
