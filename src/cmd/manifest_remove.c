#include <stdio.h>

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/manifest_edit.h"

struct manifest_remove_opts {
	struct registry_options registry;
};

static const struct manifest_remove_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_remove_options[] = {
	OPT_REGISTRY(struct manifest_remove_opts, registry),
	OPTION_END,
};

static int remove_entry(struct manifest_list *list, const struct digest *entry,
	const struct index_note *note, struct err *err)
{
	(void)note;
	return index_remove(list->doc, entry, err);
}

static int manifest_remove_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_remove_opts *o = opts;
	const struct manifest_edit edit = { .registry = &o->registry, .change = remove_entry };
	struct digest digest;
	int r = manifest_change(ctx, &edit, argv, &digest, err);

	(void)argc;
	if (r < 0)
		return r;
	printf("%s\n", digest.text);
	return 0;
}

const struct command cmd_manifest_remove = {
	.name = "manifest-remove",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest remove", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Take an image out of a manifest list",
	.usage = "[OPTIONS] LIST IMAGE",
	.description = "IMAGE is a digest of the list, or the name of an image that is in it. "
		       "Prints the digest that the list has now.",
	.min_operands = 2,
	.max_operands = 2,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_remove_options,
	.options_size = sizeof(struct manifest_remove_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "One platform less:", "proa manifest remove app:1 app:1-arm" },
			{ NULL },
		},
	.run = manifest_remove_run,
};
