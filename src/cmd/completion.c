#include "cli/completion.h"

#include <stdio.h>

#include "base/str.h"
#include "cmd/context.h"

static const struct {
	const char *name;
	void (*print)(FILE *out, const struct program *p);
} shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static int completion_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	(void)opts;
	(void)argc;
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (str_eq(argv[0], shells[i].name)) {
			shells[i].print(stdout, ctx->program);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE,
		"no completion for shell \"%s\": bash, zsh and fish have one", argv[0]);
}

const struct command cmd_completion = {
	.name = "completion",
	.group = COMMAND_GENERAL,
	.summary = "Print the completion script of a shell",
	.usage = "bash|zsh|fish",
	.description =
		"The packages install these scripts where the shells look for them. Where proa "
		"is a single file of your own, add one of the lines below to the shell's "
		"start-up file.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_SHELL, COMPLETE_NONE },
	.examples =
		(const struct command_example[]){
			{ "In ~/.bashrc:", "source <(proa completion bash)" },
			{ "In ~/.zshrc, behind compinit:", "source <(proa completion zsh)" },
			{ "In ~/.config/fish/config.fish:", "proa completion fish | source" },
			{ NULL },
		},
	.run = completion_run,
};
