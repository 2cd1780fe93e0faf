#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/dispatch.h"
#include "codec/json.h"
#include "container/container.h"
#include "container/inspect.h"
#include "image/inspect.h"

struct inspect_opts {
	const char *format;
	const char *type;
	bool size;
};

static const struct option_spec inspect_options[] = {
	OPT_STRING(struct inspect_opts, format, 'f', "format", "TEMPLATE",
		"Format output by a Go template, or 'json'"),
	OPT_CONST(struct inspect_opts, format, 0, "json", "json", "Print JSON in one line"),
	OPT_FLAG(struct inspect_opts, size, 's', "size",
		"Show of containers what they have written, and that with their image"),
	OPT_STRING(struct inspect_opts, type, 0, "type", "KIND",
		"Look only for this kind of object: container or image"),
	OPTION_END,
};

/* docker's SizeRw and SizeRootFs. */
static int add_size(struct context *ctx, struct store *s, struct json *doc, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	struct container_size size = { 0 };
	const struct idmap *map;
	int r = context_idmap(ctx, &map, err);

	if (r >= 0)
		r = container_open(s, json_get_string(doc, "Id"), &c, err);
	if (r >= 0)
		r = container_size(s, &c.config, map, &size, err);
	if (r < 0)
		return r;
	json_set_int(doc, "SizeRw", (int64_t)size.written);
	json_set_int(doc, "SizeRootFs", (int64_t)size.all);
	return 0;
}

static int inspect_container(struct context *ctx, const char *name, const struct inspect_opts *o,
	struct json **ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	struct store *s;
	int r = context_store(ctx, &s, err);

	if (r >= 0)
		r = container_inspect(s, name, &doc, err);
	if (r >= 0 && o->size)
		r = add_size(ctx, s, doc, err);
	if (r >= 0)
		*ret = TAKE_PTR(doc);
	return r;
}

static int inspect_image(struct context *ctx, const char *name, const struct inspect_opts *o,
	struct json **ret, struct err *err)
{
	const struct idmap *map;
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)o;
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	return r < 0 ? r : image_inspect(s, name, map, ret, err);
}

/* In the order in which a name is looked for. */
static const struct kind {
	const char *name;
	int (*inspect)(struct context *ctx, const char *name, const struct inspect_opts *o,
		struct json **ret, struct err *err);
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

/* o->type NULL: whatever it is. */
static int find(struct context *ctx, const struct inspect_opts *o, const char *name,
	struct json **ret, struct err *err)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		int r;

		if (o->type && !str_eq(o->type, kinds[i].name))
			continue;
		r = kinds[i].inspect(ctx, name, o, ret, err);
		if (r >= 0 || !is_no_such(r) || o->type)
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
	struct context *ctx, const struct inspect_opts *o, char **names, struct err *err)
{
	struct json **docs = NULL;
	size_t n = 0, cap = 0;
	int worst = 0, r;

	for (char **name = names; *name; name++) {
		struct err why = { 0 };
		int status = 0;

		GROW(docs, n, cap);
		if (find(ctx, o, *name, &docs[n], &why) < 0)
			status = dispatch_report(ctx, &why);
		else
			n++;
		worst = status > worst ? status : worst;
	}
	/* docker prints what it found, an empty array if need be. */
	r = o->format && !n ? 0 : output_documents(o->format, docs, n, err);
	for (size_t i = 0; i < n; i++)
		json_free(docs[i]);
	free(docs);
	return r < 0 ? r : worst;
}

static int inspect_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct inspect_opts *o = opts;

	(void)argc;
	if (str_after(ctx->spelling, "image"))
		o->type = "image";
	else if (str_after(ctx->spelling, "container"))
		o->type = "container";
	if (o->type) {
		int r = check_type(o->type, err);

		if (r < 0)
			return r;
	}
	return inspect_all(ctx, o, argv, err);
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
