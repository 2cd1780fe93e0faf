#include "cli/man.h"

#include <stdio.h>

#include "base/str.h"
#include "cmd/context.h"

/* For the build: the source of one manual page on stdout. */
static int man_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct command *c;
	int used = 0;

	(void)opts;
	if (argc == 0 || str_eq(argv[0], ctx->program->name)) {
		man_program(stdout, ctx->program);
		return 0;
	}
	c = command_find(ctx->program, 1, argv, &used);
	if (!c)
		return command_unknown(ctx->program, 1, argv, err);
	man_command(stdout, ctx->program, c);
	return 0;
}

const struct command cmd_man = {
	.name = "__man",
	.flags = COMMAND_HIDDEN,
	.summary = "Print the source of a manual page",
	.usage = "[COMMAND]",
	.max_operands = 1,
	.run = man_run,
};
