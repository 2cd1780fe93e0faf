/*
 * How commands answer: rows or documents, as a table, as JSON or by a Go template, from one
 * description. A row is a JSON object whose keys are docker's names (ID, Image, Names, Status ...);
 * the same row feeds `--format '{{.ID}}'`, `--format json` and the table.
 *
 *	static const struct output_column columns[] = {
 *		{ "REPOSITORY", "Repository" }, { "TAG", "Tag" }, { "IMAGE ID", "ID" },
 *		{ "DIGEST", "Digest", .extra = true }, { NULL } };
 *	r = output_rows(opts->format, columns, rows, n, err);
 *
 * Answers go to stdout, everything else to stderr.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json; /* codec/json.h */

struct output_column {
	const char *header; /* NULL ends the array */
	const char *field;  /* key in the row; a number or a bool is printed as JSON prints it */
	bool extra;	    /* no default column: only a heading for "table TEMPLATE" */
};

/*
 * Print rows. `format` is the value of --format:
 *	NULL, "" or "table"   the columns, with headings
 *	"table TEMPLATE"      a table made by the template, tabs separate its columns
 *	"json"                one compact object a line
 *	TEMPLATE              one line for each row
 * In templates "\t" and "\n" may be written as in C. A field that the rows do not have is
 * -ERR_FORMAT, as is a template that cannot be parsed. In "table TEMPLATE" a field that is in no
 * column has its name in capitals as heading. An empty list prints headings only.
 */
int output_rows(const char *format, const struct output_column *columns, struct json *const *rows,
	size_t n, struct err *err) must_check;

/* The same without a line of headings, for --noheading. */
int output_rows_bare(const char *format, const struct output_column *columns,
	struct json *const *rows, size_t n, struct err *err) must_check;

/* "Labels" as docker shows them, and what {{.Label "key"}} finds. labels: a vector "key=value". */
void output_set_labels(struct json *row, char *const *labels);

/*
 * Print documents as `inspect` does: NULL or "" an indented array, "json" a compact array,
 * a template one line for each, in which a member that no such document has is an error, in
 * docker's words.
 */
int output_documents(
	const char *format, struct json *const *docs, size_t n, struct err *err) must_check;

/* One document (version, doctor): NULL or "" indented, "json" one line, else a template. */
int output_document(const char *format, struct json *doc, struct err *err) must_check;

/* Flush stdout. A write that failed (disk full) is an error; a reader that went away is not. */
int output_flush(struct err *err) must_check;
