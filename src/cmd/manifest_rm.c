#include <stdio.h>

#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/dispatch.h"
#include "image/manifest_list.h"
#include "image/remove.h"

static const struct option_spec manifest_rm_options[] = {
	OPTION_END,
};

struct manifest_rm_opts {
	char unused;
};

static int remove_one(struct store *s, const char *name, char ***lines, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	int r = manifest_list_find(s, name, &rec, err);

	return r < 0 ? r : image_remove(s, name, 0, lines, err);
}

static int manifest_rm_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct store *s;
	int r = context_store(ctx, &s, err);
	int worst = 0;

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	STRV_FOREACH (name, argv) {
		AUTO(strv) char **lines = NULL;
		struct err why = { 0 };
		int status = 0;

		r = remove_one(s, name, &lines, &why);
		STRV_FOREACH (line, lines)
			printf("%s\n", line);
		(void)fflush(stdout);
		if (r < 0)
			status = dispatch_report(ctx, &why);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct command cmd_manifest_rm = {
	.name = "manifest-rm",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest rm", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Remove manifest lists",
	.usage = "LIST [LIST...]",
	.description = "Removes lists that are here. Images keep their own names; what only the "
		       "list had goes with it.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_rm_options,
	.options_size = sizeof(struct manifest_rm_opts),
	.examples =
		(const struct command_example[]){
			{ "Once it is pushed:", "proa manifest rm registry.lan:5000/app:1" },
			{ NULL },
		},
	.run = manifest_rm_run,
};
