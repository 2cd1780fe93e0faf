#include "cli/output.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/format.h"
#include "cli/table.h"
#include "codec/json.h"
#include "codec/template.h"

/* Longest text that a template may make of one row. */
#define ROW_MAX (16 * 1024 * 1024)

/* A member as a cell: strings as they are, the rest as JSON. */
static void put_cell(struct table *t, const struct json *row, const char *field)
{
	const struct json *v = json_get(row, field);
	autofree char *text = NULL;

	if (v && !json_is_string(v))
		text = json_print(v, false);
	table_cell(t, text ? text : json_string(v));
}

static int print_columns(
	const struct output_column *columns, bool headings, struct json *const *rows, size_t n)
{
	AUTO(table) struct table *t = table_new();

	for (const struct output_column *c = columns; headings && c->header; c++) {
		if (!c->extra)
			table_cell(t, c->header);
	}
	if (headings)
		table_end_row(t);
	for (size_t i = 0; i < n; i++) {
		for (const struct output_column *c = columns; c->header; c++) {
			if (!c->extra)
				put_cell(t, rows[i], c->field);
		}
		table_end_row(t);
	}
	table_print(t, stdout);
	return 0;
}

static int print_json_lines(struct json *const *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(json) struct json *row = json_dup(rows[i]);
		autofree char *line = NULL;

		json_remove(row, FORMAT_LABELS);
		line = json_print(row, false);
		puts(line);
	}
	return 0;
}

/* "\t" and "\n" as two characters each are what a shell passes on. The caller frees it. */
static char *unescape(const char *s)
{
	char *copy = xstrdup(s), *to = copy;

	for (const char *at = copy; *at; at++) {
		if (at[0] == '\\' && (at[1] == 't' || at[1] == 'n'))
			*to++ = *++at == 't' ? '\t' : '\n';
		else
			*to++ = *at;
	}
	*to = '\0';
	return copy;
}

/* What the template is given for the heading line: each field's heading by its name. */
static struct json *headings(const struct output_column *columns)
{
	struct json *v = json_object_new();

	for (const struct output_column *c = columns; c->header; c++)
		json_set_string(v, c->field, c->header);
	return v;
}

/* A line of text with tabs as one row of a table. */
static void add_line(struct table *t, char *line)
{
	for (;;) {
		size_t len = strcspn(line, "\t");
		bool last = !line[len];

		line[len] = '\0';
		table_cell(t, line);
		if (last)
			break;
		line += len + 1;
	}
	table_end_row(t);
}

static int add_row(struct table *out, const struct template *t, const struct json *row,
	enum format_flags flags, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(ROW_MAX);
	int r = format_eval(t, row, flags, &b, err);
	autofree char *line = buf_take(&b);

	if (r >= 0)
		add_line(out, line);
	return r;
}

/* columns NULL: without headings. */
static int print_table(const struct template *t, const struct output_column *columns,
	struct json *const *rows, size_t n, struct err *err)
{
	AUTO(table) struct table *out = table_new();
	AUTO(json) struct json *top = columns ? headings(columns) : NULL;
	int r = top ? add_row(out, t, top, FORMAT_HEADINGS, err) : 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = add_row(out, t, rows[i], FORMAT_STRICT, err);
	if (r >= 0)
		table_print(out, stdout);
	return r;
}

static int print_each(const struct template *t, struct json *const *rows, size_t n,
	enum format_flags flags, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(ROW_MAX);

	for (size_t i = 0; i < n; i++) {
		int r;

		buf_reset(&b);
		r = format_eval(t, rows[i], flags, &b, err);
		if (r < 0)
			return r;
		puts(buf_str(&b));
	}
	return 0;
}

void output_set_labels(struct json *row, char *const *labels)
{
	autofree char *text = strv_join(labels, ",");

	json_set_string(row, "Labels", text);
	json_set_string_map(row, FORMAT_LABELS, labels);
}

static int print_rows(const char *format, const struct output_column *columns, bool headed,
	struct json *const *rows, size_t n, struct err *err)
{
	AUTO(template) struct template *t = NULL;
	autofree char *text = NULL;
	const char *rest;
	int r;

	if (str_empty(format) || str_eq(format, "table"))
		return print_columns(columns, headed, rows, n);
	if (str_eq(format, "json"))
		return print_json_lines(rows, n);

	rest = str_after(format, "table ");
	text = unescape(rest ? rest + strspn(rest, " ") : format);
	r = template_parse(text, &t, err);
	if (r < 0)
		return r;
	return rest ? print_table(t, headed ? columns : NULL, rows, n, err)
		    : print_each(t, rows, n, FORMAT_STRICT, err);
}

int output_rows(const char *format, const struct output_column *columns, struct json *const *rows,
	size_t n, struct err *err)
{
	return print_rows(format, columns, true, rows, n, err);
}

int output_rows_bare(const char *format, const struct output_column *columns,
	struct json *const *rows, size_t n, struct err *err)
{
	return print_rows(format, columns, false, rows, n, err);
}

/* An array of the documents, which stay the caller's. */
static int print_array(struct json *const *docs, size_t n, bool pretty)
{
	AUTO(json) struct json *all = json_array_new();
	autofree char *text = NULL;

	for (size_t i = 0; i < n; i++)
		json_append(all, json_dup(docs[i]));
	text = json_print(all, pretty);
	puts(text);
	return 0;
}

int output_documents(const char *format, struct json *const *docs, size_t n, struct err *err)
{
	AUTO(template) struct template *t = NULL;
	int r;

	if (str_empty(format))
		return print_array(docs, n, true);
	if (str_eq(format, "json"))
		return print_array(docs, n, false);
	r = template_parse(format, &t, err);
	return r < 0 ? r : print_each(t, docs, n, FORMAT_INSPECT, err);
}

int output_document(const char *format, struct json *doc, struct err *err)
{
	AUTO(template) struct template *t = NULL;
	autofree char *text = NULL;
	int r;

	if (str_empty(format) || str_eq(format, "json")) {
		text = json_print(doc, str_empty(format));
		puts(text);
		return 0;
	}
	r = template_parse(format, &t, err);
	return r < 0 ? r : print_each(t, &doc, 1, 0, err);
}

int output_flush(struct err *err)
{
	int failed = ferror(stdout);

	if (fflush(stdout) == 0 && !failed)
		return 0;
	if (errno == EPIPE)
		return 0;
	return err_sys(err, errno ? errno : EIO, "write to standard output");
}
