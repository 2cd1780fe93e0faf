#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "container/export.h"
#include "sys/outfile.h"

struct export_opts {
	const char *output;
};

static const struct option_spec export_options[] = {
	OPT_STRING(struct export_opts, output, 'o', "output", "FILE",
		"Write to this file, not standard output", .complete = COMPLETE_FILE,
		.detail = "It appears when all of it is written, in place of what was there."),
	OPTION_END,
};

static int export_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(outfile) struct outfile out = OUTFILE_INIT;
	struct container_export_result result;
	const struct export_opts *o = opts;
	const char *path = o->output && !outfile_is_stdout(o->output) ? o->output : NULL;
	const struct idmap *map;
	struct store *s;
	int r;

	(void)argc;
	if (!path && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r >= 0)
		r = outfile_open(path, &out, err);
	if (r >= 0)
		r = container_export(s, argv[0], map, &out, &result, err);
	if (r >= 0)
		r = outfile_commit(&out, err);
	if (r < 0)
		return r;
	if (result.changed)
		log_warn("%llu files became shorter while they were read: zeros fill the rest",
			(unsigned long long)result.changed);
	if (result.sockets)
		log_debug("%llu sockets are left out", (unsigned long long)result.sockets);
	return 0;
}

const struct command cmd_export = {
	.name = "export",
	.aliases = (const char *const[]){ "container export", NULL },
	.group = COMMAND_CONTAINERS,
	.summary = "Write a container's file system as a tar archive",
	.usage = "[OPTIONS] CONTAINER",
	.description =
		"The image's files with the container's changes, whether it runs or not; what is "
		"in volumes and other mounts is not part of it. Owners are those inside the "
		"container, also where the files on disk are all yours. `proa import` makes an "
		"image of it.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_CONTAINER, COMPLETE_NONE },
	.options = export_options,
	.options_size = sizeof(struct export_opts),
	.examples =
		(const struct command_example[]){
			{ "To a file:", "proa export -o web.tar web" },
			{ "As a new image:", "proa export web | proa import - web:flat" },
			{ NULL },
		},
	.run = export_run,
};
