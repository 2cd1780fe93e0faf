#include <stdio.h>
#include <unistd.h>

#include "base/strv.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cmd/context.h"
#include "cmd/limit_size.h"
#include "image/load.h"

struct load_opts {
	const char *input, *platform;
	bool quiet;
};

static const struct option_spec load_options[] = {
	OPT_STRING(struct load_opts, input, 'i', "input", "FILE",
		"Read this archive or directory, not standard input", .complete = COMPLETE_FILE),
	OPT_STRING(struct load_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Load what is for this platform, or fail"),
	OPT_FLAG(struct load_opts, quiet, 'q', "quiet", "Show no progress"),
	OPTION_END,
};

struct shown {
	struct progress *progress;
	unsigned item;
};

static void show(void *arg, const char *what, uint64_t done)
{
	struct shown *shown = arg;

	(void)what;
	progress_set(shown->progress, shown->item, "Reading", done, 0);
}

static int load(struct store *s, struct load_options *options, bool quiet, struct load_result *ret,
	struct err *err)
{
	/* Plain lines would only say that something is being read: a terminal gets the bar. */
	bool silent = quiet || !isatty(STDERR_FILENO);
	AUTO(progress)
	struct progress *p = progress_new(STDERR_FILENO, silent ? PROGRESS_QUIET : 0);
	struct shown shown = { .progress = p };
	int r;

	shown.item = progress_add(p, options->path ? options->path : "archive");
	options->progress = show;
	options->progress_arg = &shown;
	r = image_load(s, options, ret, err);
	progress_done(p, shown.item, r < 0 ? "Failed" : "Loaded");
	return r;
}

static int load_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct load_options options = { .fd = STDIN_FILENO };
	AUTO(load_result) struct load_result result = { 0 };
	struct load_opts *o = opts;
	struct platform platform;
	struct store *s;
	int r = 0;

	(void)argc;
	(void)argv;
	options.path = o->input;
	if (!o->input && isatty(STDIN_FILENO))
		return err_set(err, ERR_USAGE,
			"requested load from stdin, but stdin is a terminal: use --input FILE");
	if (o->platform) {
		r = platform_parse(o->platform, &platform, err);
		options.platform = &platform;
	}
	if (r >= 0)
		r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &options.map, err);
	if (r < 0)
		return r;
	store_sweep(s);
	r = load(s, &options, o->quiet, &result, err);
	if (r < 0)
		return r;
	STRV_FOREACH (name, result.names)
		printf("Loaded image: %s\n", name);
	STRV_FOREACH (id, result.ids)
		printf("Loaded image ID: %s\n", id);
	limit_size(ctx, NULL);
	return 0;
}

const struct command cmd_load = {
	.name = "load",
	.aliases = (const char *const[]){ "image load", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Load images from an archive or a directory",
	.usage = "[OPTIONS]",
	.description =
		"Takes what `docker save`, `podman save`, `skopeo copy` and `umoci` write: "
		"docker archives, OCI archives, OCI layouts and directories of skopeo's dir: "
		"transport; archives plain or packed with gzip or zstd, or with xz or bzip2 if "
		"the program is installed. Every blob is compared with its digest; no image "
		"appears before all "
		"of it is there.",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = load_options,
	.options_size = sizeof(struct load_opts),
	.examples =
		(const struct command_example[]){
			{ "From a file:", "proa load -i debian.tar.gz" },
			{ "From another machine:", "ssh host docker save debian:12 | proa load" },
			{ NULL },
		},
	.run = load_run,
};
