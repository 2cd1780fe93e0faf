/*
 * Columns of text as docker prints them: upper-case headings, columns wide enough for their longest
 * cell and three spaces, ten at least, no trailing blanks. Width is counted in characters of UTF-8.
 *
 *	AUTO(table) struct table *t = table_new();
 *	table_cell(t, "IMAGE"); table_cell(t, "SIZE"); table_end_row(t);
 *	table_cell(t, "debian"); table_cell(t, "117MB"); table_end_row(t);
 *	table_print(t, stdout);
 *
 * Cells are copied; control characters in them are replaced, as names come from outside.
 */
#pragma once

#include <stdio.h>

#include "base/auto.h"
#include "base/err.h"

struct table;

struct table *table_new(void) must_check;
void table_free(struct table *t);
DEFINE_AUTO_PTR(table, struct table, table_free)

/* Add a cell to the current row. NULL is an empty cell. */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) format_printf(2, 3);

/* Close the current row; rows may have different lengths. */
void table_end_row(struct table *t);

/* Write all rows. Errors of the stream are found by whoever closes it. */
void table_print(const struct table *t, FILE *out);

/* Columns that a string takes on a terminal, one for each character of UTF-8. */
size_t table_width(const char *s);

/* At most `width` characters of s, the last one an ellipsis where s is longer. The caller frees it. */
char *table_ellipsis(const char *s, size_t width) must_check;
