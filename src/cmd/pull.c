#include <stdio.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/pull_image.h"
#include "codec/platform.h"
#include "image/image.h"
#include "registry/reach.h"
#include "registry/registries.h"
#include "registry/tags.h"

struct pull_opts {
	bool all_tags, quiet;
	const char *platform, *os, *architecture, *variant;
	int policy; /* enum pull_policy */
	struct registry_options registry;
	int retry;
	int64_t retry_delay, stall_timeout;
};

/* podman's; "newer" is what docker does, and what happens here in any case. */
enum pull_policy { POLICY_ALWAYS, POLICY_MISSING, POLICY_NEVER, POLICY_NEWER };

static const char *const policies[] = { "always", "missing", "never", "newer", NULL };

static const struct pull_opts defaults = {
	.registry = REGISTRY_OPTIONS_INIT,
	.retry = HTTP_RETRIES,
	.retry_delay = HTTP_RETRY_DELAY_MS * (NSEC_PER_SEC / 1000),
	.stall_timeout = HTTP_STALL_SECONDS * NSEC_PER_SEC,
};

static const struct option_spec pull_options[] = {
	OPT_FLAG(struct pull_opts, all_tags, 'a', "all-tags", "Pull every tag of the repository"),
	OPT_STRING(struct pull_opts, architecture, 0, "arch", "ARCH",
		"Take the image for this architecture"),
	OPT_STRING(struct pull_opts, os, 0, "os", "OS", "Take the image for this operating system"),
	OPT_ENUM(struct pull_opts, policy, 0, "policy", "POLICY", policies,
		"When to ask the registry: always, missing, never or newer",
		.default_text = "always"),
	OPT_STRING(struct pull_opts, variant, 0, "variant", "VARIANT",
		"Take the image for this variant of the architecture"),
	OPT_FLAG(struct pull_opts, quiet, 'q', "quiet", "Print only the name of what was pulled"),
	OPT_STRING(struct pull_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Take this platform of the image, not the host's"),
	OPT_REGISTRY(struct pull_opts, registry),
	OPT_INT(struct pull_opts, retry, 0, "retry", "N", "Retry failed requests N times",
		.max = 100, .default_text = "4"),
	OPT_DURATION(struct pull_opts, retry_delay, 0, "retry-delay",
		"Wait so long before the first retry, then twice as long each time",
		.default_text = "500ms"),
	OPT_DURATION(struct pull_opts, stall_timeout, 0, "stall-timeout",
		"Retry when less than 1 KiB/s came for so long", .default_text = "1m"),
	OPTION_END,
};

static int answer(bool quiet, const struct pull_result *result, struct err *err)
{
	int r = quiet ? 0 : pull_image_summary(result, true, err);

	if (r >= 0)
		printf("%s\n", result->record.reference);
	return r;
}

/* --os, --arch and --variant as one platform; NULL: none of them. The caller frees it. */
static int platform_text(const struct pull_opts *o, char **ret, struct err *err)
{
	struct platform host;
	const char *architecture;

	*ret = xstrdup(o->platform);
	if (!o->os && !o->architecture && !o->variant)
		return 0;
	if (o->platform)
		return err_set(err, ERR_USAGE, "--platform excludes --os, --arch and --variant");
	platform_host(&host);
	architecture = o->architecture ? o->architecture : host.architecture;
	*ret = xasprintf("%s/%s%s%s", o->os ? o->os : host.os, architecture, o->variant ? "/" : "",
		o->variant ? o->variant : "");
	return 0;
}

/* 1: what is here will do. Then its name is the answer. */
static int is_here(
	struct context *ctx, const struct pull_opts *o, const char *name, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	struct store *s;
	int r;

	if (o->policy == POLICY_ALWAYS || o->policy == POLICY_NEWER)
		return 0;
	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = image_resolve_record(s, name, &rec, err);
	if (r == -ERR_NOT_FOUND && o->policy == POLICY_MISSING)
		return 0;
	if (r < 0)
		return r;
	printf("%s\n", rec.reference ? rec.reference : rec.image_id.text);
	return 1;
}

static int pull_one(struct context *ctx, const char *name, const struct pull_opts *o,
	const struct pull_image_options *p, struct err *err)
{
	struct pull_result result = { 0 };
	int r = is_here(ctx, o, name, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = pull_image(ctx, name, p, &result, err);
	if (r < 0)
		return r;
	r = answer(o->quiet, &result, err);
	image_record_done(&result.record);
	(void)fflush(stdout);
	return r;
}

/* The one repository that the name stands for. */
static int find_repository(const char *name, struct reference *ret, struct err *err)
{
	AUTO(short_name) struct short_name names = { 0 };
	AUTO(reference) struct reference ref = { 0 };
	int r = registries_expand(name, &names, err);

	if (r >= 0 && names.candidates[1])
		r = err_set(err, ERR_USAGE, "%s may be in several registries: give the full name",
			name);
	if (r >= 0)
		r = reference_parse(names.candidates[0], &ref, err);
	if (r >= 0 && (!ref.tag_implied || ref.has_digest))
		r = err_set(err, ERR_USAGE, "tag can't be used with --all-tags/-a: %s", name);
	if (r < 0)
		return r;
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

static int list_tags(
	const struct pull_opts *o, const struct reference *ref, char ***ret, struct err *err)
{
	struct client_options options = CLIENT_OPTIONS_INIT;
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(client) struct client *client = NULL;
	int r = registry_options_apply(&o->registry, &options, &creds, err);

	if (r >= 0)
		r = registry_reach(&options, ref, &client, err);
	return r < 0 ? r : client_tags(client, 0, ret, err);
}

static int pull_all_tags(struct context *ctx, const char *name, const struct pull_opts *o,
	const struct pull_image_options *p, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *repository = NULL;
	AUTO(strv) char **tags = NULL;
	int r = find_repository(name, &ref, err);

	if (r >= 0)
		r = list_tags(o, &ref, &tags, err);
	if (r < 0)
		return err_ctx(err, r, "repository %s", name);
	if (!tags)
		return err_set(err, ERR_NOT_FOUND, "repository %s has no tags", name);
	repository = reference_repository(&ref);
	STRV_FOREACH (tag, tags) {
		autofree char *full = xasprintf("%s:%s", repository, tag);

		r = pull_one(ctx, full, o, p, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int pull_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct pull_opts *o = opts;
	struct pull_image_options p = {
		.registry = o->registry,
		.quiet = o->quiet,
		.retries = &o->retry,
		.delay_ns = &o->retry_delay,
		.stall_ns = &o->stall_timeout,
	};
	autofree char *platform = NULL;
	int r = platform_text(o, &platform, err);

	(void)argc;
	if (r < 0)
		return r;
	p.platform = platform;
	return o->all_tags ? pull_all_tags(ctx, argv[0], o, &p, err)
			   : pull_one(ctx, argv[0], o, &p, err);
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
