#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "codec/json.h"
#include "image/manifest_show.h"

struct manifest_inspect_opts {
	struct registry_options registry;
	const char *format;
	bool verbose;
};

static const struct manifest_inspect_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec manifest_inspect_options[] = {
	OPT_STRING(struct manifest_inspect_opts, format, 'f', "format", "TEMPLATE",
		"Format output by a Go template, or 'json'"),
	OPT_INSECURE(struct manifest_inspect_opts, registry),
	OPT_CONST(
		struct manifest_inspect_opts, format, 0, "json", "json", "Print JSON in one line"),
	OPT_FLAG(struct manifest_inspect_opts, verbose, 'v', "verbose",
		"Show names, platforms and the manifests that a list leads to"),
	OPT_REGISTRY(struct manifest_inspect_opts, registry),
	OPTION_END,
};

static int manifest_inspect_run(
	struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct manifest_inspect_opts *o = opts;
	struct manifest_show q = {
		.name = argv[0],
		.entry = argc > 1 ? argv[1] : NULL,
		.client = CLIENT_OPTIONS_INIT,
		.verbose = o->verbose,
	};
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(json) struct json *doc = NULL;
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = registry_options_apply(&o->registry, &q.client, &creds, err);
	if (r >= 0)
		r = manifest_show(s, &q, &doc, err);
	return r < 0 ? r : output_document(o->format, doc, err);
}

const struct command cmd_manifest_inspect = {
	.name = "manifest-inspect",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "manifest inspect", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Show a manifest or a manifest list",
	.usage = "[OPTIONS] [LIST] MANIFEST",
	.description = "A manifest list that was made here comes first, then the registry is "
		       "asked; images that are here are not looked at. Nothing is downloaded but "
		       "manifests, and with --verbose the config of a single image.",
	.min_operands = 1,
	.max_operands = 2,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = manifest_inspect_options,
	.options_size = sizeof(struct manifest_inspect_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "Platforms that an image is there for:",
				"proa manifest inspect debian:12 -f \\\n"
				"  '{{range .manifests}}{{println "
				".platform.architecture}}{{end}}'" },
			{ NULL },
		},
	.run = manifest_inspect_run,
};
