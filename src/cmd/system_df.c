#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "codec/json.h"
#include "container/list.h"
#include "image/list.h"
#include "image/usage.h"
#include "store/usage.h"

#define SHORT_ID_LEN 12

struct df_opts {
	bool verbose;
	const char *format;
};

static const struct option_spec df_options[] = {
	OPT_FORMAT(struct df_opts, format),
	OPT_FLAG(struct df_opts, verbose, 'v', "verbose", "Show each image and container"),
	OPTION_END,
};

/* Everything that is measured. */
struct df {
	struct store *store;
	const struct idmap *map;
	struct image_usage images;
	struct image_entries names;
	struct container_entries containers;
	struct usage *sums; /* of each container */
};

static void df_done(struct df *d)
{
	image_usage_done(&d->images);
	image_entries_done(&d->names);
	container_entries_done(&d->containers);
	free(d->sums);
}
DEFINE_AUTO(df, struct df, df_done)

static int measure_containers(struct df *d, struct err *err)
{
	AUTO(strv) char **paths = NULL;
	int r = container_list(d->store, &d->containers, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < d->containers.n; i++)
		strv_pushf(&paths, "containers/%s", d->containers.v[i].c.config.id);
	d->sums = NEW_ARRAY(struct usage, d->containers.n + 1);
	return usage_measure(d->store, paths, d->map, d->sums, err);
}

/* --- the summary -------------------------------------------------------------------------- */

static const struct output_column columns[] = {
	{ "TYPE", "Type" },
	{ "TOTAL", "TotalCount" },
	{ "ACTIVE", "Active" },
	{ "SIZE", "Size" },
	{ "RECLAIMABLE", "Reclaimable" },
	{ NULL },
};

static void set_size(struct json *row, const char *key, uint64_t bytes)
{
	char text[32];

	clock_human_size(bytes, text, sizeof(text));
	json_set_string(row, key, text);
}

static struct json *summary_row(
	const char *type, size_t total, size_t active, uint64_t size, uint64_t reclaimable)
{
	struct json *row = json_object_new();
	char text[64], human[32];

	json_set_string(row, "Type", type);
	(void)snprintf(text, sizeof(text), "%zu", total);
	json_set_string(row, "TotalCount", text);
	(void)snprintf(text, sizeof(text), "%zu", active);
	json_set_string(row, "Active", text);
	set_size(row, "Size", size);
	clock_human_size(reclaimable, human, sizeof(human));
	if (size)
		(void)snprintf(text, sizeof(text), "%s (%u%%)", human,
			(unsigned)(reclaimable * 100 / size));
	json_set_string(row, "Reclaimable", size ? text : human);
	return row;
}

static struct json *containers_row(const struct df *d)
{
	uint64_t total = 0, stopped = 0;
	size_t running = 0;

	for (size_t i = 0; i < d->containers.n; i++) {
		total += d->sums[i].disk;
		if (d->containers.v[i].state.status == CONTAINER_RUNNING)
			running++;
		else
			stopped += d->sums[i].disk;
	}
	return summary_row("Containers", d->containers.n, running, total, stopped);
}

static int print_summary(const struct df *d, const char *format, struct err *err)
{
	struct json *rows[] = {
		summary_row("Images", d->images.n, d->images.active, d->images.total,
			d->images.reclaimable),
		containers_row(d),
		/* docker's other rows: scripts look for them, and there is nothing in them. */
		summary_row("Local Volumes", 0, 0, 0, 0),
		summary_row("Build Cache", 0, 0, 0, 0),
	};
	int r = output_rows(format, columns, rows, 4, err);

	for (size_t i = 0; i < 4; i++)
		json_free(rows[i]);
	return r;
}

/* --- each one ----------------------------------------------------------------------------- */

static const struct output_column image_columns[] = {
	{ "REPOSITORY", "Repository" },
	{ "TAG", "Tag" },
	{ "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "SIZE", "Size" },
	{ "SHARED SIZE", "SharedSize" },
	{ "UNIQUE SIZE", "UniqueSize" },
	{ "CONTAINERS", "Containers" },
	{ NULL },
};

static const struct output_column container_columns[] = {
	{ "CONTAINER ID", "ID" },
	{ "IMAGE", "Image" },
	{ "COMMAND", "Command" },
	{ "LOCAL VOLUMES", "LocalVolumes" },
	{ "SIZE", "Size" },
	{ "CREATED", "RunningFor" },
	{ "STATUS", "Status" },
	{ "NAMES", "Names" },
	{ NULL },
};

static void set_age(struct json *row, const char *key, int64_t created_ns)
{
	char age[64], since[80];

	if (!created_ns) {
		json_set_string(row, key, "N/A");
		return;
	}
	clock_human_duration(clock_wall_ns() - created_ns, age, sizeof(age));
	(void)snprintf(since, sizeof(since), "%s ago", age);
	json_set_string(row, key, since);
}

static struct json *image_row(const struct df *d, const struct image_entry *e)
{
	const struct image_usage_item *item = image_usage_find(&d->images, &e->image_id);
	struct json *row = json_object_new();
	char text[16];

	json_set_string(row, "Repository", e->repository ? e->repository : "<none>");
	json_set_string(row, "Tag", e->tag ? e->tag : "<none>");
	(void)snprintf(text, sizeof(text), "%.*s", SHORT_ID_LEN, digest_hex(&e->image_id));
	json_set_string(row, "ID", text);
	set_age(row, "CreatedSince", e->created_ns);
	set_size(row, "Size", item ? item->size : 0);
	set_size(row, "SharedSize", item ? item->shared : 0);
	set_size(row, "UniqueSize", item ? item->size - item->shared : 0);
	(void)snprintf(text, sizeof(text), "%u", e->containers);
	json_set_string(row, "Containers", text);
	return row;
}

static struct json *container_row(const struct df *d, size_t i)
{
	const struct container_entry *e = &d->containers.v[i];
	const struct container_config *c = &e->c.config;
	autofree char *status = container_status_text(&e->state);
	autofree char *line = strv_join(c->args, " ");
	autofree char *command = xasprintf("\"%s\"", line);
	struct json *row = json_object_new();
	char id[SHORT_ID_LEN + 1];

	(void)snprintf(id, sizeof(id), "%.*s", SHORT_ID_LEN, c->id);
	json_set_string(row, "ID", id);
	json_set_string(row, "Image", c->image ? c->image : c->rootfs);
	json_set_string(row, "Command", command);
	json_set_string(row, "LocalVolumes", "0");
	set_size(row, "Size", d->sums[i].disk);
	set_age(row, "RunningFor", c->created_ns);
	json_set_string(row, "Status", status);
	json_set_string(row, "Names", c->name ? c->name : "");
	return row;
}

static struct json *image_rows(const struct df *d)
{
	struct json *rows = json_array_new();

	for (size_t i = 0; i < d->names.n; i++)
		json_append(rows, image_row(d, &d->names.items[i]));
	return rows;
}

static struct json *container_rows(const struct df *d)
{
	struct json *rows = json_array_new();

	for (size_t i = 0; i < d->containers.n; i++)
		json_append(rows, container_row(d, i));
	return rows;
}

static int print_table(const char *heading, const struct output_column *c, const struct json *rows,
	struct err *err)
{
	size_t n = json_len(rows), i = 0;
	struct json **v = NEW_ARRAY(struct json *, n + 1);
	int r;

	JSON_FOREACH(row, rows)
	v[i++] = row;
	printf("%s\n\n", heading);
	r = output_rows(NULL, c, v, n, err);
	free(v);
	return r;
}

/* docker's one object, for json and templates. */
static int print_verbose(const struct df *d, const char *format, struct err *err)
{
	AUTO(json) struct json *all = json_object_new();
	struct json *images = json_set(all, "Images", image_rows(d));
	struct json *containers = json_set(all, "Containers", container_rows(d));
	int r;

	json_set(all, "Volumes", json_array_new());
	json_set(all, "BuildCache", json_array_new());
	if (format)
		return output_document(format, all, err);
	r = print_table("Images space usage:", image_columns, images, err);
	if (r < 0)
		return r;
	puts("");
	return print_table("Containers space usage:", container_columns, containers, err);
}

static int df_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct df_opts *o = opts;
	AUTO(df) struct df d = { 0 };
	struct image_list_options list = { 0 };
	int r;

	(void)argc;
	(void)argv;
	r = context_store(ctx, &d.store, err);
	if (r >= 0)
		r = context_idmap(ctx, &d.map, err);
	if (r < 0)
		return r;
	store_sweep(d.store);
	list.map = d.map;
	r = image_usage(d.store, d.map, &d.images, err);
	if (r >= 0)
		r = measure_containers(&d, err);
	if (r >= 0 && o->verbose)
		r = image_list_entries(d.store, &list, &d.names, err);
	if (r < 0)
		return r;
	return o->verbose ? print_verbose(&d, o->format, err) : print_summary(&d, o->format, err);
}

const struct command cmd_system_df = {
	.name = "system-df",
	.aliases = (const char *const[]){ "system df", NULL },
	.group = COMMAND_HOST,
	.flags = COMMAND_VERB,
	.summary = "Show how much disk images and containers take",
	.usage = "[OPTIONS]",
	.description =
		"Sizes are blocks of the disk: what images share is counted once, hard links "
		"once, holes not at all, and blobs as well as unpacked layers. RECLAIMABLE is "
		"what `proa image prune --all` and `proa container prune` would free.",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = df_options,
	.options_size = sizeof(struct df_opts),
	.examples =
		(const struct command_example[]){
			{ "Only how much could be freed:",
				"proa system df --format '{{.Type}}: {{.Reclaimable}}'" },
			{ NULL, NULL },
		},
	.run = df_run,
};
