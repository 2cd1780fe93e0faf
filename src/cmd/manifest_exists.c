#include "cli/command.h"
#include "cmd/context.h"
#include "image/manifest_list.h"

/* Of podman: a failure that is neither yes nor no. */
#define EXIT_UNKNOWN 125

static const struct option_spec manifest_exists_options[] = {
	OPTION_END,
};

struct manifest_exists_opts {
	char unused;
};

static int manifest_exists_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)opts;
	(void)argc;
	if (r >= 0)
		r = manifest_list_find(s, argv[0], &rec, err);
	if (r == -ERR_NOT_FOUND)
		return 1;
	return r < 0 ? err_exit(err, r, EXIT_UNKNOWN) : 0;
}

const struct command cmd_manifest_exists = {
	.name = "manifest-exists",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest exists", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Tell whether a manifest list is here",
	.usage = "LIST",
	.description = "Exits 0 when there is a manifest list by that name, 1 when there is not, "
		       "and 125 when that cannot be found out. Prints nothing.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = manifest_exists_options,
	.options_size = sizeof(struct manifest_exists_opts),
	.examples =
		(const struct command_example[]){
			{ "Make a list once:",
				"proa manifest exists app:1 || proa manifest create app:1" },
			{ NULL },
		},
	.run = manifest_exists_run,
};
