#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "cmd/context.h"
#include "image/save.h"
#include "sys/outfile.h"

struct save_opts {
	const char *output, *platform;
	int format;
	bool compress, quiet, multi;
};

/* In the order of enum save_format. */
static const char *const formats[] = { "docker-archive", "oci-archive", "oci-dir", "docker-dir",
	NULL };

static const struct option_spec save_options[] = {
	OPT_STRING(struct save_opts, output, 'o', "output", "FILE",
		"Write to this file or directory, not standard output", .complete = COMPLETE_FILE,
		.detail = "It appears when all of it is written, in place of what was there; a "
			  "directory must not exist, or be empty."),
	OPT_ENUM(struct save_opts, format, 0, "format", "FORMAT", formats,
		"docker-archive, oci-archive, oci-dir or docker-dir",
		.default_text = "docker-archive"),
	OPT_FLAG(struct save_opts, compress, 0, "compress", "Pack plain layers with gzip"),
	OPT_STRING(struct save_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Save only what is for this platform, or fail"),
	OPT_FLAG(struct save_opts, quiet, 'q', "quiet", "Show no progress"),
	OPT_HIDDEN(struct save_opts, multi, bool, OPTION_FLAG, 'm', "multi-image-archive"),
	OPTION_END,
};

struct shown {
	struct progress *progress;
	unsigned item;
};

static void show(void *arg, uint64_t done, uint64_t total)
{
	struct shown *shown = arg;

	progress_set(shown->progress, shown->item, "Writing", done, total);
}

static int save(
	struct store *s, char **names, struct save_options *options, bool quiet, struct err *err)
{
	bool silent = quiet || !options->path || !isatty(STDERR_FILENO);
	AUTO(progress)
	struct progress *p = progress_new(STDERR_FILENO, silent ? PROGRESS_QUIET : 0);
	struct shown shown = { .progress = p };
	int r;

	shown.item = progress_add(p, options->path ? options->path : "archive");
	options->progress = show;
	options->progress_arg = &shown;
	r = image_save(s, names, options, err);
	progress_done(p, shown.item, r < 0 ? "Failed" : "Saved");
	return r;
}

static int check_output(
	const struct save_opts *o, const struct save_options *options, struct err *err)
{
	if (options->path)
		return 0;
	if (options->format == SAVE_OCI_DIR || options->format == SAVE_DOCKER_DIR)
		return err_set(err, ERR_USAGE, "--format %s needs --output", formats[o->format]);
	if (isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			"cowardly refusing to save to a terminal. Use the -o flag or redirect");
	return 0;
}

static int save_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct save_opts *o = opts;
	struct save_options options = { .format = (enum save_format)o->format };
	struct platform platform;
	struct store *s;
	int r;

	(void)argc;
	if (o->output && !outfile_is_stdout(o->output))
		options.path = o->output;
	options.compress = o->compress;
	r = check_output(o, &options, err);
	if (r >= 0 && o->platform) {
		r = platform_parse(o->platform, &platform, err);
		options.platform = &platform;
	}
	if (r >= 0)
		r = context_store(ctx, &s, err);
	return r < 0 ? r : save(s, argv, &options, o->quiet, err);
}

const struct command cmd_save = {
	.name = "save",
	.aliases = (const char *const[]){ "image save", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Save images to an archive or a directory",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.description =
		"A docker archive is an OCI layout too, as docker writes it since version 25, so "
		"that docker, podman, skopeo and containerd read it; images that were not changed "
		"keep the digests they came with. The OCI formats are an OCI layout as an archive "
		"or a directory; docker-dir is what skopeo calls dir. Layers that several images "
		"share are written once. A repository without a tag stands for all its tags. The "
		"same images give the same bytes.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = save_options,
	.options_size = sizeof(struct save_opts),
	.examples =
		(const struct command_example[]){
			{ "To a file:", "proa save -o debian.tar debian:12" },
			{ "To another machine:", "proa save debian:12 | ssh host docker load" },
			{ "As an OCI layout:", "proa save --format oci-dir -o layout debian:12" },
			{ NULL },
		},
	.run = save_run,
};
