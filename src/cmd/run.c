#include "container/run.h"

#include <stdio.h>

#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/create_options.h"
#include "container/remove.h"
#include "runtime/runtime.h"

/* Which of our streams the container gets: all, or what -a names; standard input only with -i. */
static int streams_of(const struct create_opts *o, unsigned *ret_flags, struct err *err)
{
	static const struct {
		const char *name;
		unsigned flag;
	} streams[] = { { "stdin", RUN_INTERACTIVE }, { "stdout", RUN_STDOUT },
		{ "stderr", RUN_STDERR } };
	unsigned flags = 0;

	STRV_FOREACH (name, o->attach) {
		size_t i = 0;

		while (i < 3 && !str_eq_nocase(streams[i].name, name))
			i++;
		if (i == 3)
			return err_set(err, ERR_USAGE,
				"invalid argument \"%s\" for \"-a, --attach\" flag: valid streams "
				"are "
				"STDIN, STDOUT and STDERR",
				name);
		flags |= streams[i].flag;
	}
	if (!o->attach)
		flags = RUN_INTERACTIVE | RUN_ATTACH;
	if (o->tty && !(flags & RUN_STDOUT))
		return err_set(err, ERR_UNSUPPORTED,
			"--attach: a terminal (-t) is one stream, so stdout has to be among them");
	if (!o->interactive)
		flags &= ~(unsigned)RUN_INTERACTIVE;
	*ret_flags = flags;
	return 0;
}

static int run_and_remove(struct context *ctx, const struct create_opts *o, unsigned flags,
	struct container *c, struct err *err)
{
	const struct idmap *map;
	struct err why;
	struct store *s;
	int r, status = 0;

	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r < 0)
		return r;
	if (!o->sig_proxy)
		flags |= RUN_NO_PROXY;
	r = container_run(s, c, map, flags, &status, err);
	if (o->remove && container_remove_locked(s, c, map, &why) < 0)
		log_warn("container %.12s cannot be removed: %s", c->config.id, why.msg);
	return r < 0 ? r : status;
}

static int run_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	const struct create_opts *o = opts;
	const struct idmap *map;
	unsigned flags = 0;
	int r;

	(void)argc;
	r = streams_of(o, &flags, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r >= 0)
		r = runtime_seal(map, err);
	if (r < 0)
		return r;
	r = create_from_options(ctx, o, argv, &c, err);
	if (r < 0)
		return r;
	/* As docker does: then there is nothing else to see. */
	if (!(flags & RUN_ATTACH))
		printf("%s\n", c.config.id);
	(void)fflush(stdout);
	return run_and_remove(ctx, o, flags, &c, err);
}

const struct command cmd_run = {
	.name = "run",
	.aliases = (const char *const[]){ "container run", NULL },
	.group = COMMAND_CONTAINERS,
	.flags = COMMAND_STOP_AT_OPERAND | COMMAND_EXIT_125,
	.summary = "Create a container from an image and run a command in it",
	.usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.description =
		"The image is pulled when it is not here. The container runs in the foreground; it "
		"stays, stopped, when its command has ended, unless --rm is given.\n\n"
		"For now a container shares the caller's network unless --network none is "
		"given.\n\n"
		"The exit status is that of the command, 128+N when signal N ended it, 127 when it "
		"was not found, 126 when it cannot be executed, and 125 for failures of proa "
		"itself.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = run_options,
	.options_size = sizeof(struct create_opts),
	.defaults = &create_defaults,
	.examples =
		(const struct command_example[]){
			{ "A shell in Debian, on this terminal:", "proa run -it debian bash" },
			{ "One command, leaving nothing behind:",
				"proa run --rm debian cat /etc/os-release" },
			{ "A build step on the current directory:",
				"proa run --rm -v .:/src -w /src gcc make" },
			{ "A directory as root file system, no network:",
				"proa run --rm --network none --rootfs ./tree /bin/sh -c 'echo "
				"hi'" },
			{ NULL, NULL },
		},
	.run = run_run,
};
