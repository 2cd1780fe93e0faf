#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cmd/context.h"
#include "cmd/digest_file.h"
#include "cmd/push_view.h"
#include "cmd/registry_options.h"
#include "codec/reference.h"
#include "image/push.h"
#include "store/imagedb.h"

struct push_opts {
	struct registry_options registry;
	bool quiet, all_tags;
	bool compression_given, format_given;
	bool force, force_given;
	const char *platform, *digestfile;
	int format, compression, level;
	int retry;
	int64_t retry_delay;
};

static const char *const formats[] = { "oci", "docker", "v2s2", NULL };
static const char *const compressions[] = { "gzip", "zstd", NULL };

static const struct push_opts defaults = {
	.registry = REGISTRY_OPTIONS_INIT,
	.retry = HTTP_RETRIES,
	.retry_delay = HTTP_RETRY_DELAY_MS * (NSEC_PER_SEC / 1000),
};

static const struct option_spec push_options[] = {
	OPT_FLAG(struct push_opts, quiet, 'q', "quiet", "Print only the name of what was pushed"),
	OPT_FLAG(struct push_opts, all_tags, 'a', "all-tags", "Push every tag of the repository"),
	OPT_STRING(struct push_opts, platform, 0, "platform", "OS/ARCH[/VARIANT]",
		"Push only if the image is for this platform"),
	OPT_ENUM(struct push_opts, format, 'f', "format", "FORMAT", formats,
		"Write the manifest in this format: oci, docker (v2s2)",
		.seen = OPT_SEEN(struct push_opts, format_given),
		.detail = "Without it the image keeps its own. Another format means another "
			  "digest."),
	OPT_ENUM(struct push_opts, compression, 0, "compression-format", "FORMAT", compressions,
		"Pack layers with gzip or zstd",
		.seen = OPT_SEEN(struct push_opts, compression_given),
		.detail = "Without it only layers that are not packed at all are, with gzip. The "
			  "result is the same every time."),
	OPT_INT(struct push_opts, level, 0, "compression-level", "N",
		"Pack with this level: gzip 1 to 9, zstd 1 to 19", .min = 1, .max = 19,
		.default_text = "6 or 3"),
	OPT_FLAG(struct push_opts, force, 0, "force-compression",
		"Pack layers again that are packed in another format",
		.seen = OPT_SEEN(struct push_opts, force_given),
		.detail = "It is on where --compression-format is given; =false turns it off."),
	OPT_STRING(struct push_opts, digestfile, 0, "digestfile", "FILE",
		"Write the digest of what was pushed to FILE", .complete = COMPLETE_FILE),
	OPT_REGISTRY(struct push_opts, registry),
	OPT_INT(struct push_opts, retry, 0, "retry", "N", "Retry failed requests N times",
		.max = 100, .default_text = "4"),
	OPT_DURATION(struct push_opts, retry_delay, 0, "retry-delay",
		"Wait so long before the first retry, then twice as long each time",
		.default_text = "500ms"),
	OPT_IGNORED(0, "disable-content-trust", OPTION_FLAG,
		"docker's content trust is not used here", "Skip image signing"),
	OPT_IGNORED(0, "remove-signatures", OPTION_FLAG, "signatures are neither kept nor pushed",
		"Discard signatures of the image"),
	OPT_UNSUPPORTED(0, "sign-by", OPTION_STRING, "images are not signed; use cosign"),
	OPT_UNSUPPORTED(0, "sign-by-sigstore", OPTION_STRING, "images are not signed; use cosign"),
	OPT_UNSUPPORTED(0, "encryption-key", OPTION_STRING, "layers are not encrypted"),
	OPT_UNSUPPORTED(0, "encrypt-layer", OPTION_STRING, "layers are not encrypted"),
	OPTION_END,
};

/* What is to be pushed where. */
struct job {
	struct store *store;
	const struct push_opts *o;
	struct push_options push;
};

static void set_format(const struct push_opts *o, struct push_options *ret)
{
	if (o->format_given)
		ret->format = o->format == 0 ? PUSH_OCI : PUSH_DOCKER;
	if (o->compression_given)
		ret->compression = o->compression == 0 ? MEDIA_GZIP : MEDIA_ZSTD;
	ret->level = o->level;
	ret->force = o->force_given ? o->force : o->compression_given;
}

static struct progress *new_progress(const struct job *job)
{
	return progress_new(STDERR_FILENO, job->o->quiet ? PROGRESS_QUIET : 0);
}

/* The bars are done with, and the cursor below them, before anything else is printed. */
static int transfer(struct job *job, const char *name, const struct reference *to,
	struct push_result *ret, struct err *err)
{
	AUTO(progress) struct progress *progress = new_progress(job);
	AUTO(push_view) struct push_view view = { .progress = progress };

	push_view_progress(&view, &job->push.progress);
	return image_push(job->store, name, to, &job->push, ret, err);
}

static int push_one(struct job *job, const char *name, const struct reference *to, struct err *err)
{
	autofree char *full = reference_format(to), *shown = reference_familiar(to);
	struct push_result result = { 0 };
	int r = transfer(job, name, to, &result, err);

	if (r < 0)
		return err_ctx(err, r, "%s", shown);
	r = digest_file_write(job->o->digestfile, &result.digest, err);
	if (r < 0)
		return r;
	if (job->o->quiet)
		printf("%s\n", full);
	else
		printf("%s: digest: %s size: %llu\n", to->tag, result.digest.text,
			(unsigned long long)result.size);
	(void)fflush(stdout);
	return 0;
}

static void say_where(const struct job *job, const struct reference *to)
{
	AUTO(progress) struct progress *progress = new_progress(job);
	autofree char *repository = reference_repository(to);

	if (to->tag_implied && !job->o->all_tags)
		progress_line(progress, "Using default tag: %s", to->tag);
	progress_line(progress, "The push refers to repository [%s]", repository);
}

/* Every name of the repository that has a tag. */
static int push_all_tags(struct job *job, const struct reference *to, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	autofree char *repository = reference_repository(to);
	size_t n = 0;
	int r = image_ref_list(job->store, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		AUTO(reference) struct reference ref = { 0 };
		autofree char *its = NULL;

		if (!list.items[i].reference ||
			reference_parse(list.items[i].reference, &ref, NULL) < 0 || !ref.tag ||
			ref.has_digest)
			continue;
		its = reference_repository(&ref);
		if (!str_eq(its, repository))
			continue;
		n++;
		r = push_one(job, list.items[i].reference, &ref, err);
		if (r < 0)
			return r;
	}
	if (n == 0)
		return err_set(err, ERR_NOT_FOUND,
			"An image does not exist locally with the tag: %s", repository);
	return 0;
}

/* podman's spelling of a registry; its other transports are what `save` is for. */
static int parse_destination(const char *text, struct reference *ret, struct err *err)
{
	static const char *const others[] = { "dir:", "oci:", "oci-archive:", "docker-archive:",
		"docker-daemon:", "containers-storage:" };
	const char *rest = str_after(text, "docker://");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_after(text, others[i]))
			return err_hint(err,
				err_set(err, ERR_UNSUPPORTED, "%s is no registry", text),
				"use proa save to write archives and directories");
	return reference_parse(rest ? rest : text, ret, err);
}

static int check_reference(
	const struct push_opts *o, const char *typed, const struct reference *to, struct err *err)
{
	if (to->has_digest)
		return err_set(err, ERR_USAGE, "cannot push a digest reference");
	if (o->all_tags && !to->tag_implied)
		return err_set(err, ERR_USAGE, "tag can't be used with --all-tags/-a: %s", typed);
	return 0;
}

/* docker's words for a name that is not here; an id needs a destination. */
static int check_exists(struct job *job, const struct reference *to, struct err *err)
{
	AUTO(image_record) struct image_record rec = { 0 };
	autofree char *shown = NULL;
	int r = image_ref_get(job->store, to, &rec, err);

	if (r != -ERR_NOT_FOUND)
		return r;
	shown = reference_familiar(to);
	return err_set(
		err, ERR_NOT_FOUND, "An image does not exist locally with the tag: %s", shown);
}

static int push_operands(struct job *job, int argc, char **argv, struct err *err)
{
	AUTO(reference) struct reference to = { 0 };
	const char *name = argv[0], *where = argc > 1 ? argv[1] : argv[0];
	int r = parse_destination(where, &to, err);

	if (r >= 0)
		r = check_reference(job->o, where, &to, err);
	if (r < 0)
		return r;
	if (job->o->all_tags && argc > 1)
		return err_set(err, ERR_USAGE, "--all-tags takes no destination");
	say_where(job, &to);
	if (job->o->all_tags)
		return push_all_tags(job, &to, err);
	r = argc > 1 ? 0 : check_exists(job, &to, err);
	return r < 0 ? r : push_one(job, name, &to, err);
}

static int push_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct push_opts *o = opts;
	AUTO(credentials) struct credentials *creds = NULL;
	struct job job = { .o = o };
	struct platform platform;
	int r;

	job.push = (struct push_options){ .client = CLIENT_OPTIONS_INIT };
	job.push.client.retries = (unsigned)o->retry;
	job.push.client.retry_delay_ms = (unsigned)(o->retry_delay / 1000000);
	set_format(o, &job.push);
	r = 0;
	if (o->platform) {
		r = platform_parse(o->platform, &platform, err);
		job.push.platform = &platform;
	}
	if (r >= 0)
		r = registry_options_apply(&o->registry, &job.push.client, &creds, err);
	if (r >= 0)
		r = context_store(ctx, &job.store, err);
	if (r < 0)
		return r;
	return push_operands(&job, argc, argv, err);
}

const struct command cmd_push = {
	.name = "push",
	.aliases = (const char *const[]){ "image push", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Upload an image to a registry",
	.usage = "[OPTIONS] NAME[:TAG] [DESTINATION]",
	.description =
		"What the repository has already is not sent; what another repository of the "
		"same registry has is mounted from there. Layers that are not packed are "
		"packed on the way, always to the same bytes, so that a second push sends "
		"nothing.\n\n"
		"Without DESTINATION the image goes where its name says. Progress goes to "
		"standard error; the tag, the digest and the size of the manifest go to "
		"standard output.",
	.min_operands = 1,
	.max_operands = 2,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = push_options,
	.options_size = sizeof(struct push_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "Push to where the name says:",
				"proa push registry.lan:5000/team/app:1.2" },
			{ "Push under another name:",
				"proa push app registry.lan:5000/team/app:1.3" },
			{ "Pack layers with zstd:",
				"proa push --compression-format zstd registry.lan:5000/team/app" },
			{ NULL, NULL },
		},
	.run = push_run,
};
