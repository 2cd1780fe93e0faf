#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/limit_size.h"
#include "image/import.h"

struct import_opts {
	char **changes;
	const char *message, *platform;
	bool quiet;
};

static const struct option_spec import_options[] = {
	OPT_LIST(struct import_opts, changes, 'c', "change", "INSTRUCTION",
		"Apply a Dockerfile instruction to the image's config",
		.detail = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, "
			  "VOLUME and WORKDIR."),
	OPT_STRING(struct import_opts, message, 'm', "message", "TEXT",
		"Set the comment of the image's history"),
	OPT_STRING(struct import_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Set the platform, if the files are not for this machine"),
	OPT_FLAG(struct import_opts, quiet, 'q', "quiet", "Show only the id (as always)"),
	OPTION_END,
};

static int import_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct import_options options = { .fd = STDIN_FILENO };
	AUTO(reference) struct reference ref = { 0 };
	struct import_opts *o = opts;
	struct platform platform;
	struct digest id;
	struct store *s;
	int r = 0;

	if (!str_eq(argv[0], "-"))
		options.path = argv[0];
	else if (isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE, "standard input is a terminal");
	if (argc > 1) {
		r = reference_parse(argv[1], &ref, err);
		options.reference = &ref;
	}
	if (r >= 0 && ref.has_digest)
		r = err_set(err, ERR_USAGE, "an image cannot be imported under a digest");
	if (r >= 0 && o->platform) {
		r = platform_parse(o->platform, &platform, err);
		options.platform = &platform;
		if (r < 0)
			return err_ctx(err, r, "--platform");
	}
	if (r >= 0)
		r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &options.map, err);
	if (r < 0)
		return r;
	options.changes = o->changes;
	options.message = o->message;
	store_sweep(s);
	r = image_import(s, &options, &id, err);
	if (r < 0)
		return r;
	printf("%s\n", id.text);
	limit_size(ctx, NULL);
	return 0;
}

const struct command cmd_import = {
	.name = "import",
	.aliases = (const char *const[]){ "image import", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Make an image from the tar of a root file system",
	.usage = "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
	.description =
		"The archive, plain or packed with gzip or zstd, becomes the only layer of a "
		"new image, whose id is printed.",
	.min_operands = 1,
	.max_operands = 2,
	.operands = { COMPLETE_FILE, COMPLETE_IMAGE },
	.options = import_options,
	.options_size = sizeof(struct import_opts),
	.examples =
		(const struct command_example[]){
			{ "A Debian from its packages:", "mmdebstrap --variant=minbase bookworm - "
							 "| proa import - debian:12" },
			{ "With a command of its own:",
				"proa import -c 'CMD [\"/bin/busybox\", \"sh\"]' root.tar box" },
			{ NULL },
		},
	.run = import_run,
};
