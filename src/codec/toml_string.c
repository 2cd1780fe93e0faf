#include <string.h>

#include "base/str.h"
#include "codec/toml.h"
#include "codec/toml_priv.h"

/* --- escapes --- */

static int hex_digits(struct toml_cursor *c, int n, uint32_t *ret, struct err *err)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++, c->p++) {
		char ch = c->p < c->end ? *c->p : '\0';

		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint32_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = v << 4 | (uint32_t)(ch - 'a' + 10);
		else if (ch >= 'A' && ch <= 'F')
			v = v << 4 | (uint32_t)(ch - 'A' + 10);
		else
			return toml_fail(c, "\\u wants four hex digits, \\U eight", err);
	}
	*ret = v;
	return 0;
}

static void append_utf8(struct buf *b, uint32_t v)
{
	if (v < 0x80) {
		buf_putc(b, (char)v);
	} else if (v < 0x800) {
		buf_putc(b, (char)(0xc0 | v >> 6));
		buf_putc(b, (char)(0x80 | (v & 0x3f)));
	} else if (v < 0x10000) {
		buf_putc(b, (char)(0xe0 | v >> 12));
		buf_putc(b, (char)(0x80 | (v >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (v & 0x3f)));
	} else {
		buf_putc(b, (char)(0xf0 | v >> 18));
		buf_putc(b, (char)(0x80 | (v >> 12 & 0x3f)));
		buf_putc(b, (char)(0x80 | (v >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (v & 0x3f)));
	}
}

static int unicode_escape(struct toml_cursor *c, int digits, struct buf *ret, struct err *err)
{
	uint32_t v;
	int r = hex_digits(c, digits, &v, err);

	if (r < 0)
		return r;
	if (v == 0)
		return toml_fail(c, "NUL in a string", err);
	if (v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return toml_fail(c, "no such Unicode character", err);
	append_utf8(ret, v);
	return 0;
}

/* Behind the backslash. */
static int escape(struct toml_cursor *c, struct buf *ret, struct err *err)
{
	static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char ch = c->p < c->end ? *c->p++ : '\0';
	const char *found = ch ? strchr(letters, ch) : NULL;

	if (found) {
		buf_putc(ret, values[found - letters]);
		return 0;
	}
	if (ch == 'u' || ch == 'U')
		return unicode_escape(c, ch == 'u' ? 4 : 8, ret, err);
	return toml_fail(c, "unknown escape", err);
}

/* A backslash at the end of a line eats all blanks and line breaks up to the next character. */
static bool line_continues(struct toml_cursor *c)
{
	struct toml_cursor ahead = *c;

	toml_skip_blanks(&ahead);
	if (toml_line_break(&ahead) == 0)
		return false;
	for (size_t n; (n = toml_line_break(&ahead)) > 0; toml_skip_blanks(&ahead)) {
		ahead.p += n;
		ahead.line++;
	}
	*c = ahead;
	return true;
}

/* --- strings --- */

/* How many quotes of this kind stand at the cursor, at most five. */
static size_t count_quotes(const struct toml_cursor *c, char quote)
{
	size_t n = 0;

	while (n < 5 && c->p + n < c->end && c->p[n] == quote)
		n++;
	return n;
}

static int single_line(struct toml_cursor *c, char quote, struct buf *ret, struct err *err)
{
	c->p++;
	while (c->p < c->end && *c->p != '\n' && *c->p != '\r') {
		char ch = *c->p++;

		if (ch == quote)
			return 0;
		if (ch == '\\' && quote == '"') {
			int r = escape(c, ret, err);

			if (r < 0)
				return r;
		} else {
			buf_putc(ret, ch);
		}
	}
	return toml_fail(c, "string does not end", err);
}

/* At quotes inside a multi-line string: 1 when they end it. Two may stand before the last three. */
static int quotes(struct toml_cursor *c, char quote, struct buf *ret)
{
	size_t n = count_quotes(c, quote), kept = n < 3 ? n : n - 3;

	c->p += n;
	for (size_t i = 0; i < kept; i++)
		buf_putc(ret, quote);
	return n >= 3;
}

static int multi_line(struct toml_cursor *c, char quote, struct buf *ret, struct err *err)
{
	size_t line = c->line, n;

	c->p += 3;
	n = toml_line_break(c);
	c->p += n;
	c->line += n > 0;
	while (c->p < c->end) {
		int r = 0;

		n = toml_line_break(c);
		if (*c->p == quote) {
			if (quotes(c, quote, ret))
				return 0;
		} else if (n > 0) {
			buf_putc(ret, '\n');
			c->p += n;
			c->line++;
		} else if (*c->p == '\\' && quote == '"') {
			c->p++;
			r = line_continues(c) ? 0 : escape(c, ret, err);
		} else {
			buf_putc(ret, *c->p++);
		}
		if (r < 0)
			return r;
	}
	c->line = line;
	return toml_fail(c, "string does not end", err);
}

int toml_string(struct toml_cursor *c, bool one_line, struct buf *ret, struct err *err)
{
	char quote = *c->p;

	if (count_quotes(c, quote) < 3)
		return single_line(c, quote, ret, err);
	if (one_line)
		return toml_fail(c, "a key cannot be a multi-line string", err);
	return multi_line(c, quote, ret, err);
}
