#include "image/tag.h"
#include "cli/command.h"
#include "cmd/context.h"

static const struct option_spec tag_options[] = {
	OPTION_END,
};

struct tag_opts {
	char unused;
};

static int tag_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	r = image_tag(s, argv[0], argv + 1, err);
	return r < 0 ? r : 0;
}

const struct command cmd_tag = {
	.name = "tag",
	.aliases = (const char *const[]){ "image tag", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Give an image another name",
	.usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG] [TARGET_IMAGE[:TAG]...]",
	.description =
		"Several names can be given at once. A name that leads to another image so far is "
		"taken from it.",
	.min_operands = 2,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = tag_options,
	.options_size = sizeof(struct tag_opts),
	.examples =
		(const struct command_example[]){
			{ "Name an image for another registry:",
				"proa tag debian:12 registry.lan:5000/base/debian:12" },
			{ NULL },
		},
	.run = tag_run,
};
