#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cmd/context.h"
#include "codec/json.h"
#include "container/inspect.h"
#include "container/list.h"
#include "container/remove.h"

#define SHORT_ID_LEN  12
#define COMMAND_WIDTH 20 /* of docker's COMMAND column, quotes aside */
#define AGE_SIZE      64
#define MOUNT_WIDTH   15 /* docker's, too */

struct ps_opts {
	bool all, quiet, no_trunc, latest, no_heading, size;
	int last;
	char **filters;
	const char *format;
};

static const struct option_spec ps_options[] = {
	OPT_FLAG(struct ps_opts, all, 'a', "all", "Show stopped containers as well"),
	OPT_LIST(struct ps_opts, filters, 'f', "filter", "KEY=VALUE",
		"Only containers that match: id, name, label, status, exited, ancestor"),
	OPT_FORMAT(struct ps_opts, format),
	OPT_INT(struct ps_opts, last, 'n', "last", "N",
		"Show the N newest containers, whatever their state", .min = 0, .max = 1 << 30),
	OPT_FLAG(struct ps_opts, latest, 'l', "latest", "Show the newest container"),
	OPT_FLAG(struct ps_opts, no_heading, 0, "noheading", "Print no column headings"),
	OPT_FLAG(struct ps_opts, no_trunc, 0, "no-trunc", "Do not shorten ids and commands"),
	OPT_FLAG(struct ps_opts, quiet, 'q', "quiet", "Print only ids"),
	OPT_FLAG(struct ps_opts, size, 's', "size",
		"Show what each container has written, and that with its image"),
	OPTION_END,
};

static const struct output_column columns[] = {
	{ "CONTAINER ID", "ID" },
	{ "IMAGE", "Image" },
	{ "COMMAND", "Command" },
	{ "CREATED", "RunningFor" },
	{ "STATUS", "Status" },
	{ "NAMES", "Names" },
	{ "PORTS", "Ports", .extra = true },
	{ "SIZE", "Size", .extra = true },
	{ "CREATED AT", "CreatedAt", .extra = true },
	{ "LOCAL VOLUMES", "LocalVolumes", .extra = true },
	{ NULL, NULL },
};

static const struct output_column columns_with_size[] = {
	{ "CONTAINER ID", "ID" },
	{ "IMAGE", "Image" },
	{ "COMMAND", "Command" },
	{ "CREATED", "RunningFor" },
	{ "STATUS", "Status" },
	{ "NAMES", "Names" },
	{ "SIZE", "Size" },
	{ NULL, NULL },
};

/* One --filter against one container. */
static bool matches_label(const struct container_config *c, const char *want)
{
	const char *eq = strchr(want, '=');
	autofree char *key = eq ? xstrndup(want, (size_t)(eq - want)) : xstrdup(want);
	const char *have = strv_env_get(c->labels, key);

	return have && (!eq || str_eq(have, eq + 1));
}

static bool matches_ancestor(const struct container_config *c, const char *want)
{
	const char *hex;

	if (!c->image)
		return false;
	if (str_eq(c->image, want))
		return true;
	hex = c->image_id ? str_after(c->image_id, "sha256:") : NULL;
	return hex && strlen(want) >= 4 && str_after(hex, want);
}

static const char *const filter_keys[] = { "id", "name", "label", "status", "exited", "ancestor" };

static bool matches_one(const struct container_entry *e, const char *key, const char *value)
{
	const struct container_config *c = &e->c.config;
	char code[16];

	if (str_eq(key, "id"))
		return str_after(c->id, value) != NULL;
	if (str_eq(key, "name"))
		return c->name && strstr(c->name, value);
	if (str_eq(key, "label"))
		return matches_label(c, value);
	if (str_eq(key, "status"))
		return str_eq(container_status_name(e->state.status), value);
	if (str_eq(key, "ancestor"))
		return matches_ancestor(c, value);
	(void)snprintf(code, sizeof(code), "%d", e->state.exit_code);
	return e->state.status == CONTAINER_EXITED && str_eq(code, value);
}

/* As in docker: of several filters with one key, one has to match; of each key, one; labels all. */
static bool matches(const struct container_entry *e, char *const *filters)
{
	for (size_t k = 0; k < sizeof(filter_keys) / sizeof(filter_keys[0]); k++) {
		bool all = str_eq(filter_keys[k], "label"), seen = false, any = false, every = true;

		for (size_t i = 0; filters && filters[i]; i++) {
			const char *value = str_after(filters[i], filter_keys[k]);

			if (!value || *value != '=')
				continue;
			seen = true;
			if (matches_one(e, filter_keys[k], value + 1))
				any = true;
			else
				every = false;
		}
		if (seen && !(all ? every : any))
			return false;
	}
	return true;
}

/* A state or a status that cannot be would read as "nothing there". */
static int check_value(const char *filter, struct err *err)
{
	static const char *const states[] = { "created", "running", "exited", "paused",
		"restarting", "removing", "dead" };
	const char *value = str_after(filter, "status=");
	uint64_t code;

	for (size_t i = 0; value && i < sizeof(states) / sizeof(states[0]); i++) {
		if (str_eq(value, states[i]))
			return 0;
	}
	if (value)
		return err_set(err, ERR_USAGE,
			"invalid filter 'status=%s': states are created, running, exited", value);
	value = str_after(filter, "exited=");
	if (value && parse_u64(value, 255, &code, NULL) < 0)
		return err_set(err, ERR_USAGE,
			"invalid filter 'exited=%s': an exit status is 0 to 255", value);
	return 0;
}

static int check_filters(char *const *filters, struct err *err)
{
	int r;

	for (size_t i = 0; filters && filters[i]; i++) {
		size_t n = strcspn(filters[i], "=");
		bool known = false;

		for (size_t k = 0; k < sizeof(filter_keys) / sizeof(filter_keys[0]); k++)
			known = known || (strlen(filter_keys[k]) == n &&
						 strncmp(filters[i], filter_keys[k], n) == 0);
		if (!filters[i][n])
			return err_set(err, ERR_USAGE,
				"invalid argument \"%s\": bad format of filter "
				"(expected name=value)",
				filters[i]);
		if (!known)
			return err_set(err, ERR_USAGE,
				"invalid filter '%.*s': known are id, name, label, status, exited, "
				"ancestor",
				(int)n, filters[i]);
		r = check_value(filters[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* docker's column: the command line in quotes, cut with an ellipsis. */
static char *command_text(const struct container_config *c, bool full)
{
	autofree char *line = strv_join(c->args, " ");

	autofree char *shown = full ? xstrdup(line) : table_ellipsis(line, COMMAND_WIDTH);

	return xasprintf("\"%s\"", shown);
}

static char *ago(int64_t since_ns)
{
	char age[AGE_SIZE];

	clock_human_duration(clock_wall_ns() - since_ns, age, sizeof(age));
	return xasprintf("%s ago", age);
}

/* Where mounts come from: docker's column, its names cut to 15 characters. */
static char *mounts_text(const struct container_config *c, bool full)
{
	AUTO(json) struct json *mounts = container_mounts(c);
	AUTO(strv) char **sources = NULL;

	JSON_FOREACH(mount, mounts)
	{
		const char *source = json_get_string(mount, "Source");

		if (!str_empty(source))
			strv_push_take(&sources,
				full ? xstrdup(source) : table_ellipsis(source, MOUNT_WIDTH));
	}
	return strv_join(sources, ",");
}

/* "5B (virtual 117MB)": what was written, and that with what it was written upon. */
static int set_size(struct store *s, const struct idmap *map, const struct container_config *c,
	struct json *row, struct err *err)
{
	struct container_size size = { 0 };
	char written[32], all[32];
	autofree char *text = NULL;
	int r = container_size(s, c, map, &size, err);

	if (r < 0)
		return r;
	clock_human_size(size.written, written, sizeof(written));
	clock_human_size(size.all, all, sizeof(all));
	text = xasprintf("%s (virtual %s)", written, all);
	json_set_string(row, "Size", text);
	return 0;
}

static struct json *row_of(const struct container_entry *e, const struct ps_opts *o)
{
	const struct container_config *c = &e->c.config;
	autofree char *status = container_status_text(&e->state);
	autofree char *command = command_text(c, o->no_trunc);
	autofree char *mounts = mounts_text(c, o->no_trunc);
	autofree char *age = ago(c->created_ns);
	autofree char *id = o->no_trunc ? xstrdup(c->id) : xstrndup(c->id, SHORT_ID_LEN);
	struct json *row = json_object_new();
	char created[CLOCK_RFC3339_SIZE];
	autofree char *at = NULL;

	clock_format_rfc3339(c->created_ns - c->created_ns % NSEC_PER_SEC, created);
	/* docker's form of a time */
	at = xasprintf("%.10s %.8s +0000 UTC", created, created + strlen("2006-01-02T"));
	json_set_string(row, "ID", id);
	json_set_string(row, "Image", c->image ? c->image : c->rootfs);
	json_set_string(row, "Command", command);
	json_set_string(row, "CreatedAt", at);
	json_set_string(row, "RunningFor", age);
	json_set_string(row, "Status", status);
	json_set_string(row, "State", container_status_name(e->state.status));
	json_set_string(row, "Names", c->name ? c->name : "");
	output_set_labels(row, c->labels);
	json_set_string(row, "LocalVolumes", "0");
	json_set_string(row, "Mounts", mounts);
	json_set_string(row, "Networks", c->network);
	json_set_string(row, "Ports", "");
	json_set_string(row, "Size", "0B");
	return row;
}

static bool wanted(const struct container_entry *e, const struct ps_opts *o)
{
	/* A filter on the state asks for stopped ones by itself. */
	bool any_state = o->all || o->last || o->latest;

	for (size_t i = 0; o->filters && o->filters[i]; i++)
		any_state = any_state || str_after(o->filters[i], "status=") ||
			    str_after(o->filters[i], "exited=");
	return (any_state || e->state.status == CONTAINER_RUNNING) && matches(e, o->filters);
}

/* As docker: it is looked at only when it is asked for, by option or by a template. */
static bool wants_size(const struct ps_opts *o)
{
	return o->size || (o->format && strstr(o->format, ".Size"));
}

static int ps_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(container_entries) struct container_entries l = { 0 };
	const struct ps_opts *o = opts;
	autofree struct json **rows = NULL;
	const struct idmap *map;
	struct store *s;
	size_t n = 0, limit;
	int r;

	(void)argc;
	(void)argv;
	r = check_filters(o->filters, err);
	if (r >= 0)
		r = context_store(ctx, &s, err);
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r < 0)
		return r;
	container_remove_lost(s, map);
	r = container_list(s, &l, err);
	if (r < 0)
		return r;
	limit = o->latest ? 1 : o->last ? (size_t)o->last : l.n;
	rows = NEW_ARRAY(struct json *, l.n);
	for (size_t i = 0; r >= 0 && i < l.n && n < limit; i++) {
		if (!wanted(&l.v[i], o))
			continue;
		rows[n] = row_of(&l.v[i], o);
		if (wants_size(o))
			r = set_size(s, map, &l.v[i].c.config, rows[n], err);
		n++;
	}
	if (r >= 0)
		r = (o->no_heading ? output_rows_bare : output_rows)(
			o->quiet && !o->format ? "{{.ID}}" : o->format,
			o->size ? columns_with_size : columns, rows, n, err);
	for (size_t i = 0; i < n; i++)
		json_free(rows[i]);
	return r;
}

const struct command cmd_ps = {
	.name = "ps",
	.aliases = (const char *const[]){ "container ls", "container list", "container ps", NULL },
	.group = COMMAND_CONTAINERS,
	.summary = "List containers",
	.usage = "[OPTIONS]",
	.operands = { COMPLETE_NONE, COMPLETE_NONE },
	.options = ps_options,
	.options_size = sizeof(struct ps_opts),
	.examples =
		(const struct command_example[]){
			{ "All containers, stopped ones too:", "proa ps -a" },
			{ "Ids of what failed:", "proa ps -q --filter exited=1" },
			{ NULL, NULL },
		},
	.run = ps_run,
};
