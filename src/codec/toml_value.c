#include <stdint.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "codec/toml.h"
#include "codec/toml_priv.h"

#define WORD_MAX 256 /* numbers, dates, true and false */

/* --- dates and times: RFC 3339, the text is kept --- */

/* Exactly n digits, or -1. */
static int digits(const char **p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++, ++*p) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static bool take(const char **p, const char *set)
{
	if (!**p || !strchr(set, **p))
		return false;
	++*p;
	return true;
}

static bool is_date(const char **p)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = digits(p, 4), month, day;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 0 || !take(p, "-"))
		return false;
	month = digits(p, 2);
	if (month < 1 || month > 12 || !take(p, "-"))
		return false;
	day = digits(p, 2);
	return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap);
}

static bool is_time(const char **p)
{
	int hour = digits(p, 2), minute, second;

	if (hour < 0 || hour > 23 || !take(p, ":"))
		return false;
	minute = digits(p, 2);
	if (minute < 0 || minute > 59 || !take(p, ":"))
		return false;
	second = digits(p, 2);
	if (second < 0 || second > 60)
		return false;
	if (!take(p, "."))
		return true;
	if (digits(p, 1) < 0)
		return false;
	*p += strspn(*p, "0123456789");
	return true;
}

static bool is_offset(const char **p)
{
	int hour, minute;

	if (take(p, "Zz"))
		return true;
	if (!take(p, "+-"))
		return false;
	hour = digits(p, 2);
	if (hour < 0 || hour > 23 || !take(p, ":"))
		return false;
	minute = digits(p, 2);
	return minute >= 0 && minute <= 59;
}

static bool is_moment(const char *word)
{
	const char *p = word;

	if (is_time(&p) && !*p)
		return true;
	p = word;
	if (!is_date(&p))
		return false;
	if (!*p)
		return true;
	if (!take(&p, "Tt ") || !is_time(&p))
		return false;
	return !*p || (is_offset(&p) && !*p);
}

/* --- numbers --- */

/* Copies word without its underscores, each of which has to stand between two digits of `set`. */
static bool strip_underscores(const char *word, const char *set, char ret[WORD_MAX])
{
	size_t n = 0;

	for (const char *p = word; *p; p++) {
		if (*p != '_')
			ret[n++] = *p;
		else if (p == word || !strchr(set, p[-1]) || !p[1] || !strchr(set, p[1]))
			return false;
	}
	ret[n] = '\0';
	return true;
}

static int out_of_range(const struct toml_cursor *c, struct err *err)
{
	return toml_fail(c, "integer is too large", err);
}

/* 0x, 0o, 0b: no sign, leading zeros are fine. 0 when word is none of them, else 1. */
static int prefixed(
	const struct toml_cursor *c, const char *word, struct json **ret, struct err *err)
{
	static const struct {
		const char *prefix, *set;
		unsigned bits;
	} kinds[] = {
		{ "0x", "0123456789abcdefABCDEF", 4 },
		{ "0o", "01234567", 3 },
		{ "0b", "01", 1 },
	};
	char clean[WORD_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *p = str_after(word, kinds[i].prefix);
		uint64_t v = 0;

		if (!p || !strip_underscores(p, kinds[i].set, clean) || !clean[0] ||
			clean[strspn(clean, kinds[i].set)])
			continue;
		for (p = clean; *p; p++) {
			unsigned digit = *p <= '9' ? (unsigned)(*p - '0')
						   : (unsigned)((*p | 0x20) - 'a' + 10);

			v = v << kinds[i].bits | digit;
			if (v > JSON_INT_MAX)
				return out_of_range(c, err);
		}
		*ret = json_int_new((int64_t)v);
		return 1;
	}
	return 0;
}

/* Digits with at most one leading zero; the rest behind them, or NULL. */
static const char *decimal_part(const char *p)
{
	size_t n = strspn(p, "0123456789");

	return n == 0 || (n > 1 && *p == '0') ? NULL : p + n;
}

/* What follows the integer part: [.digits][e[+-]digits], at least one of both. */
static bool is_fraction(const char *p)
{
	if (*p == '.') {
		size_t n = strspn(++p, "0123456789");

		if (n == 0)
			return false;
		p += n;
	}
	if (*p == 'e' || *p == 'E') {
		p += p[1] == '+' || p[1] == '-' ? 2 : 1;
		return *p && !p[strspn(p, "0123456789")];
	}
	return !*p;
}

/* 0 when word is no decimal number, else 1. */
static int decimal(
	const struct toml_cursor *c, const char *word, struct json **ret, struct err *err)
{
	char clean[WORD_MAX];
	const char *text = clean, *rest;
	int64_t v;

	if (!strip_underscores(word, "0123456789", clean))
		return 0;
	if (clean[0] == '+')
		text++;
	rest = decimal_part(text + (*text == '-'));
	if (!rest || (clean[0] == '+' && *text == '-'))
		return 0;
	if (!*rest) {
		if (parse_i64(text, -JSON_INT_MAX, JSON_INT_MAX, &v, NULL) < 0)
			return out_of_range(c, err);
		*ret = json_int_new(v);
		return 1;
	}
	if (!is_fraction(rest))
		return 0;
	/* What is left of it is a number of JSON too. */
	return json_parse(text, strlen(text), ret, err) < 0 ? -ERR_FORMAT : 1;
}

/* inf and nan are no numbers of JSON: the word, without a plus. */
static bool is_special(const char *word, const char **ret)
{
	const char *p = word + (*word == '+' || *word == '-');

	if (!str_eq(p, "inf") && !str_eq(p, "nan"))
		return false;
	*ret = *word == '-' && str_eq(p, "inf") ? word : p;
	return true;
}

/* --- values --- */

/* Up to what ends a value. A blank is part of it between a date and a time. */
static int take_word(struct toml_cursor *c, char ret[WORD_MAX], struct err *err)
{
	static const char ends[] = " \t\r\n,]}#";
	const char *start = c->p;
	size_t n;

	while (c->p < c->end && !strchr(ends, *c->p))
		c->p++;
	if (c->p - start == 10 && start[4] == '-' && c->end - c->p >= 2 && *c->p == ' ' &&
		c->p[1] >= '0' && c->p[1] <= '9')
		for (c->p++; c->p < c->end && !strchr(ends, *c->p);)
			c->p++;
	n = (size_t)(c->p - start);
	if (n == 0)
		return toml_fail(c, "value wanted", err);
	if (n >= WORD_MAX)
		return toml_fail(c, "value is too long", err);
	memcpy(ret, start, n);
	ret[n] = '\0';
	return 0;
}

static int scalar(struct toml_cursor *c, struct json **ret, struct err *err)
{
	char word[WORD_MAX];
	const char *special;
	int r = take_word(c, word, err);

	if (r < 0)
		return r;
	if (str_eq(word, "true") || str_eq(word, "false")) {
		*ret = json_bool_new(word[0] == 't');
		return 0;
	}
	if (is_moment(word) || is_special(word, &special)) {
		*ret = json_string_new(is_moment(word) ? word : special);
		return 0;
	}
	r = prefixed(c, word, ret, err);
	if (r == 0)
		r = decimal(c, word, ret, err);
	if (r == 0)
		return toml_fail(c, "not a value (a string needs quotes)", err);
	return r < 0 ? r : 0;
}

static int string(struct toml_cursor *c, struct json **ret, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(TOML_BYTES_MAX);
	int r = toml_string(c, false, &text, err);

	if (r >= 0)
		*ret = json_string_new(buf_str(&text));
	return r;
}

static int array(struct toml_cursor *c, unsigned depth, struct json **ret, struct err *err)
{
	AUTO(json) struct json *list = json_array_new();
	int r;

	c->p++;
	for (;;) {
		struct json *element;

		toml_skip_lines(c);
		if (toml_at(c, ']'))
			break;
		r = toml_count(c, err);
		if (r >= 0)
			r = toml_value(c, depth + 1, &element, err);
		if (r < 0)
			return r;
		json_append(list, element);
		toml_skip_lines(c);
		if (toml_at(c, ']'))
			break;
		if (!toml_at(c, ','))
			return toml_fail(c, "',' or ']' wanted", err);
		c->p++;
	}
	c->p++;
	*ret = TAKE_PTR(list);
	return 0;
}

/*
 * A table inside an inline table that dotted keys made may be added to by the next ones; one that
 * was written with braces may not. `open` lists the former.
 */
struct open_tables {
	struct json *v[JSON_DEPTH_MAX * 4];
	size_t n;
};

static bool is_open(const struct open_tables *open, const struct json *table)
{
	for (size_t i = 0; i < open->n; i++)
		if (open->v[i] == table)
			return true;
	return false;
}

static int descend(struct toml_cursor *c, struct open_tables *open, const char *key,
	struct json **table, struct err *err)
{
	struct json *next = json_get(*table, key);

	if (next && !is_open(open, next))
		return toml_fail(c, "a key is defined twice", err);
	if (!next) {
		if (open->n == sizeof(open->v) / sizeof(open->v[0]))
			return err_set(err, ERR_LIMIT, "line %zu: too many dotted keys", c->line);
		next = json_set(*table, key, json_object_new());
		open->v[open->n++] = next;
	}
	*table = next;
	return 0;
}

/* One "a.b = value". */
static int member(struct toml_cursor *c, unsigned depth, struct json *table,
	struct open_tables *open, struct err *err)
{
	AUTO(buf) struct buf key = BUF_INIT(TOML_BYTES_MAX);
	struct json *value;
	int r;

	for (;;) {
		r = toml_count(c, err);
		if (r >= 0)
			r = toml_key(c, &key, err);
		if (r < 0)
			return r;
		toml_skip_blanks(c);
		if (!toml_at(c, '.'))
			break;
		c->p++;
		toml_skip_blanks(c);
		if (++depth >= JSON_DEPTH_MAX)
			return toml_fail(c, "nested too deeply", err);
		r = descend(c, open, buf_str(&key), &table, err);
		if (r < 0)
			return r;
		buf_reset(&key);
	}
	if (json_get(table, buf_str(&key)))
		return toml_fail(c, "a key is defined twice", err);
	if (!toml_at(c, '='))
		return toml_fail(c, "'=' wanted", err);
	c->p++;
	toml_skip_blanks(c);
	r = toml_value(c, depth + 1, &value, err);
	if (r >= 0)
		json_set(table, buf_str(&key), value);
	return r;
}

/* One line, and no comma at its end. */
static int inline_table(struct toml_cursor *c, unsigned depth, struct json **ret, struct err *err)
{
	AUTO(json) struct json *table = json_object_new();
	struct open_tables open = { 0 };

	c->p++;
	toml_skip_blanks(c);
	while (!toml_at(c, '}')) {
		int r = member(c, depth, table, &open, err);

		if (r < 0)
			return r;
		toml_skip_blanks(c);
		if (toml_at(c, '}'))
			break;
		if (!toml_at(c, ','))
			return toml_fail(c, "',' or '}' wanted", err);
		c->p++;
		toml_skip_blanks(c);
		if (toml_at(c, '}'))
			return toml_fail(c, "key wanted", err);
	}
	c->p++;
	*ret = TAKE_PTR(table);
	return 0;
}

int toml_value(struct toml_cursor *c, unsigned depth, struct json **ret, struct err *err)
{
	if (depth >= JSON_DEPTH_MAX)
		return toml_fail(c, "nested too deeply", err);
	if (c->p == c->end)
		return toml_fail(c, "value wanted", err);
	switch (*c->p) {
	case '"':
	case '\'':
		return string(c, ret, err);
	case '[':
		return array(c, depth, ret, err);
	case '{':
		return inline_table(c, depth, ret, err);
	default:
		return scalar(c, ret, err);
	}
}
