/* Tables and the forms in which rows and documents are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cli/output.h"
#include "cli/table.h"
#include "codec/json.h"

static const struct output_column columns[] = {
	{ "IMAGE ID", "ID" },
	{ "TAG", "Tag" },
	{ "SIZE", "Size" },
	{ "DIGEST", "Digest", .extra = true },
	{ NULL },
};

static struct json *row(const char *id, const char *tag)
{
	struct json *v = json_object_new();

	json_set_string(v, "ID", id);
	json_set_string(v, "Tag", tag);
	json_set_int(v, "Size", 7);
	json_set_string(v, "Digest", "<none>");
	json_set_string(v, "CreatedAt", "now");
	return v;
}

/* Standard output goes to a file while `print` runs; its text is returned. */
static char *stdout_of(int (*print)(const char *format, struct err *err), const char *format,
	int *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(65536);
	FILE *file = tmpfile();
	autofd int saved = dup(STDOUT_FILENO);

	assert_non_null(file);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	*ret = print(format, err);
	fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	rewind(file);
	lseek(fileno(file), 0, SEEK_SET);
	assert_int_equal(buf_read_fd(&b, fileno(file), NULL), 0);
	fclose(file);
	return buf_take(&b);
}

static int print_rows(const char *format, struct err *err)
{
	AUTO(json) struct json *a = row("0123456789ab", "12"), *b = row("ba", "");
	struct json *rows[] = { a, b };

	return output_rows(format, columns, rows, 2, err);
}

static int print_bare(const char *format, struct err *err)
{
	AUTO(json) struct json *a = row("ab", "12");
	struct json *rows[] = { a };

	return output_rows_bare(format, columns, rows, 1, err);
}

static int print_labelled(const char *format, struct err *err)
{
	char *labels[] = { (char *)"a.b=x,y", (char *)"k=", NULL };
	AUTO(json) struct json *v = json_object_new();
	struct json *rows[] = { v };

	output_set_labels(v, labels);
	return output_rows(format, columns, rows, 1, err);
}

static int print_documents(const char *format, struct err *err)
{
	AUTO(json) struct json *a = json_object_new(), *b = json_object_new();
	struct json *docs[] = { a, b };

	json_set_string(a, "ID", "a");
	json_set_string(b, "ID", "b");
	return output_documents(format, docs, 2, err);
}

static void check(
	int (*print)(const char *format, struct err *err), const char *format, const char *wanted)
{
	struct err err = { 0 };
	int r = 0;
	autofree char *text = stdout_of(print, format, &r, &err);

	assert_int_equal(r, 0);
	assert_string_equal(text, wanted);
}

static void rows_in_each_form(void **state)
{
	static const char table[] = "IMAGE ID       TAG       SIZE\n"
				    "0123456789ab   12        7\n"
				    "ba                       7\n";

	(void)state;
	check(print_rows, NULL, table);
	check(print_rows, "table", table);
	check(print_rows, "{{.ID}}={{.Size}}", "0123456789ab=7\nba=7\n");
	check(print_rows, "{{.ID}}\\t{{.Tag}}", "0123456789ab\t12\nba\t\n");
	check(print_rows, "table {{.ID}}\\t{{.Digest}}\\t{{.CreatedAt}}",
		"IMAGE ID       DIGEST    CREATED AT\n"
		"0123456789ab   <none>    now\n"
		"ba             <none>    now\n");
	check(print_rows, "json",
		"{\"ID\":\"0123456789ab\",\"Tag\":\"12\",\"Size\":7,\"Digest\":\"<none>\","
		"\"CreatedAt\":\"now\"}\n"
		"{\"ID\":\"ba\",\"Tag\":\"\",\"Size\":7,\"Digest\":\"<none>\","
		"\"CreatedAt\":\"now\"}\n");
}

static void headings_can_be_left_out(void **state)
{
	(void)state;
	check(print_bare, NULL, "ab        12        7\n");
	check(print_bare, "table {{.ID}}", "ab\n");
}

static void labels_are_looked_up_and_not_shown_twice(void **state)
{
	(void)state;
	check(print_labelled, "{{.Label \"a.b\"}}|{{.Label \"k\"}}|{{.Label \"no\"}}|", "x,y|||\n");
	check(print_labelled, "{{.Labels}}", "a.b=x,y,k=\n");
	check(print_labelled, "json", "{\"Labels\":\"a.b=x,y,k=\"}\n");
	check(print_labelled, "{{json .}}", "{\"Labels\":\"a.b=x,y,k=\"}\n");
	check(print_labelled, "{{.}}", "map[Labels:a.b=x,y,k=]\n");
	check(print_labelled, "table {{.Label \"a.b\"}}", "b\nx,y\n");
}

static void a_missing_field_is_an_error(void **state)
{
	struct err err = { 0 };
	int r = 0;
	autofree char *text = stdout_of(print_rows, "table {{.Tgs}}", &r, &err);

	(void)state;
	assert_int_equal(r, -ERR_FORMAT);
	assert_string_equal(err.msg, "template: there is no field .Tgs");
	assert_string_equal(text, "");
}

static void documents_in_each_form(void **state)
{
	(void)state;
	check(print_documents, NULL,
		"[\n    {\n        \"ID\": \"a\"\n    },\n    {\n        \"ID\": \"b\"\n    "
		"}\n]\n");
	check(print_documents, "json", "[{\"ID\":\"a\"},{\"ID\":\"b\"}]\n");
	check(print_documents, "{{.ID}}", "a\nb\n");
}

static void tables_align_utf8_and_hide_control_characters(void **state)
{
	AUTO(table) struct table *t = table_new();
	autofree char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	table_cell(t, "ÄÖÜÄÖÜÄÖÜ");
	table_cell(t, "x");
	table_end_row(t);
	table_cell(t, "a\033[2Jb");
	table_cell(t, NULL);
	table_cellf(t, "%d", 5);
	table_end_row(t);
	table_end_row(t);
	table_print(t, out);
	fclose(out);
	assert_string_equal(text, "ÄÖÜÄÖÜÄÖÜ   x\n"
				  "a?[2Jb                5\n"
				  "\n");
	assert_int_equal(table_width("ÄÖx"), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_each_form),
		cmocka_unit_test(headings_can_be_left_out),
		cmocka_unit_test(labels_are_looked_up_and_not_shown_twice),
		cmocka_unit_test(a_missing_field_is_an_error),
		cmocka_unit_test(documents_in_each_form),
		cmocka_unit_test(tables_align_utf8_and_hide_control_characters),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
