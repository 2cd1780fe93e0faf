#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cmd/context.h"
#include "cmd/digest_file.h"
#include "cmd/push_view.h"
#include "cmd/registry_options.h"
#include "image/manifest_list.h"
#include "image/push.h"
#include "image/remove.h"

struct manifest_push_opts {
	struct registry_options registry;
	bool purge, quiet;
	const char *digestfile;
};

static const struct manifest_push_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_push_options[] = {
	OPT_IGNORED(0, "all", OPTION_FLAG, "images always go with their list",
		"Push the images of the list as well"),
	OPT_STRING(struct manifest_push_opts, digestfile, 0, "digestfile", "FILE",
		"Write the digest of the list to FILE", .complete = COMPLETE_FILE),
	OPT_INSECURE(struct manifest_push_opts, registry),
	OPT_FLAG(struct manifest_push_opts, purge, 'p', "purge",
		"Remove the list here once it is pushed"),
	OPT_HIDDEN(struct manifest_push_opts, purge, bool, OPTION_FLAG, 0, "rm"),
	OPT_FLAG(struct manifest_push_opts, quiet, 'q', "quiet", "Show no progress"),
	OPT_REGISTRY(struct manifest_push_opts, registry),
	OPTION_END,
};

static int push_list(struct store *s, const struct manifest_push_opts *o,
	const struct image_record *rec, const char *where, struct push_result *ret, struct err *err)
{
	AUTO(progress)
	struct progress *p = progress_new(STDERR_FILENO, o->quiet ? PROGRESS_QUIET : 0);
	AUTO(push_view) struct push_view view = { .progress = p };
	struct push_options options = { .client = CLIENT_OPTIONS_INIT };
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(reference) struct reference to = { 0 };
	const char *rest = str_after(where, "docker://");
	int r = reference_parse(rest ? rest : where, &to, err);

	if (r >= 0)
		r = registry_options_apply(&o->registry, &options.client, &creds, err);
	push_view_progress(&view, &options.progress);
	if (r >= 0)
		r = image_push_index(s, &rec->index, &to, &options, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", where) : 0;
}

static int remove_list(struct store *s, const char *name, struct err *err)
{
	AUTO(strv) char **lines = NULL;

	return image_remove(s, name, 0, &lines, err);
}

static int manifest_push_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_push_opts *o = opts;
	AUTO(image_record) struct image_record rec = { 0 };
	struct push_result result = { 0 };
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = manifest_list_find(s, argv[0], &rec, err);
	if (r >= 0)
		r = push_list(s, o, &rec, argc > 1 ? argv[1] : argv[0], &result, err);
	if (r >= 0)
		r = digest_file_write(o->digestfile, &result.digest, err);
	if (r >= 0 && o->purge)
		r = remove_list(s, argv[0], err);
	if (r < 0)
		return r;
	printf("%s\n", result.digest.text);
	return 0;
}

const struct command cmd_manifest_push = {
	.name = "manifest-push",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest push", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Upload a manifest list to a registry",
	.usage = "[OPTIONS] LIST [DESTINATION]",
	.description =
		"The images of the list go first, with their bytes as they are; one that is not "
		"here has to be in that repository already. Without DESTINATION the list goes "
		"where its name says. Prints the digest that the registry has it under.",
	.min_operands = 1,
	.max_operands = 2,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = manifest_push_options,
	.options_size = sizeof(struct manifest_push_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "To where its name says:",
				"proa manifest push registry.lan:5000/team/app:1" },
			{ "Elsewhere, and forget it here:",
				"proa manifest push --purge app:1 registry.lan:5000/team/app:1" },
			{ NULL },
		},
	.run = manifest_push_run,
};
