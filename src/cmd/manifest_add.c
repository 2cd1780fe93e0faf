#include <stdio.h>

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/manifest_edit.h"

struct manifest_add_opts {
	struct registry_options registry;
	struct manifest_note_opts note;
	bool all;
};

static const struct manifest_add_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_add_options[] = {
	OPT_FLAG(struct manifest_add_opts, all, 0, "all",
		"Of an image that is a list itself, add every image"),
	OPT_NOTE(struct manifest_add_opts, note),
	OPT_REGISTRY(struct manifest_add_opts, registry),
	OPTION_END,
};

static int manifest_add_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_add_opts *o = opts;
	struct index_note note;
	const struct manifest_edit edit = {
		.registry = &o->registry,
		.note = &note,
		.all = o->all,
	};
	struct digest digest;
	int r;

	(void)argc;
	manifest_note_from(&o->note, &note);
	r = manifest_add(ctx, &edit, argv[0], argv + 1, &digest, err);
	if (r < 0)
		return r;
	printf("%s\n", digest.text);
	return 0;
}

const struct command cmd_manifest_add = {
	.name = "manifest-add",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest add", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Add images to a manifest list",
	.usage = "[OPTIONS] LIST IMAGE [IMAGE...]",
	.description =
		"Adds images that are here or in a registry, as `proa manifest create` does. An "
		"image that the list has already takes the new description. Prints the digest "
		"that the list has now.",
	.min_operands = 2,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_add_options,
	.options_size = sizeof(struct manifest_add_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "An image that does not say what it is for:",
				"proa manifest add --arch arm64 --variant v8 app:1 app:1-arm" },
			{ NULL },
		},
	.run = manifest_add_run,
};
