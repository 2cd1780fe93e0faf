#include "cmd/program.h"

static const struct option_spec global_options[] = {
	OPT_STRING(struct program_opts, root, 0, "root", "DIR", "Keep images and containers in DIR",
		.complete = COMPLETE_DIR,
		.detail = "The default is $XDG_DATA_HOME/proa or ~/.local/share/proa, and "
			  "/var/lib/proa for root."),
	OPT_STRING(struct program_opts, runroot, 0, "runroot", "DIR",
		"Keep what ends with the machine's uptime in DIR", .complete = COMPLETE_DIR,
		.detail = "The default is $XDG_RUNTIME_DIR/proa, and /run/proa for root."),
	OPT_STRING(struct program_opts, log_level, 0, "log-level", "LEVEL",
		"Say more or less: error, warn, info, debug", .default_text = "warn",
		.values = (const char *const[]){ "error", "warn", "info", "debug", NULL }),
	OPT_FLAG(struct program_opts, debug, 'D', "debug", "The same as --log-level debug"),
	OPT_FLAG(struct program_opts, help, 'h', "help", "Print this help"),
	OPT_FLAG(struct program_opts, version, 'v', "version", "Print the version"),
	OPTION_END,
};

const struct program program = {
	.name = "proa",
	.version = PROA_VERSION,
	.summary = "Run containers without a daemon: one file, no set-up, docker's command line",
	.options = global_options,
	.commands = program_commands,
};
