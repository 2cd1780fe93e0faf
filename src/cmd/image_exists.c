#include "cli/command.h"
#include "cmd/context.h"
#include "image/image.h"

/* Of podman: a failure that is neither yes nor no. */
#define EXIT_UNKNOWN 125

static const struct option_spec image_exists_options[] = {
	OPTION_END,
};

struct image_exists_opts {
	char unused;
};

static int image_exists_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)opts;
	(void)argc;
	if (r >= 0)
		r = image_resolve_record(s, argv[0], &rec, err);
	if (r == -ERR_NOT_FOUND)
		return 1;
	return r < 0 ? err_exit(err, r, EXIT_UNKNOWN) : 0;
}

const struct command cmd_image_exists = {
	.name = "image-exists",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "image exists", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Tell whether an image is here",
	.usage = "IMAGE",
	.description = "Exits 0 when there is an image by that name or id, 1 when there is not, "
		       "and 125 when that cannot be found out. Prints nothing.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = image_exists_options,
	.options_size = sizeof(struct image_exists_opts),
	.examples =
		(const struct command_example[]){
			{ "Pull what is not here:",
				"proa image exists debian:12 || proa pull debian:12" },
			{ NULL },
		},
	.run = image_exists_run,
};
