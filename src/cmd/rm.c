#include <stdio.h>

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/dispatch.h"
#include "container/remove.h"

struct rm_opts {
	bool force, volumes;
};

static const struct option_spec rm_options[] = {
	OPT_FLAG(struct rm_opts, force, 'f', "force",
		"Kill the container when it is running; one that does not exist is no error"),
	OPT_FLAG(struct rm_opts, volumes, 'v', "volumes",
		"Remove anonymous volumes as well; there are none in this version"),
	OPTION_END,
};

static int rm_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct rm_opts *o = opts;
	const struct idmap *map;
	struct store *s;
	int r, worst = 0;

	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		struct err why;

		r = container_remove(s, argv[i], o->force ? REMOVE_FORCE : 0, map, &why);
		if (r < 0 && !(r == -ERR_NOT_FOUND && o->force)) {
			int status = dispatch_report(ctx, &why);

			worst = status > worst ? status : worst;
		} else if (r >= 0) {
			printf("%s\n", argv[i]);
		}
	}
	container_remove_lost(s, map);
	store_sweep(s);
	return worst;
}

const struct command cmd_rm = {
	.name = "rm",
	.aliases = (const char *const[]){ "container rm", "container remove", NULL },
	.group = COMMAND_CONTAINERS,
	.summary = "Remove containers",
	.usage = "[OPTIONS] CONTAINER [CONTAINER...]",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_CONTAINER, COMPLETE_CONTAINER },
	.options = rm_options,
	.options_size = sizeof(struct rm_opts),
	.examples =
		(const struct command_example[]){
			{ "Remove two stopped containers:", "proa rm web db" },
			{ "Remove whatever is there:", "proa rm -f $(proa ps -aq)" },
			{ NULL, NULL },
		},
	.run = rm_run,
};
