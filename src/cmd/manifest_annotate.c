#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/manifest_edit.h"

struct manifest_annotate_opts {
	struct registry_options registry;
	struct manifest_note_opts note;
};

static const struct manifest_annotate_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_annotate_options[] = {
	OPT_NOTE(struct manifest_annotate_opts, note),
	OPT_REGISTRY(struct manifest_annotate_opts, registry),
	OPTION_END,
};

static int annotate(struct manifest_list *list, const struct digest *entry,
	const struct index_note *note, struct err *err)
{
	struct json *found = index_find(list->doc, entry);

	if (!found)
		return err_set(err, ERR_NOT_FOUND, "the list has no manifest %s", entry->text);
	return index_entry_note(found, note, err);
}

static int manifest_annotate_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_annotate_opts *o = opts;
	struct index_note note;
	const struct manifest_edit edit = {
		.registry = &o->registry,
		.note = &note,
		.change = annotate,
	};
	int r;

	(void)argc;
	manifest_note_from(&o->note, &note);
	r = manifest_change(ctx, &edit, argv, NULL, err);
	return r < 0 ? r : 0;
}

const struct command cmd_manifest_annotate = {
	.name = "manifest-annotate",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest annotate", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Describe an image of a manifest list",
	.usage = "[OPTIONS] LIST IMAGE",
	.description = "IMAGE is a digest of the list, or the name of an image that is in it. What "
		       "is not given stays as it is; an empty value takes it away.",
	.min_operands = 2,
	.max_operands = 2,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_annotate_options,
	.options_size = sizeof(struct manifest_annotate_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "The platform of one image:",
				"proa manifest annotate --os linux --arch arm64 app:1 app:1-arm" },
			{ NULL },
		},
	.run = manifest_annotate_run,
};
