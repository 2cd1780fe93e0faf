#include <stdio.h>

#include "cli/help.h"
#include "cmd/context.h"

static int help_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct program *p = ctx->program;
	const struct command *c;
	int used = 0;

	(void)opts;
	if (argc == 0) {
		help_program(stdout, p);
		return 0;
	}
	c = command_find(p, argc, argv, &used);
	if (c && used == argc) {
		help_command(stdout, p, c);
		return 0;
	}
	if (used == 1 && argc == 1) {
		help_object(stdout, p, argv[0]);
		return 0;
	}
	if (c)
		return err_set(err, ERR_USAGE, "there is no command \"%s %s\"", argv[0], argv[1]);
	return command_unknown(p, argc, argv, err);
}

const struct command cmd_help = {
	.name = "help",
	.group = COMMAND_GENERAL,
	.summary = "Explain a command, or list them",
	.usage = "[COMMAND]",
	.max_operands = 2,
	.operands = { COMPLETE_COMMAND, COMPLETE_NONE },
	.examples =
		(const struct command_example[]){
			{ "Options of run:", "proa help run" },
			{ "What can be done with images:", "proa help image" },
			{ NULL },
		},
	.run = help_run,
};
