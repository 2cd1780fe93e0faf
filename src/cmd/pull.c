#include <stdio.h>

#include "base/auto.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/pull_image.h"

struct pull_opts {
	bool quiet;
	const char *platform;
	struct registry_options registry;
	int retry;
	int64_t retry_delay;
};

static const struct pull_opts defaults = {
	.registry = REGISTRY_OPTIONS_INIT,
	.retry = HTTP_RETRIES,
	.retry_delay = HTTP_RETRY_DELAY_MS * (NSEC_PER_SEC / 1000),
};

static const struct option_spec pull_options[] = {
	OPT_FLAG(struct pull_opts, quiet, 'q', "quiet", "Print only the name of what was pulled"),
	OPT_STRING(struct pull_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Take this platform of the image, not the host's"),
	OPT_REGISTRY(struct pull_opts, registry),
	OPT_INT(struct pull_opts, retry, 0, "retry", "N", "Retry failed requests N times",
		.max = 100, .default_text = "4"),
	OPT_DURATION(struct pull_opts, retry_delay, 0, "retry-delay",
		"Wait so long before the first retry, then twice as long each time",
		.default_text = "500ms"),
	OPTION_END,
};

static int answer(bool quiet, const struct pull_result *result, struct err *err)
{
	int r = quiet ? 0 : pull_image_summary(result, true, err);

	if (r >= 0)
		printf("%s\n", result->record.reference);
	return r;
}

static int pull_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct pull_opts *o = opts;
	struct pull_image_options p = {
		.platform = o->platform,
		.registry = o->registry,
		.quiet = o->quiet,
		.retries = &o->retry,
		.delay_ns = &o->retry_delay,
	};
	struct pull_result result = { 0 };
	int r;

	(void)argc;
	r = pull_image(ctx, argv[0], &p, &result, err);
	if (r < 0)
		return r;
	r = answer(o->quiet, &result, err);
	image_record_done(&result.record);
	return r;
}

const struct command cmd_pull = {
	.name = "pull",
	.aliases = (const char *const[]){ "image pull", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Download an image from a registry",
	.usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.description = "Layers are downloaded side by side and unpacked while they arrive. An "
		       "interrupted pull goes on where it stopped.\n\n"
		       "Progress goes to standard error; the digest, the status and the full name "
		       "go to standard output.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE },
	.options = pull_options,
	.options_size = sizeof(struct pull_opts),
	.defaults = &defaults,
	.examples = (const struct command_example[]){ { "Pull Debian 12:", "proa pull debian:12" },
		{ "Pull exactly this image:", "proa pull debian@sha256:4f1e...c7" },
		{ "From a registry with a certificate of your own:",
			"proa pull --cert-dir ./certs registry.lan:5000/team/app:1.2" },
		{ NULL } },
	.run = pull_run,
};
