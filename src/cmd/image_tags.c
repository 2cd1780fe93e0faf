#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "codec/json.h"
#include "codec/reference.h"
#include "registry/reach.h"
#include "registry/tags.h"

struct image_tags_opts {
	struct registry_options registry;
	const char *format;
	int limit;
};

static const struct image_tags_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec image_tags_options[] = {
	OPT_FORMAT(struct image_tags_opts, format),
	OPT_INT(struct image_tags_opts, limit, 0, "limit", "N",
		"Print at most N tags, the first that the registry names", .min = 1,
		.max = TAGS_MAX, .default_text = "all"),
	OPT_REGISTRY(struct image_tags_opts, registry),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "NAME", "Name" },
	{ "TAG", "Tag" },
	{ NULL },
};

static int parse_repository(const char *name, struct reference *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(name, &ref, err);

	if (r < 0)
		return r;
	if (!ref.tag_implied || ref.has_digest)
		return err_set(err, ERR_USAGE,
			"%s: a repository is wanted, without a tag or digest", name);
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

static int get_tags(
	const struct image_tags_opts *o, const struct reference *ref, char ***ret, struct err *err)
{
	struct client_options options = CLIENT_OPTIONS_INIT;
	AUTO(credentials) struct credentials *creds = NULL;
	AUTO(client) struct client *client = NULL;
	int r = registry_options_apply(&o->registry, &options, &creds, err);

	if (r >= 0)
		r = registry_reach(&options, ref, &client, err);
	return r < 0 ? r : client_tags(client, (size_t)o->limit, ret, err);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int print_tags(
	const struct image_tags_opts *o, const char *name, char *const *tags, struct err *err)
{
	size_t n = strv_len(tags);
	autofree struct json **rows = NEW_ARRAY(struct json *, n + 1);
	int r;

	for (size_t i = 0; i < n; i++) {
		rows[i] = json_object_new();
		json_set_string(rows[i], "Name", name);
		json_set_string(rows[i], "Tag", tags[i]);
	}
	r = output_rows(o->format ? o->format : "{{.Tag}}", columns, rows, n, err);
	for (size_t i = 0; i < n; i++)
		json_free(rows[i]);
	return r;
}

static int image_tags_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	const struct image_tags_opts *o = opts;
	AUTO(strv) char **tags = NULL;
	autofree char *name = NULL;
	int r = parse_repository(argv[0], &ref, err);

	(void)ctx;
	(void)argc;
	if (r < 0)
		return r;
	r = get_tags(o, &ref, &tags, err);
	if (r < 0)
		return err_ctx(err, r, "repository %s", argv[0]);
	if (tags)
		qsort(tags, strv_len(tags), sizeof(*tags), compare_strings);
	name = reference_familiar_name(&ref);
	return print_tags(o, name, tags, err);
}

const struct command cmd_image_tags = {
	.name = "image-tags",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "image tags", NULL },
	.group = COMMAND_IMAGES,
	.summary = "List the tags that a registry has of a repository",
	.usage = "[OPTIONS] REPOSITORY",
	.description = "One tag a line, in alphabetical order. Nothing is downloaded but the list, "
		       "and nothing is said of images that are here.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = image_tags_options,
	.options_size = sizeof(struct image_tags_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "What there is of Debian:", "proa image tags debian" },
			{ "Of a registry of your own:",
				"proa image tags registry.lan:5000/team/app" },
			{ NULL },
		},
	.run = image_tags_run,
};
