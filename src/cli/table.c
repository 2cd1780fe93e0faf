#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* Blanks between columns, and the least that a column takes with them: docker's figures. */
#define GAP	   3
#define MIN_COLUMN 10

struct row {
	char **cells;
	size_t n, cap;
};

struct table {
	struct row *rows;
	size_t n, cap;
	bool open; /* the last row is not ended */
};

struct table *table_new(void)
{
	return NEW(struct table);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j < t->rows[i].n; j++)
			free(t->rows[i].cells[j]);
		free(t->rows[i].cells);
	}
	free(t->rows);
	free(t);
}

static struct row *open_row(struct table *t)
{
	if (!t->open) {
		GROW(t->rows, t->n, t->cap);
		t->rows[t->n++] = (struct row){ .cells = NULL };
		t->open = true;
	}
	return &t->rows[t->n - 1];
}

void table_cell(struct table *t, const char *text)
{
	struct row *row = open_row(t);
	char *copy = xstrdup(text ? text : "");

	str_make_printable(copy);
	GROW(row->cells, row->n, row->cap);
	row->cells[row->n++] = copy;
}

void table_cellf(struct table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	table_cell(t, text);
	free(text);
}

void table_end_row(struct table *t)
{
	(void)open_row(t);
	t->open = false;
}

size_t table_width(const char *s)
{
	size_t n = 0;

	/* Bytes that begin a character: all but 10xxxxxx. */
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

char *table_ellipsis(const char *s, size_t width)
{
	const char *end = s;
	size_t n = 0;

	if (width == 0 || table_width(s) <= width)
		return xstrdup(s);
	/* Bytes of the first width - 1 characters. */
	for (; *end; end++) {
		bool begins = ((unsigned char)*end & 0xc0) != 0x80;

		if (begins && ++n == width)
			break;
	}
	return xasprintf("%.*s\xe2\x80\xa6", (int)(end - s), s);
}

/* Widths of the columns, an array to free(). */
static size_t *measure(const struct table *t)
{
	size_t columns = 1;
	size_t *widths;

	for (size_t i = 0; i < t->n; i++) {
		if (t->rows[i].n > columns)
			columns = t->rows[i].n;
	}
	widths = xcalloc(columns, sizeof(*widths));
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j < t->rows[i].n; j++) {
			size_t w = table_width(t->rows[i].cells[j]);

			if (w > widths[j])
				widths[j] = w;
		}
	}
	return widths;
}

static size_t column_width(size_t widest)
{
	return widest + GAP < MIN_COLUMN ? MIN_COLUMN : widest + GAP;
}

void table_print(const struct table *t, FILE *out)
{
	autofree size_t *widths = measure(t);

	for (size_t i = 0; i < t->n; i++) {
		const struct row *row = &t->rows[i];
		size_t blanks = 0; /* owed before the next cell that is not empty */

		for (size_t j = 0; j < row->n; j++) {
			const char *cell = row->cells[j];

			if (*cell) {
				fprintf(out, "%*s%s", (int)blanks, "", cell);
				blanks = 0;
			}
			blanks += column_width(widths[j]) - table_width(cell);
		}
		fputc('\n', out);
	}
}
