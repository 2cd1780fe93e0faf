#include <stdio.h>
#include <stdlib.h>

#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"
#include "cmd/dispatch.h"
#include "image/list.h"
#include "image/remove.h"

struct rmi_opts {
	bool force, no_prune, all, ignore;
};

static const struct option_spec rmi_options[] = {
	OPT_FLAG(struct rmi_opts, all, 'a', "all",
		"Remove all images; with --force, those of stopped containers too"),
	OPT_FLAG(struct rmi_opts, force, 'f', "force",
		"Remove images that have names in several repositories or stopped containers"),
	OPT_FLAG(struct rmi_opts, ignore, 'i', "ignore", "An image that is not here is no error"),
	OPT_FLAG(struct rmi_opts, no_prune, 0, "no-prune",
		"Keep the layers; a later rmi removes them"),
	OPTION_END,
};

static int remove_one(
	struct context *ctx, struct store *s, const char *name, const struct rmi_opts *o)
{
	unsigned flags = (o->force ? IMAGE_REMOVE_FORCE : 0U) |
			 (o->no_prune ? IMAGE_REMOVE_NO_PRUNE : 0U) |
			 (o->all ? IMAGE_REMOVE_ALL_NAMES : 0U);
	AUTO(strv) char **lines = NULL;
	struct err err = { 0 };
	int r = image_remove(s, name, flags, &lines, &err);

	STRV_FOREACH (line, lines)
		printf("%s\n", line);
	if (r >= 0 || (r == -ERR_NOT_FOUND && o->ignore))
		return 0;
	(void)fflush(stdout);
	return dispatch_report(ctx, &err);
}

/* Ids of all images, each once. */
static int list_all(struct context *ctx, struct store *s, char ***ret, struct err *err)
{
	AUTO(image_entries) struct image_entries entries = { 0 };
	struct image_list_options list = { 0 };
	int r = context_idmap(ctx, &list.map, err);

	if (r >= 0)
		r = image_list_entries(s, &list, &entries, err);
	for (size_t i = 0; r >= 0 && i < entries.n; i++)
		if (!strv_contains(*ret, entries.items[i].image_id.text))
			strv_push(ret, entries.items[i].image_id.text);
	return r;
}

static int rmi_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct rmi_opts *o = opts;
	AUTO(strv) char **all = NULL;
	int worst = 0, r;
	struct store *s;

	if (!argc && !o->all)
		return err_hint(err, err_set(err, ERR_USAGE, "requires at least 1 argument"),
			"--all removes every image; see 'proa rmi --help'");
	if (argc && o->all)
		return err_exit(
			err, err_set(err, ERR_USAGE, "--all and names exclude each other"), 125);
	r = context_store(ctx, &s, err);
	if (r >= 0 && o->all)
		r = list_all(ctx, s, &all, err);
	if (r < 0)
		return r;
	store_sweep(s);
	STRV_FOREACH (name, o->all ? all : argv) {
		int status = remove_one(ctx, s, name, o);

		worst = status > worst ? status : worst;
	}
	if (o->all && !o->no_prune) {
		r = image_remove_unused(s, err);
		if (r < 0)
			return r;
	}
	return worst;
}

const struct command cmd_rmi = {
	.name = "rmi",
	.aliases = (const char *const[]){ "image rm", "image remove", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Remove images",
	.usage = "[OPTIONS] IMAGE [IMAGE...]",
	.description =
		"A name is taken from its image; with its last name, or named by its id, the "
		"image goes, and with it the layers that nothing else uses. An image that a "
		"container was made from needs --force, and that of a running container "
		"cannot be removed.",
	.max_operands = -1,
	.operands = { COMPLETE_IMAGE, COMPLETE_IMAGE },
	.options = rmi_options,
	.options_size = sizeof(struct rmi_opts),
	.examples =
		(const struct command_example[]){
			{ "Remove one:", "proa rmi debian:12" },
			{ "Remove all images that no container uses:", "proa rmi --all" },
			{ NULL },
		},
	.run = rmi_run,
};
