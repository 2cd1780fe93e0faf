/*
 * Values as text: the way of Go's fmt.Print, and printf's verbs.
 */
#include "cli/format_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Widest field that printf may make. */
#define MAX_WIDTH 1024

static int compare_members(const void *a, const void *b)
{
	return strcmp(json_key(*(struct json *const *)a), json_key(*(struct json *const *)b));
}

static void print_object(struct buf *b, const struct json *v)
{
	autofree struct json **items = xcalloc(json_len(v) + 1, sizeof(*items));
	size_t n = 0;

	JSON_FOREACH(item, v)
	{
		if (strcmp(json_key(item), FORMAT_LABELS) != 0)
			items[n++] = item;
	}
	if (n)
		qsort(items, n, sizeof(*items), compare_members);
	buf_puts(b, "map[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s%s:", i ? " " : "", json_key(items[i]));
		format_print_value(b, items[i]);
	}
	buf_putc(b, ']');
}

static void print_array(struct buf *b, const struct json *v)
{
	bool first = true;

	buf_putc(b, '[');
	JSON_FOREACH(item, v)
	{
		if (!first)
			buf_putc(b, ' ');
		first = false;
		format_print_value(b, item);
	}
	buf_putc(b, ']');
}

void format_print_value(struct buf *b, const struct json *v)
{
	autofree char *text = NULL;

	if (!v) {
		buf_puts(b, "<no value>");
		return;
	}
	switch (json_type(v)) {
	case JSON_NULL:
		buf_puts(b, "<nil>");
		break;
	case JSON_STRING:
		buf_puts(b, json_string(v));
		break;
	case JSON_ARRAY:
		print_array(b, v);
		break;
	case JSON_OBJECT:
		print_object(b, v);
		break;
	case JSON_BOOL:
	case JSON_NUMBER:
		text = json_print(v, false);
		buf_puts(b, text);
		break;
	}
}

/* One verb of printf with its flags: "%-10s". */
struct verb {
	bool left, zero, plus;
	int width, precision; /* -1 = none */
	char letter;
};

static int read_number(const char **at, int *ret)
{
	*ret = 0;
	while (**at >= '0' && **at <= '9') {
		*ret = *ret * 10 + (**at - '0');
		if (*ret > MAX_WIDTH)
			return -ERR_FORMAT;
		(*at)++;
	}
	return 0;
}

/* `at` stands behind the '%'. */
static int read_verb(const char **at, struct verb *ret)
{
	*ret = (struct verb){ .precision = -1 };
	for (; **at == '-' || **at == '0' || **at == '+'; (*at)++) {
		ret->left |= **at == '-';
		ret->zero |= **at == '0';
		ret->plus |= **at == '+';
	}
	if (read_number(at, &ret->width) < 0)
		return -ERR_FORMAT;
	if (**at == '.') {
		(*at)++;
		if (read_number(at, &ret->precision) < 0)
			return -ERR_FORMAT;
	}
	ret->letter = **at;
	if (!ret->letter)
		return -ERR_FORMAT;
	(*at)++;
	return 0;
}

/* The text of a value under a verb; -ERR_FORMAT when the verb does not fit. */
static int verb_text(const struct verb *v, const struct json *arg, struct buf *b)
{
	autofree char *text = NULL;
	int64_t n = 0;
	double d = 0;

	switch (v->letter) {
	case 's':
	case 'v':
		format_print_value(b, arg);
		if (v->precision >= 0 && (size_t)v->precision < b->len && json_is_string(arg))
			buf_truncate(b, (size_t)v->precision);
		return 0;
	case 'q':
		text = json_print(arg, false);
		buf_puts(b, json_is_string(arg) ? text : "");
		return json_is_string(arg) ? 0 : -ERR_FORMAT;
	case 't':
		format_print_value(b, arg);
		return json_type(arg) == JSON_BOOL ? 0 : -ERR_FORMAT;
	case 'd':
		if (!json_int(arg, &n))
			return -ERR_FORMAT;
		buf_printf(b, v->plus ? "%+lld" : "%lld", (long long)n);
		return 0;
	case 'x':
	case 'X':
		if (!json_int(arg, &n))
			return -ERR_FORMAT;
		buf_printf(b, v->letter == 'x' ? "%llx" : "%llX", (long long)n);
		return 0;
	case 'f':
		if (!json_number(arg, &d))
			return -ERR_FORMAT;
		buf_printf(b, "%.*f", v->precision < 0 ? 6 : v->precision, d);
		return 0;
	default:
		return -ERR_FORMAT;
	}
}

static void put_padded(struct buf *out, const struct verb *v, const char *text)
{
	int len = (int)strnlen(text, MAX_WIDTH);
	int blanks = v->width > len ? v->width - len : 0;
	bool zero = v->zero && !v->left;

	if (!v->left)
		for (int i = 0; i < blanks; i++)
			buf_putc(out, zero ? '0' : ' ');
	buf_puts(out, text);
	if (v->left)
		for (int i = 0; i < blanks; i++)
			buf_putc(out, ' ');
}

int format_printf_values(const char *format, const struct json *const *args, size_t n,
	struct buf *out, const char **ret_why)
{
	size_t next = 0;

	for (const char *at = format; *at;) {
		AUTO(buf) struct buf text = BUF_INIT(FORMAT_TEXT_MAX);
		struct verb v;

		if (*at != '%' || at[1] == '%') {
			at += *at == '%';
			buf_putc(out, *at++);
			continue;
		}
		at++;
		*ret_why = read_verb(&at, &v) < 0 ? "bad verb"
			   : next >= n		  ? "too few arguments for the format"
			   : verb_text(&v, args[next++], &text) < 0
				   ? "a verb does not fit its argument"
				   : NULL;
		if (*ret_why)
			return -ERR_FORMAT;
		put_padded(out, &v, buf_str(&text));
	}
	if (next < n) {
		*ret_why = "more arguments than the format has verbs";
		return -ERR_FORMAT;
	}
	return 0;
}
