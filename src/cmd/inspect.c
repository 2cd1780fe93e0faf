#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/dispatch.h"
#include "codec/json.h"
#include "container/inspect.h"
#include "image/inspect.h"

struct inspect_opts {
	const char *format;
	const char *type;
};

static const struct option_spec inspect_options[] = {
	OPT_STRING(struct inspect_opts, format, 'f', "format", "TEMPLATE",
		"Format output by a Go template, or 'json'"),
	OPT_CONST(struct inspect_opts, format, 0, "json", "json", "Print JSON in one line"),
	OPT_STRING(struct inspect_opts, type, 0, "type", "KIND",
		"Look only for this kind of object: container or image"),
	OPTION_END,
};

static int inspect_container(
	struct context *ctx, const char *name, struct json **ret, struct err *err)
{
	struct store *s;
	int r = context_store(ctx, &s, err);

	return r < 0 ? r : container_inspect(s, name, ret, err);
}

static int inspect_image(struct context *ctx, const char *name, struct json **ret, struct err *err)
{
	const struct idmap *map;
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	return r < 0 ? r : image_inspect(s, name, map, ret, err);
}

/* In the order in which a name is looked for. */
static const struct kind {
	const char *name;
	int (*inspect)(struct context *ctx, const char *name, struct json **ret, struct err *err);
} kinds[] = {
	{ "container", inspect_container },
	{ "image", inspect_image },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Does this failure mean only that the name is none of this kind? */
static bool is_no_such(int r)
{
	return r == -ERR_NOT_FOUND || r == -ERR_FORMAT;
}

static int find(
	struct context *ctx, const char *type, const char *name, struct json **ret, struct err *err)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		int r;

		if (type && !str_eq(type, kinds[i].name))
			continue;
		r = kinds[i].inspect(ctx, name, ret, err);
		if (r >= 0 || !is_no_such(r) || type)
			return r;
	}
	return err_set(err, ERR_NOT_FOUND, "No such object: %s", name);
}

static int check_type(const char *type, struct err *err)
{
	for (size_t i = 0; i < N_KINDS; i++)
		if (str_eq(type, kinds[i].name))
			return 0;
	return err_exit(err,
		err_set(err, ERR_USAGE, "\"%s\" is not a valid value for --type: container, image",
			type),
		125);
}

static int inspect_all(
	struct context *ctx, const char *type, const char *format, char **names, struct err *err)
{
	struct json **docs = NULL;
	size_t n = 0, cap = 0;
	int worst = 0, r;

	for (char **name = names; *name; name++) {
		struct err why = { 0 };
		int status = 0;

		GROW(docs, n, cap);
		if (find(ctx, type, *name, &docs[n], &why) < 0)
			status = dispatch_report(ctx, &why);
		else
			n++;
		worst = status > worst ? status : worst;
	}
	/* docker prints what it found, an empty array if need be. */
	r = format && !n ? 0 : output_documents(format, docs, n, err);
	for (size_t i = 0; i < n; i++)
		json_free(docs[i]);
	free(docs);
	return r < 0 ? r : worst;
}

static int inspect_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct inspect_opts *o = opts;
	const char *type = o->type;

	(void)argc;
	if (str_after(ctx->spelling, "image"))
		type = "image";
	else if (str_after(ctx->spelling, "container"))
		type = "container";
	if (type) {
		int r = check_type(type, err);

		if (r < 0)
			return r;
	}
	return inspect_all(ctx, type, o->format, argv, err);
}

const struct command cmd_inspect = {
	.name = "inspect",
	.aliases = (const char *const[]){ "image inspect", "container inspect", NULL },
	.group = COMMAND_GENERAL,
	.summary = "Show everything about containers and images",
	.usage = "[OPTIONS] NAME|ID [NAME|ID...]",
	.description = "A name that is a container's is taken as one, else as an image's.",
	.min_operands = 1,
	.max_operands = -1,
	.operands = { COMPLETE_CONTAINER, COMPLETE_CONTAINER },
	.options = inspect_options,
	.options_size = sizeof(struct inspect_opts),
	.examples =
		(const struct command_example[]){
			{ "The command of an image:",
				"proa inspect -f '{{json .Config.Cmd}}' debian:12" },
			{ NULL },
		},
	.run = inspect_run,
};
