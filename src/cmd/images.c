#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strv.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "codec/json.h"
#include "image/list.h"

#define SHORT_ID_LEN 12

struct images_opts {
	bool all, quiet, digests, no_trunc, no_heading;
	int sort; /* enum image_sort */
	char **filters;
	const char *format;
};

/* In the order of enum image_sort. */
static const char *const sort_values[] = { "created", "id", "repository", "size", "tag", NULL };

static const struct option_spec images_options[] = {
	OPT_FLAG(struct images_opts, all, 'a', "all", "Show all images",
		.detail = "proa keeps no intermediate images: the answer is the same without it."),
	OPT_FLAG(struct images_opts, digests, 0, "digests",
		"Show the digests that registries serve the images under"),
	OPT_LIST(struct images_opts, filters, 'f', "filter", "KEY=VALUE",
		"Show only images that match: before, dangling, label, reference, since, until"),
	OPT_FORMAT(struct images_opts, format),
	OPT_FLAG(struct images_opts, no_trunc, 0, "no-trunc", "Do not shorten ids"),
	OPT_FLAG(struct images_opts, no_heading, 'n', "noheading", "Print no column headings"),
	OPT_FLAG(struct images_opts, quiet, 'q', "quiet", "Show only ids"),
	OPT_ENUM(struct images_opts, sort, 0, "sort", "COLUMN", sort_values,
		"Sort by created, id, repository, size or tag", .default_text = "created"),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "REPOSITORY", "Repository" },
	{ "TAG", "Tag" },
	{ "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "SIZE", "Size" },
	{ "DIGEST", "Digest", .extra = true },
	{ "CREATED AT", "CreatedAt", .extra = true },
	{ "CONTAINERS", "Containers", .extra = true },
	{ NULL },
};

static const struct output_column columns_with_digest[] = {
	{ "REPOSITORY", "Repository" },
	{ "TAG", "Tag" },
	{ "DIGEST", "Digest" },
	{ "IMAGE ID", "ID" },
	{ "CREATED", "CreatedSince" },
	{ "SIZE", "Size" },
	{ NULL },
};

static const char *or_none(const char *s)
{
	return s && *s ? s : "<none>";
}

static void set_id(struct json *row, const struct digest *id, bool no_trunc)
{
	char text[SHORT_ID_LEN + 1];

	if (no_trunc) {
		json_set_string(row, "ID", id->text);
		return;
	}
	(void)snprintf(text, sizeof(text), "%.*s", SHORT_ID_LEN, digest_hex(id));
	json_set_string(row, "ID", text);
}

/* docker's "2006-01-02 15:04:05 -0700 MST", always in UTC here. */
static void set_created(struct json *row, int64_t created_ns)
{
	char text[CLOCK_RFC3339_SIZE], age[64], since[80];

	clock_format_rfc3339(created_ns - created_ns % NSEC_PER_SEC, text);
	autofree char *at = xasprintf("%.10s %.8s +0000 UTC", text, text + 11);

	json_set_string(row, "CreatedAt", at);
	if (!created_ns) {
		json_set_string(row, "CreatedSince", "N/A");
		return;
	}
	clock_human_duration(clock_wall_ns() - created_ns, age, sizeof(age));
	(void)snprintf(since, sizeof(since), "%s ago", age);
	json_set_string(row, "CreatedSince", since);
}

static struct json *make_row(const struct image_entry *e, const struct images_opts *o)
{
	struct json *row = json_object_new();
	char size[32], containers[16];

	clock_human_size(e->size, size, sizeof(size));
	(void)snprintf(containers, sizeof(containers), "%u", e->containers);
	json_set_string(row, "Containers", containers);
	set_created(row, e->created_ns);
	json_set_string(row, "Digest", or_none(e->digest.text));
	set_id(row, &e->image_id, o->no_trunc);
	json_set_string(row, "Repository", or_none(e->repository));
	json_set_string(row, "SharedSize", "N/A");
	json_set_string(row, "Size", size);
	json_set_string(row, "Tag", or_none(e->tag));
	json_set_string(row, "UniqueSize", "N/A");
	json_set_string(row, "VirtualSize", size);
	return row;
}

/* Each id once, in the order of the table. */
static void print_ids(const struct image_entries *entries, bool no_trunc)
{
	AUTO(strv) char **seen = NULL;

	for (size_t i = 0; i < entries->n; i++) {
		const struct digest *id = &entries->items[i].image_id;

		if (strv_contains(seen, id->text))
			continue;
		strv_push(&seen, id->text);
		if (no_trunc)
			printf("%s\n", id->text);
		else
			printf("%.*s\n", SHORT_ID_LEN, digest_hex(id));
	}
}

static int print_rows(
	const struct image_entries *entries, const struct images_opts *o, struct err *err)
{
	struct json **rows = NEW_ARRAY(struct json *, entries->n + 1);
	int r;

	for (size_t i = 0; i < entries->n; i++)
		rows[i] = make_row(&entries->items[i], o);
	r = (o->no_heading ? output_rows_bare : output_rows)(
		o->format, o->digests ? columns_with_digest : columns, rows, entries->n, err);
	for (size_t i = 0; i < entries->n; i++)
		json_free(rows[i]);
	free(rows);
	return r;
}

static int images_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(image_entries) struct image_entries entries = { 0 };
	struct images_opts *o = opts;
	struct image_list_options list = { .filters = o->filters };
	struct store *s;
	int r;

	r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &list.map, err);
	if (r < 0)
		return r;
	store_sweep(s);
	list.reference = argc ? argv[0] : NULL;
	list.sort = (enum image_sort)o->sort;
	r = image_list_entries(s, &list, &entries, err);
	if (r < 0)
		return r;
	if (o->quiet && !o->format) {
		print_ids(&entries, o->no_trunc);
		return 0;
	}
	return print_rows(&entries, o, err);
}

const struct command cmd_images = {
	.name = "images",
	.aliases = (const char *const[]){ "image ls", "image list", NULL },
	.group = COMMAND_IMAGES,
	.summary = "List images",
	.usage = "[OPTIONS] [REPOSITORY[:TAG]]",
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE },
	.options = images_options,
	.options_size = sizeof(struct images_opts),
	.examples =
		(const struct command_example[]){
			{ "Images of one repository:", "proa images debian" },
			{ "Remove all images without a name:",
				"proa rmi $(proa images -q -f dangling=true)" },
			{ NULL },
		},
	.run = images_run,
};
