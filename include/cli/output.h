/*
 * How commands answer: rows or documents, as a table, as JSON or by a Go template, from one
 * description. A row is a JSON object whose keys are docker's names (ID, Image, Names, Status ...);
 * the same row feeds `--format '{{.ID}}'`, `--format json` and the table.
 *
 *	static const struct output_column columns[] = {
 *		{ "REPOSITORY", "Repository" }, { "TAG", "Tag" }, { "IMAGE ID", "ID" }, { NULL } };
 *	r = output_rows(opts->format, columns, rows, n, err);
 *
 * Answers go to stdout, everything else to stderr.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct json; /* codec/json.h */

struct output_column {
	const char *header; /* NULL ends the array */
	const char *field;  /* key in the row; a number or a bool is printed as JSON prints it */
};

/*
 * Print rows. `format` is the value of --format:
 *	NULL, "" or "table"   the columns, with headings
 *	"table TEMPLATE"      a table made by the template; headings from `all`
 *	"json"                one compact object a line
 *	TEMPLATE              one line for each row
 * Headings of fields that are no default column come from rows of `columns` behind the first
 * { "", NULL } separator; a field without any is shown in upper case. -ERR_FORMAT for a bad template
 * (exit 125); nothing has been printed then, unless a row made it fail.
 */
int output_rows(const char *format, const struct output_column *columns, struct json *const *rows,
	size_t n, struct err *err) must_check;

/*
 * Print documents as `inspect` does: NULL or "" an indented array, "json" a compact array,
 * a template one line for each.
 */
int output_documents(
	const char *format, struct json *const *docs, size_t n, struct err *err) must_check;

/* One document (version, doctor): NULL is not accepted; "json" is one compact line. */
int output_document(const char *format, const struct json *doc, struct err *err) must_check;

/* Flush stdout. A write that failed (disk full) is an error; a reader that went away is not. */
int output_flush(struct err *err) must_check;
