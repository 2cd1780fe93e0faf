#include <stdio.h>

#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/manifest_edit.h"
#include "codec/reference.h"

struct manifest_create_opts {
	struct registry_options registry;
	bool all, amend;
};

static const struct manifest_create_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_create_options[] = {
	OPT_FLAG(struct manifest_create_opts, all, 0, "all",
		"Of an image that is a list itself, add every image"),
	OPT_FLAG(struct manifest_create_opts, amend, 'a', "amend",
		"Add to the list if it exists already"),
	OPT_INSECURE(struct manifest_create_opts, registry),
	OPT_REGISTRY(struct manifest_create_opts, registry),
	OPTION_END,
};

static int manifest_create_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_create_opts *o = opts;
	const struct manifest_edit edit = {
		.registry = &o->registry,
		.all = o->all,
		.flags = MANIFEST_LIST_CREATE | (o->amend ? MANIFEST_LIST_AMEND : 0U),
	};
	AUTO(reference) struct reference ref = { 0 };
	autofree char *full = NULL;
	struct digest digest;
	int r = manifest_add(ctx, &edit, argv[0], argv + 1, &digest, err);

	(void)argc;
	if (r >= 0)
		r = reference_parse(argv[0], &ref, err);
	if (r < 0)
		return r;
	full = reference_format(&ref);
	printf("Created manifest list %s\n", full);
	return 0;
}

const struct command cmd_manifest_create = {
	.name = "manifest-create",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest create", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Make a manifest list of several images",
	.usage = "[OPTIONS] LIST [IMAGE...]",
	.description =
		"A manifest list leads from one name to the images for several platforms. It is "
		"put together here and sent by `proa manifest push`. Each IMAGE is one that is "
		"here or else in a registry, of which then only the manifest and the config are "
		"fetched; docker://IMAGE always asks the registry.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_create_options,
	.options_size = sizeof(struct manifest_create_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "One name for two platforms:",
				"proa manifest create reg.lan/app:1 reg.lan/app:1-amd64 "
				"reg.lan/app:1-arm64\nproa manifest push reg.lan/app:1" },
			{ NULL },
		},
	.run = manifest_create_run,
};
