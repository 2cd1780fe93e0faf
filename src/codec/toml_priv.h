/*
 * Between the parts of the TOML reader: toml.c knows lines and tables, toml_value.c what stands
 * behind "=", toml_string.c the four kinds of strings. All move one cursor over the text, which
 * they know to be UTF-8 and without control characters but tab and line breaks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"

struct toml_cursor {
	const char *p, *end;
	size_t line;	/* of p, from 1 */
	size_t n_items; /* keys, tables and elements so far */
};

/* "line 3: ..." with -ERR_FORMAT. */
int toml_fail(const struct toml_cursor *c, const char *what, struct err *err);

/* Count one more item against TOML_ITEMS_MAX: -ERR_LIMIT. */
int toml_count(struct toml_cursor *c, struct err *err) must_check;

static inline bool toml_at(const struct toml_cursor *c, char ch)
{
	return c->p < c->end && *c->p == ch;
}

/* At LF or CR LF: its length, else 0. */
static inline size_t toml_line_break(const struct toml_cursor *c)
{
	if (toml_at(c, '\n'))
		return 1;
	return c->end - c->p >= 2 && c->p[0] == '\r' && c->p[1] == '\n' ? 2 : 0;
}

/* Blanks and tabs; with lines also comments and line breaks. */
void toml_skip_blanks(struct toml_cursor *c);
void toml_skip_lines(struct toml_cursor *c);

/* A bare or quoted key into *ret (appended). */
int toml_key(struct toml_cursor *c, struct buf *ret, struct err *err) must_check;

/* A string of any kind, the cursor at its quote; a key may have one line only. */
int toml_string(struct toml_cursor *c, bool one_line, struct buf *ret, struct err *err) must_check;

/* Any value. `depth` is how deep it lies. The caller owns *ret. */
int toml_value(
	struct toml_cursor *c, unsigned depth, struct json **ret, struct err *err) must_check;
