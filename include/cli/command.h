/*
 * A command as data: what it is called, what it takes, what help says of it, and the function that
 * does it. Each file of cmd/ exports one `const struct command cmd_NAME` and has a line in
 * src/cmd/COMMANDS; help, man pages and completions follow from that.
 *
 *	const struct command cmd_pull = {
 *		.name = "pull",
 *		.aliases = (const char *const[]){ "image pull", NULL },
 *		.group = COMMAND_IMAGES,
 *		.summary = "Download an image from a registry",
 *		.usage = "[OPTIONS] IMAGE",
 *		.min_operands = 1, .max_operands = 1,
 *		.operands = { COMPLETE_IMAGE },
 *		.options = pull_options, .options_size = sizeof(struct pull_opts),
 *		.examples = (const struct command_example[]){
 *			{ "Pull Debian 12:", "proa pull debian:12" }, { NULL } },
 *		.run = pull_run,
 *	};
 *
 * This module finds commands by their spellings and knows nothing of what they do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/option.h"

struct context; /* cmd/context.h */

enum command_group {
	COMMAND_CONTAINERS,
	COMMAND_IMAGES,
	COMMAND_HOST,
	COMMAND_GENERAL,
	COMMAND_N_GROUPS,
};

enum command_flags {
	COMMAND_STOP_AT_OPERAND = 1 << 0, /* run, create, exec: what follows is the container's */
	COMMAND_HIDDEN = 1 << 1,	  /* not in help, man or completions */
	COMMAND_EXIT_125 = 1 << 2, /* own failures exit 125, not 1: run, create, start, exec */
	COMMAND_RAW = 1 << 3,	   /* options are not parsed: argv reaches run() as it is */
	/*
	 * Has no word of its own: aliases[0], as "system df", is how it is shown. The name,
	 * "system-df", is that of its manual page, and works as a spelling.
	 */
	COMMAND_VERB = 1 << 4,
};

struct command_example {
	const char *text;    /* what it shows; NULL ends the array */
	const char *command; /* one line, or several joined by \n */
};

struct command {
	const char *name;
	const char *const *aliases; /* NULL-terminated: "rmi", "image rm", "container ls" */
	enum command_group group;
	enum command_flags flags;
	const char *summary;	 /* one line, no full stop */
	const char *usage;	 /* what follows the name: "[OPTIONS] IMAGE [COMMAND] [ARG...]" */
	const char *description; /* paragraphs split by an empty line, for help and man; or NULL */
	int min_operands;
	int max_operands;		  /* -1 = any number */
	enum option_complete operands[2]; /* the first operand, and every later one */
	const struct option_spec *options;
	size_t options_size;
	const void *defaults; /* initial value of the options struct; NULL = all zero */
	const struct command_example *examples;
	/*
	 * Do it. `opts` is the filled options struct, argv the operands (NULL-terminated), both freed
	 * by the caller. Returns the exit status (>= 0) or -kind with err filled; the caller prints it,
	 * prefixed "CMD: ", so the message does not repeat the command's name.
	 */
	int (*run)(struct context *ctx, void *opts, int argc, char **argv, struct err *err);
};

/* A name and what it means, for lists in the manual; an array ends with a NULL name. */
struct program_item {
	const char *name;
	const char *text;
};

/* Everything that the generators need; cmd/ holds the one instance. */
struct program {
	const char *name;
	const char *version;
	const char *date; /* of the manual pages: "2026-01-31" */
	const char *summary;
	const char *description;	    /* paragraphs for proa(1) */
	const struct option_spec *options;  /* global ones */
	const struct program_item *exits;   /* exit statuses */
	const struct program_item *formats; /* what --format takes */
	const struct program_item *environment;
	const struct program_item *files;
	const struct command *const *commands; /* NULL-terminated */
};

/*
 * The command that words[0], or words[0] and words[1], spell; *ret_used is 1 or 2. NULL when there
 * is none, with *ret_used 1 if words[0] is an object ("image") whose verb is missing or wrong.
 */
const struct command *command_find(
	const struct program *p, int n, char *const *words, int *ret_used);

/* How people know the command: "rmi", "system df". */
const char *command_title(const struct command *c);

/* Is `word` the first half of a two-word spelling ("image", "container")? */
bool command_is_object(const struct program *p, const char *word);

/* -ERR_USAGE, "unknown command: proa pul" and the nearest spellings as a hint. */
int command_unknown(const struct program *p, int n, char *const *words, struct err *err);

/* Heading of a group in help: "Containers". */
const char *command_group_title(enum command_group group);
