#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "cli/output.h"
#include "cmd/context.h"
#include "codec/json.h"
#include "runtime/probe.h"
#include "store/store.h"

#define WIDTH	    80
#define TITLE_WIDTH 24 /* of the widest title, and two blanks */
#define STATE_WIDTH 10 /* "degraded" and two blanks */
#define INDENT	    14 /* of what belongs to a line above it */

struct doctor_opts {
	const char *format;
};

static const struct option_spec doctor_options[] = {
	OPT_CONST(struct doctor_opts, format, 0, "json", "json", "Print everything as JSON"),
	OPT_STRING(struct doctor_opts, format, 0, "format", "TEMPLATE",
		"Format output: 'json', or a Go template for what --json prints"),
	OPTION_END,
};

static const struct command_example doctor_examples[] = {
	{ "What could be better on this host, and how:", "proa doctor" },
	{ "For scripts:", "proa doctor --json | jq '.Probes[] | select(.State != \"ok\")'" },
	{ NULL },
};

/* How much of each there is. */
struct totals {
	unsigned count[PROBE_MISSING + 1];
	bool can_run;
};

/*
 * Words of text from column `at`, broken before WIDTH. A command that is broken gets a backslash, so
 * that it can be copied as it stands.
 */
static void print_wrapped(const char *text, size_t at, bool is_command)
{
	size_t column = at, limit = is_command ? WIDTH - 2 : WIDTH;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > at && column + 1 + len > limit) {
			(void)printf("%s\n%*s", is_command ? " \\" : "", (int)at, "");
			column = at;
		} else if (column > at) {
			(void)putchar(' ');
			column++;
		}
		(void)printf("%.*s", (int)len, text);
		column += len;
		text += len;
		text += strspn(text, " ");
	}
	(void)putchar('\n');
}

static void print_note(const char *label, const char *text, bool is_command)
{
	int written;

	if (str_empty(text))
		return;
	written = printf("%*s%s", INDENT - 2, "", label);
	print_wrapped(text, (size_t)written, is_command);
}

static void print_probe(const struct probe *p, const struct probe_result *r)
{
	(void)printf("  %-*s%-*s", STATE_WIDTH, probe_state_name(r->state), TITLE_WIDTH, p->title);
	print_wrapped(r->detail, 2 + STATE_WIDTH + TITLE_WIDTH, false);
	if (r->state == PROBE_OK)
		return;
	print_note("instead  ", r->instead, false);
	print_note("to fix   ", r->fix, true);
}

static struct json *make_row(const struct probe *p, const struct probe_result *r)
{
	struct json *row = json_object_new();

	json_set_string(row, "Name", p->name);
	json_set_string(row, "Title", p->title);
	json_set_string(row, "Group", p->group);
	json_set_string(row, "State", probe_state_name(r->state));
	json_set_bool(row, "Required", p->required);
	json_set_string(row, "Detail", r->detail);
	json_set_string(row, "Instead", r->instead);
	json_set_string(row, "Fix", r->fix);
	json_set_string(row, "Call", r->call);
	json_set_int(row, "Errno", r->errnum);
	return row;
}

/* Print as we go (rows NULL), or collect. */
static void run_probes(const struct probe_env *env, struct json *rows, struct totals *t)
{
	const struct probe *p;
	const char *group = "";

	for (size_t i = 0; (p = probe_at(i)); i++) {
		struct probe_result r;

		(void)fflush(stdout); /* or each child would print it again */
		probe_run(p, env, &r);
		t->count[r.state]++;
		if (p->required && r.state == PROBE_MISSING)
			t->can_run = false;
		if (rows) {
			json_append(rows, make_row(p, &r));
			continue;
		}
		if (!str_eq(group, p->group))
			(void)printf("%s%s\n", i ? "\n" : "", p->group);
		group = p->group;
		print_probe(p, &r);
	}
}

static void print_totals(const struct totals *t)
{
	(void)printf("\n%u ok, %u degraded, %u missing: containers %s\n", t->count[PROBE_OK],
		t->count[PROBE_DEGRADED], t->count[PROBE_MISSING],
		t->can_run ? "can run" : "cannot run");
}

static int print_document(
	const char *format, struct json *rows, const struct totals *t, struct err *err)
{
	AUTO(json) struct json *doc = json_object_new();

	json_set_bool(doc, "CanRun", t->can_run);
	json_set_int(doc, "Ok", t->count[PROBE_OK]);
	json_set_int(doc, "Degraded", t->count[PROBE_DEGRADED]);
	json_set_int(doc, "Missing", t->count[PROBE_MISSING]);
	json_set(doc, "Probes", rows);
	return output_document(str_eq(format, "json") ? NULL : format, doc, err);
}

static int doctor_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	struct doctor_opts *o = opts;
	struct totals totals = { .can_run = true };
	struct err store_err = { 0 }, map_err = { 0 };
	struct store *store = NULL;
	autofree char *run_dir = path_env("XDG_RUNTIME_DIR");
	struct probe_env env = { .run_dir = run_dir };
	struct json *rows = o->format ? json_array_new() : NULL;
	int r = 0;

	(void)argc;
	(void)argv;
	if (context_store(ctx, &store, &store_err) >= 0)
		env.store = store_path(store);
	else
		env.store_error = store_err.msg;
	if (context_idmap(ctx, &env.map, &map_err) < 0)
		env.map_error = map_err.msg;
	run_probes(&env, rows, &totals);
	if (rows)
		r = print_document(o->format, rows, &totals, err);
	else
		print_totals(&totals);
	if (r >= 0)
		r = output_flush(err);
	if (r < 0)
		return r;
	return totals.can_run ? 0 : 1;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.group = COMMAND_HOST,
	.summary = "Find out what this host offers to containers",
	.usage = "[OPTIONS]",
	.description =
		"Each thing is tried for real, in a child process and namespaces of its own. "
		"For what is missing, doctor says what proa does instead and how to get it.\n\n"
		"Exit status 0: containers can run. 1: they cannot.",
	.options = doctor_options,
	.options_size = sizeof(struct doctor_opts),
	.examples = doctor_examples,
	.run = doctor_run,
};
