#include "image/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cmd/context.h"
#include "codec/json.h"

#define SHORT_ID_LEN  12
#define CREATED_WIDTH 45 /* docker's CREATED BY column */

struct history_opts {
	const char *format;
	bool human, no_trunc, quiet;
};

static const struct history_opts defaults = { .human = true };

static const struct option_spec history_options[] = {
	OPT_FORMAT(struct history_opts, format),
	OPT_FLAG(struct history_opts, human, 'H', "human",
		"Print sizes and dates in a form for people", .default_text = "true"),
	OPT_FLAG(struct history_opts, no_trunc, 0, "no-trunc", "Do not shorten ids and commands"),
	OPT_FLAG(struct history_opts, quiet, 'q', "quiet", "Show only ids"),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "IMAGE", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "CREATED BY", "CreatedBy" },
	{ "SIZE", "Size" },
	{ "COMMENT", "Comment" },
	{ "CREATED AT", "CreatedAt", .extra = true },
	{ NULL },
};

static const struct output_column exact_columns[] = {
	{ "IMAGE", "ID" },
	{ "CREATED AT", "CreatedAt" },
	{ "CREATED BY", "CreatedBy" },
	{ "SIZE", "Size" },
	{ "COMMENT", "Comment" },
	{ "CREATED", "CreatedSince", .extra = true },
	{ NULL },
};

static void set_created(struct json *row, const struct image_step *step, bool human)
{
	char at[CLOCK_RFC3339_SIZE] = "", age[64];
	autofree char *since = NULL;

	if (step->created_ns) {
		clock_format_rfc3339(step->created_ns - step->created_ns % NSEC_PER_SEC, at);
		clock_human_duration(clock_wall_ns() - step->created_ns, age, sizeof(age));
		since = xasprintf("%s ago", age);
	}
	json_set_string(row, "CreatedAt", at);
	json_set_string(row, "CreatedSince", human ? (since ? since : "N/A") : at);
}

static void set_created_by(struct json *row, const struct image_step *step, bool full)
{
	autofree char *text = xstrdup(step->created_by), *shown = NULL;

	for (char *c = text; *c; c++)
		if (*c == '\t' || *c == '\n')
			*c = ' ';
	shown = full ? xstrdup(text) : table_ellipsis(text, CREATED_WIDTH);
	json_set_string(row, "CreatedBy", shown);
}

/* The newest step is the image; docker does not know its older steps as images, nor do we. */
static void set_id(struct json *row, const struct digest *id, bool full)
{
	autofree char *shown = full ? xstrdup(id->text) : xstrndup(digest_hex(id), SHORT_ID_LEN);

	json_set_string(row, "ID", shown);
}

static struct json *row_of(const struct image_steps *h, size_t i, const struct history_opts *o)
{
	const struct image_step *step = &h->items[i];
	struct json *row = json_object_new();
	char size[32];

	if (o->human)
		clock_human_size(step->size, size, sizeof(size));
	else
		(void)snprintf(size, sizeof(size), "%" PRIu64, step->size);
	json_set_string(row, "Comment", step->comment);
	set_created(row, step, o->human);
	set_created_by(row, step, o->no_trunc);
	if (i == 0)
		set_id(row, &h->image_id, o->no_trunc);
	else
		json_set_string(row, "ID", "<missing>");
	json_set_string(row, "Size", size);
	return row;
}

static int history_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(image_steps) struct image_steps steps = { 0 };
	const struct history_opts *o = opts;
	autofree struct json **rows = NULL;
	const struct idmap *map;
	struct store *s;
	int r = context_store(ctx, &s, err);

	(void)argc;
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r >= 0)
		r = image_history(s, argv[0], map, &steps, err);
	if (r < 0)
		return r;
	rows = NEW_ARRAY(struct json *, steps.n + 1);
	for (size_t i = 0; i < steps.n; i++)
		rows[i] = row_of(&steps, i, o);
	r = output_rows(o->quiet && !o->format ? "{{.ID}}" : o->format,
		o->human ? columns : exact_columns, rows, steps.n, err);
	for (size_t i = 0; i < steps.n; i++)
		json_free(rows[i]);
	return r;
}

const struct command cmd_history = {
	.name = "history",
	.aliases = (const char *const[]){ "image history", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Show how an image was made",
	.usage = "[OPTIONS] IMAGE",
	.description = "The steps that the image's config tells of, newest first, each with the "
		       "size of its layer once unpacked. Older steps are <missing>: they are not "
		       "images here.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = history_options,
	.options_size = sizeof(struct history_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "The whole commands:",
				"proa history --no-trunc --format '{{.CreatedBy}}' debian:12" },
			{ NULL },
		},
	.run = history_run,
};
