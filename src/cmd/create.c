#include <stdio.h>

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/create_options.h"
#include "store/container_dir.h"

static int create_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	struct store *s;
	int r;

	(void)argc;
	r = create_from_options(ctx, opts, argv, &c, err);
	if (r >= 0)
		r = context_store(ctx, &s, err);
	if (r >= 0 && c.config.flags & CONTAINER_AUTO_REMOVE)
		r = container_dir_keep(s, &c.dir, err);
	if (r < 0)
		return r;
	printf("%s\n", c.config.id);
	return 0;
}

const struct command cmd_create = {
	.name = "create",
	.aliases = (const char *const[]){ "container create", NULL },
	.group = COMMAND_CONTAINERS,
	.flags = COMMAND_STOP_AT_OPERAND | COMMAND_EXIT_125,
	.summary = "Create a container without starting it",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.description = "Prints the container's id. Start it with proa start.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = create_options,
	.options_size = sizeof(struct create_opts),
	.defaults = &create_defaults,
	.examples =
		(const struct command_example[]){
			{ "Create now, run later:",
				"proa create --name job debian apt-get update\nproa start -a job" },
			{ NULL, NULL },
		},
	.run = create_run,
};
