#include "cmd/dispatch.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/program.h"
#include "sys/process.h"

#define EXIT_OWN_FAILURE 125
#define MAX_OPTIONS_SIZE 2048 /* of a command's options struct */
#define MAX_SPELLING	 64   /* "container inspect" */

struct help_opts {
	bool help;
};

/* Behind the command's own table, which may have another meaning for -h (run's --hostname). */
static const struct option_spec help_options[] = {
	OPT_FLAG(struct help_opts, help, 'h', "help", "Print this help", .status = OPTION_HIDDEN),
	OPTION_END,
};

/*
 * A closed standard descriptor would be taken by the next open, and a message meant for the user
 * would go into a layer or a lock file.
 */
static void fill_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
	}
}

/*
 * What a careless caller left open goes to no helper of ours, and our own core holds no secret.
 * Only the soft limit: a container's --ulimit core may still be as high as the caller's.
 */
static void hygiene(void)
{
	struct rlimit core;

	(void)process_cloexec_from(STDERR_FILENO + 1);
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = 0;
		(void)setrlimit(RLIMIT_CORE, &core);
	}
}

static int exit_status(const struct command *c, const struct err *err)
{
	if (err->exit)
		return err->exit;
	return c && (c->flags & COMMAND_EXIT_125) ? EXIT_OWN_FAILURE : 1;
}

int dispatch_report(const struct context *ctx, const struct err *err)
{
	log_error("%s: %s", ctx->spelling, err->msg);
	return exit_status(ctx->command, err);
}

/* The command line was wrong: message, usage line, and where more is said. */
static void report_usage(const struct context *ctx, const struct err *err)
{
	const char *name = ctx->program->name;

	if (!ctx->command) {
		log_error("%s", err->msg);
		fprintf(stderr, "See '%s --help'.\n", name);
		return;
	}
	log_error("%s: %s", ctx->spelling, err->msg);
	fprintf(stderr, "Usage:  %s %s %s\nSee '%s %s --help'.\n", name, ctx->spelling,
		ctx->command->usage ? ctx->command->usage : "", name, ctx->spelling);
}

static int check_operands(const struct command *c, int n, struct err *err)
{
	const char *amount = c->min_operands == c->max_operands ? "exactly"
			     : n < c->min_operands		? "at least"
								: "at most";
	int wanted = n < c->min_operands ? c->min_operands : c->max_operands;

	if (n >= c->min_operands && (c->max_operands < 0 || n <= c->max_operands))
		return 0;
	if (c->max_operands == 0)
		return err_set(err, ERR_USAGE, "takes no arguments");
	return err_set(err, ERR_USAGE, "requires %s %d argument%s", amount, wanted,
		wanted == 1 ? "" : "s");
}

/* argv: what follows the command's name. Returns the exit status; prints what failed. */
static int run_command(struct context *ctx, int argc, char **argv)
{
	static const struct option_spec no_options[] = { OPTION_END };
	const struct command *c = ctx->command;
	const struct option_spec *own = c->options ? c->options : no_options;
	const struct option_spec *tables[] = { own, help_options, NULL };
	/* On the stack, as is everything up to run(): proa version allocates nothing at all. */
	_Alignas(max_align_t) char opts[MAX_OPTIONS_SIZE] = { 0 };
	struct help_opts help = { .help = false };
	void *bases[] = { opts, &help };
	struct err err = { 0 };
	int r = argc;

	assert_that(c->options_size <= sizeof(opts));
	if (c->defaults)
		memcpy(opts, c->defaults, c->options_size);

	if (!(c->flags & COMMAND_RAW)) {
		r = option_parse(tables, bases,
			c->flags & COMMAND_STOP_AT_OPERAND ? OPTION_STOP_AT_OPERAND : 0, argc, argv,
			&err);
		if (r >= 0 && help.help) {
			help_command(stdout, ctx->program, c);
			option_done(c->options, opts);
			return 0;
		}
		if (r >= 0) {
			argc = r;
			r = check_operands(c, argc, &err);
		}
	}
	if (r < 0) {
		option_done(c->options, opts);
		report_usage(ctx, &err);
		return exit_status(NULL, &err);
	}

	r = c->run(ctx, opts, argc, argv, &err);
	option_done(c->options, opts);
	if (r < 0) {
		log_error("%s: %s", ctx->spelling, err.msg);
		return exit_status(c, &err);
	}
	return r;
}

/* No command by that name: help for an object that stands alone, else the nearest names. */
static int no_command(struct context *ctx, int argc, char **argv, int used)
{
	struct err err = { 0 };

	if (used == 1 && (argc == 1 || str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))) {
		help_object(stdout, ctx->program, argv[0]);
		return 0;
	}
	(void)command_unknown(ctx->program, argc, argv, &err);
	report_usage(ctx, &err);
	return exit_status(NULL, &err);
}

static int find_and_run(struct context *ctx, int argc, char **argv)
{
	char spelling[MAX_SPELLING];
	int used = 0;

	ctx->command = command_find(ctx->program, argc, argv, &used);
	if (!ctx->command)
		return no_command(ctx, argc, argv, used);
	(void)snprintf(spelling, sizeof(spelling), "%s%s%s", argv[0], used == 2 ? " " : "",
		used == 2 ? argv[1] : "");
	ctx->spelling = spelling;
	return run_command(ctx, argc - used, argv + used);
}

/* Global options; returns the number of words left in argv, or -kind. */
static int parse_globals(struct program_opts *opts, int argc, char **argv, struct err *err)
{
	const struct option_spec *tables[] = { program.options, NULL };
	void *bases[] = { opts };
	enum log_level level = LOG_LEVEL_WARN;
	int n = option_parse(tables, bases, OPTION_STOP_AT_OPERAND, argc, argv, err);
	int r;

	if (n < 0)
		return n;
	if (opts->log_level) {
		r = log_parse_level(opts->log_level, &level, err);
		if (r < 0)
			return err_exit(err, r, EXIT_OWN_FAILURE);
	}
	/* Helpers that know credentials read it, too. */
	if (opts->config && setenv("DOCKER_CONFIG", opts->config, 1) < 0)
		return err_sys(err, errno, "--config");
	log_set_level(opts->debug ? LOG_LEVEL_DEBUG : level);
	return n;
}

int dispatch_main(int argc, char **argv)
{
	struct context ctx = { .program = &program };
	struct program_opts opts = { .root = NULL };
	struct err err = { 0 };
	int status, n;

	fill_standard_fds();
	hygiene();
	/* Left ignored by whoever started us, it would have the kernel reap our children. */
	(void)signal(SIGCHLD, SIG_DFL);
	n = parse_globals(&opts, argc > 0 ? argc - 1 : 0, argv + 1, &err);
	if (n < 0) {
		report_usage(&ctx, &err);
		return exit_status(NULL, &err);
	}
	ctx.root = opts.root;
	ctx.runroot = opts.runroot;
	ctx.debug = log_get_level() == LOG_LEVEL_DEBUG;

	if (opts.version) {
		printf("%s version %s\n", program.name, program.version);
		status = 0;
	} else if (opts.help || n == 0) {
		help_program(stdout, &program);
		status = 0;
	} else {
		status = find_and_run(&ctx, n, argv + 1);
	}

	context_done(&ctx);
	if (output_flush(&err) < 0) {
		log_error("%s", err.msg);
		status = status ? status : exit_status(ctx.command, &err);
	}
	return status;
}
