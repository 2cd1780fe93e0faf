/*
 * The one instance of struct program: proa, its global options and its commands. The list of
 * commands is made from src/cmd/COMMANDS when the build is configured.
 */
#pragma once

#include <stdbool.h>

#include "cli/command.h"

struct program_opts {
	const char *config;
	const char *root;
	const char *runroot;
	const char *log_level;
	bool debug;
	bool help;
	bool version;
};

extern const struct program program;

/* NULL-terminated; made from src/cmd/COMMANDS. */
extern const struct command *const program_commands[];
