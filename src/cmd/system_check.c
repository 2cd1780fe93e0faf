#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "codec/json.h"
#include "image/check.h"
#include "store/check.h"

#define EXIT_FINDINGS 1

struct check_opts {
	struct registry_options registry;
	bool deep, repair, quiet;
	const char *format;
};

static const struct check_opts check_defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec check_options[] = {
	OPT_FLAG(struct check_opts, deep, 0, "deep",
		"Read every byte: compare blobs with their digests, layers with their blobs",
		.detail = "Each unpacked layer is unpacked a second time, out of sight, and the "
			  "two are "
			  "compared; that takes the time and, for one layer at once, the room of a "
			  "pull. A layer whose blob is gone is not compared."),
	OPT_FORMAT(struct check_opts, format),
	OPT_FLAG(struct check_opts, quiet, 'q', "quiet", "Print only what is damaged, not why"),
	OPT_FLAG(struct check_opts, repair, 0, "repair",
		"Remove what is damaged, and unpack or fetch it again",
		.detail = "Images keep their names and containers their files, whatever is "
			  "found."),
	OPT_REGISTRY(struct check_opts, registry),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "THING", "Thing" },
	{ "PROBLEM", "Problem" },
	{ "CURE", "Cure" },
	{ "REPAIRED", "Repaired" },
	{ NULL },
};

static int print_rows(const struct check *c, const char *format, struct err *err)
{
	struct json **rows = NEW_ARRAY(struct json *, c->n + 1);
	int r;

	for (size_t i = 0; i < c->n; i++) {
		rows[i] = json_object_new();
		json_set_string(rows[i], "Thing", c->items[i].thing);
		json_set_string(rows[i], "Problem", c->items[i].problem);
		json_set_string(rows[i], "Cure", c->items[i].cure ? c->items[i].cure : "");
		json_set_bool(rows[i], "Repaired", c->items[i].repaired);
	}
	r = output_rows(format, columns, rows, c->n, err);
	for (size_t i = 0; i < c->n; i++)
		json_free(rows[i]);
	free(rows);
	return r;
}

static void print_things(const struct check *c)
{
	AUTO(strv) char **seen = NULL;

	for (size_t i = 0; i < c->n; i++) {
		if (c->items[i].repaired || strv_contains(seen, c->items[i].thing))
			continue;
		strv_push(&seen, c->items[i].thing);
		puts(c->items[i].thing);
	}
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_findings(const struct check *c, size_t left)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct check_finding *f = &c->items[i];

		if (f->repaired)
			printf("%s: %s: repaired\n", f->thing, f->problem);
		else
			printf("%s: %s: %s\n", f->thing, f->problem, f->cure);
	}
	printf("Checked %zu image%s, %zu layer%s, %zu blob%s, %zu container%s: ", c->n_images,
		plural(c->n_images), c->n_layers, plural(c->n_layers), c->n_blobs,
		plural(c->n_blobs), c->n_containers, plural(c->n_containers));
	if (!c->n)
		puts("no damage found");
	else if (!left)
		printf("%zu repaired\n", c->n);
	else
		printf("%zu problem%s left\n", left, plural(left));
}

static int print_all(
	const struct check *c, const struct check_opts *o, size_t left, struct err *err)
{
	if (o->format)
		return print_rows(c, o->format, err);
	if (o->quiet)
		print_things(c);
	else
		print_findings(c, left);
	return 0;
}

static int check_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct check_opts *o = opts;
	AUTO(credentials) struct credentials *creds = NULL;
	struct client_options client = CLIENT_OPTIONS_INIT;
	struct image_check_options io = { .client = &client };
	AUTO(check)
	struct check c = {
		.flags = (o->deep ? CHECK_DEEP : 0U) | (o->repair ? CHECK_REPAIR : 0U),
	};
	size_t left = 0;
	int r;

	(void)argc;
	(void)argv;
	r = registry_options_apply(&o->registry, &client, &creds, err);
	if (r >= 0)
		r = context_store(ctx, &c.store, err);
	if (r >= 0)
		r = context_idmap(ctx, &io.map, err);
	if (r >= 0)
		r = image_check(&c, &io, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		left += !c.items[i].repaired;
	r = print_all(&c, o, left, err);
	return r < 0 ? r : left ? EXIT_FINDINGS : 0;
}

const struct command cmd_system_check = {
	.name = "system-check",
	.aliases = (const char *const[]){ "system check", NULL },
	.group = COMMAND_HOST,
	.flags = COMMAND_VERB,
	.summary = "Check images, layers and containers for damage",
	.usage = "[OPTIONS]",
	.description =
		"Looks at everything in the store, after it has removed what killed processes "
		"left behind. Each line names what is damaged, how, and what to do about it. "
		"Others may use the store meanwhile.\n"
		"\n"
		"The exit status is 0 when nothing is wrong, or all of it was repaired, and 1 "
		"otherwise.",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = check_options,
	.options_size = sizeof(struct check_opts),
	.defaults = &check_defaults,
	.examples =
		(const struct command_example[]){
			{ "After a crash or with a disk in doubt:", "proa system check --deep" },
			{ "Bring back what is damaged:", "proa system check --deep --repair" },
			{ NULL, NULL },
		},
	.run = check_run,
};
