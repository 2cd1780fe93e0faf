#include "cli/format_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

/* Widest blanks that pad may make. */
#define MAX_WIDTH 1024

#define MANY 64 /* arguments at most, where any number is taken */

struct call {
	struct format_state *state;
	const char *name;
	const struct json *const *args;
	size_t n;
};

static int wrong_argument(const struct call *c, const char *what)
{
	return err_set(c->state->err, ERR_FORMAT, "template: %s: %s", c->name, what);
}

static int give_bool(const struct call *c, bool b, const struct json **ret)
{
	*ret = format_keep(c->state, json_bool_new(b));
	return 0;
}

static int give_string(const struct call *c, const char *s, const struct json **ret)
{
	*ret = format_keep(c->state, json_string_new(s));
	return 0;
}

static int give_buf(const struct call *c, const struct buf *b, const struct json **ret)
{
	if (buf_failed(b))
		return wrong_argument(c, "the result is too long");
	return give_string(c, buf_str(b), ret);
}

bool format_is_true(const struct json *v)
{
	bool b = false;
	double d = 0;

	switch (json_type(v)) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return json_bool(v, &b) && b;
	case JSON_NUMBER:
		return json_number(v, &d) && d != 0;
	case JSON_STRING:
		return *json_string(v) != '\0';
	case JSON_ARRAY:
	case JSON_OBJECT:
		return json_len(v) > 0;
	}
	return false;
}

/* Both as Go's comparison takes them: -1, 0, 1; -ERR_FORMAT when they cannot be compared. */
static int compare(const struct call *c, const struct json *a, const struct json *b, int *ret)
{
	double x = 0, y = 0;
	bool p = false, q = false;

	if (json_type(a) != json_type(b))
		return wrong_argument(c, "incompatible types for comparison");
	if (json_is_string(a)) {
		int d = strcmp(json_string(a), json_string(b));

		*ret = (d > 0) - (d < 0);
		return 0;
	}
	if (json_number(a, &x) && json_number(b, &y)) {
		*ret = (x > y) - (x < y);
		return 0;
	}
	if (json_bool(a, &p) && json_bool(b, &q)) {
		*ret = p - q;
		return 0;
	}
	if (json_type(a) == JSON_NULL) {
		*ret = 0;
		return 0;
	}
	return wrong_argument(c, "lists and objects cannot be compared");
}

/* Nothing equals no value but no value. */
static int fn_eq(const struct call *c, const struct json **ret)
{
	for (size_t i = 1; i < c->n; i++) {
		bool none =
			json_type(c->args[0]) == JSON_NULL || json_type(c->args[i]) == JSON_NULL;
		int order = 1;
		int r = 0;

		if (none)
			order = json_type(c->args[0]) != json_type(c->args[i]);
		else
			r = compare(c, c->args[0], c->args[i], &order);
		if (r < 0)
			return r;
		if (order == 0)
			return give_bool(c, true, ret);
	}
	return give_bool(c, false, ret);
}

static int fn_ne(const struct call *c, const struct json **ret)
{
	const struct json *equal = NULL;
	int r = fn_eq(c, &equal);

	return r < 0 ? r : give_bool(c, !format_is_true(equal), ret);
}

static int fn_order(const struct call *c, const struct json **ret)
{
	bool less = c->name[0] == 'l', or_equal = c->name[1] == 'e';
	int order = 0;
	int r = compare(c, c->args[0], c->args[1], &order);

	if (r < 0)
		return r;
	return give_bool(c, (order == 0 && or_equal) || (less ? order < 0 : order > 0), ret);
}

static int fn_and(const struct call *c, const struct json **ret)
{
	for (size_t i = 0; i < c->n; i++) {
		*ret = c->args[i];
		if (!format_is_true(*ret))
			break;
	}
	return 0;
}

static int fn_or(const struct call *c, const struct json **ret)
{
	for (size_t i = 0; i < c->n; i++) {
		*ret = c->args[i];
		if (format_is_true(*ret))
			break;
	}
	return 0;
}

static int fn_not(const struct call *c, const struct json **ret)
{
	return give_bool(c, !format_is_true(c->args[0]), ret);
}

static int fn_len(const struct call *c, const struct json **ret)
{
	const struct json *v = c->args[0];
	size_t n;

	if (json_is_string(v))
		n = strlen(json_string(v));
	else if (json_is_array(v) || json_is_object(v) || json_type(v) == JSON_NULL)
		n = json_len(v);
	else
		return wrong_argument(c, "the value has no length");
	*ret = format_keep(c->state, json_int_new((int64_t)n));
	return 0;
}

static int element_at(
	const struct call *c, const struct json *v, int64_t i, const struct json **ret)
{
	if (i < 0 || (uint64_t)i >= json_len(v))
		return wrong_argument(c, "index out of range");
	*ret = json_first(v);
	while (i-- > 0)
		*ret = json_next(*ret);
	return 0;
}

static int fn_index(const struct call *c, const struct json **ret)
{
	const struct json *v = c->args[0];

	for (size_t i = 1; i < c->n; i++) {
		int64_t at = 0;
		int r = 0;

		if (json_is_object(v) && json_is_string(c->args[i]))
			v = json_get(v, json_string(c->args[i]));
		else if (json_is_array(v) && json_int(c->args[i], &at))
			r = element_at(c, v, at, &v);
		else
			return wrong_argument(c, "the value cannot be indexed by that");
		if (r < 0)
			return r;
	}
	*ret = v;
	return 0;
}

/* slice x from [to]: a part of a string or of a list. */
static int fn_slice(const struct call *c, const struct json **ret)
{
	const struct json *v = c->args[0];
	int64_t len = json_is_string(v) ? (int64_t)strlen(json_string(v)) : (int64_t)json_len(v);
	int64_t from = 0, to = len;
	struct json *part;

	if (!json_is_string(v) && !json_is_array(v))
		return wrong_argument(c, "the value can't be sliced");
	if ((c->n > 1 && !json_int(c->args[1], &from)) || (c->n > 2 && !json_int(c->args[2], &to)))
		return wrong_argument(c, "a bound is no number");
	if (from < 0 || from > to || to > len)
		return wrong_argument(c, "bounds out of range");
	if (json_is_string(v)) {
		autofree char *s = xstrndup(json_string(v) + from, (size_t)(to - from));

		return give_string(c, s, ret);
	}
	part = json_array_new();
	*ret = format_keep(c->state, part);
	for (int64_t i = from; i < to; i++) {
		const struct json *item = NULL;
		int r = element_at(c, v, i, &item);

		if (r < 0)
			return r;
		json_append(part, json_dup(item));
	}
	return 0;
}

static int fn_print(const struct call *c, const struct json **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);
	bool line = str_eq(c->name, "println");

	for (size_t i = 0; i < c->n; i++) {
		/* fmt.Print sets blanks only between operands neither of which is a string. */
		bool apart =
			i > 0 && !json_is_string(c->args[i]) && !json_is_string(c->args[i - 1]);

		if (i > 0 && (line || apart))
			buf_putc(&b, ' ');
		format_print_value(&b, c->args[i]);
	}
	if (line)
		buf_putc(&b, '\n');
	return give_buf(c, &b, ret);
}

static int fn_printf(const struct call *c, const struct json **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);
	const char *format = json_string(c->args[0]);
	const char *why = NULL;

	if (!format)
		return wrong_argument(c, "the format is no string");
	if (format_printf_values(format, c->args + 1, c->n - 1, &b, &why) < 0)
		return wrong_argument(c, why);
	return give_buf(c, &b, ret);
}

static int fn_json(const struct call *c, const struct json **ret)
{
	const struct json *v = format_public(c->state, c->args[0]);
	autofree char *text = v ? json_print(v, false) : xstrdup("null");

	return give_string(c, text, ret);
}

static int fn_join(const struct call *c, const struct json **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);
	const char *separator = json_string(c->args[1]);
	bool first = true;

	if (!separator)
		return wrong_argument(c, "the separator is no string");
	JSON_FOREACH(item, c->args[0])
	{
		if (!first)
			buf_puts(&b, separator);
		first = false;
		format_print_value(&b, item);
	}
	return give_buf(c, &b, ret);
}

static int fn_split(const struct call *c, const struct json **ret)
{
	const char *s = json_string(c->args[0]), *separator = json_string(c->args[1]);
	struct json *list = json_array_new();

	*ret = format_keep(c->state, list);
	if (!s || str_empty(separator))
		return wrong_argument(c, "takes a string and a separator");
	for (;;) {
		const char *end = strstr(s, separator);
		autofree char *part = end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s);

		json_append_string(list, part);
		if (!end)
			return 0;
		s = end + strlen(separator);
	}
}

/* lower, upper, title: ASCII letters only, never the locale. */
static int fn_case(const struct call *c, const struct json **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);
	bool word = true; /* at the beginning of a word */

	format_print_value(&b, c->args[0]);
	for (size_t i = 0; i < b.len; i++) {
		char *at = &b.data[i];
		bool is_upper = *at >= 'A' && *at <= 'Z', is_lower = *at >= 'a' && *at <= 'z';
		bool up = c->name[0] == 'u' || (c->name[0] == 't' && word);

		word = *at == ' ' || *at == '\t' || *at == '\n';
		if (up && is_lower)
			*at = (char)(*at - 'a' + 'A');
		else if (c->name[0] == 'l' && is_upper)
			*at = (char)(*at - 'A' + 'a');
	}
	return give_buf(c, &b, ret);
}

/* pad s before after: that many blanks around a string that is not empty. */
static int fn_pad(const struct call *c, const struct json **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FORMAT_TEXT_MAX);
	const char *s = json_string(c->args[0]);
	int64_t before = 0, after = 0;

	if (!s || !json_int(c->args[1], &before) || !json_int(c->args[2], &after) || before < 0 ||
		after < 0 || before > MAX_WIDTH || after > MAX_WIDTH)
		return wrong_argument(c, "takes a string and two widths");
	if (*s)
		buf_printf(&b, "%*s%s%*s", (int)before, "", s, (int)after, "");
	return give_buf(c, &b, ret);
}

static int fn_truncate(const struct call *c, const struct json **ret)
{
	const char *s = json_string(c->args[0]);
	autofree char *part = NULL;
	int64_t n = 0;

	if (!s || !json_int(c->args[1], &n) || n < 0)
		return wrong_argument(c, "takes a string and a length");
	part = xstrndup(s, strnlen(s, (size_t)n));
	return give_string(c, part, ret);
}

static const struct {
	const char *name;
	size_t min, max;
	int (*call)(const struct call *c, const struct json **ret);
} functions[] = {
	{ "and", 1, MANY, fn_and },
	{ "eq", 2, MANY, fn_eq },
	{ "ge", 2, 2, fn_order },
	{ "gt", 2, 2, fn_order },
	{ "index", 1, MANY, fn_index },
	{ "join", 2, 2, fn_join },
	{ "json", 1, 1, fn_json },
	{ "le", 2, 2, fn_order },
	{ "len", 1, 1, fn_len },
	{ "lower", 1, 1, fn_case },
	{ "lt", 2, 2, fn_order },
	{ "ne", 2, 2, fn_ne },
	{ "not", 1, 1, fn_not },
	{ "or", 1, MANY, fn_or },
	{ "pad", 3, 3, fn_pad },
	{ "print", 0, MANY, fn_print },
	{ "printf", 1, MANY, fn_printf },
	{ "println", 0, MANY, fn_print },
	{ "slice", 1, 3, fn_slice },
	{ "split", 2, 2, fn_split },
	{ "title", 1, 1, fn_case },
	{ "truncate", 2, 2, fn_truncate },
	{ "upper", 1, 1, fn_case },
};

int format_call(struct format_state *s, const char *name, const struct json *const *args, size_t n,
	const struct json **ret)
{
	struct call c = { .state = s, .name = name, .args = args, .n = n };

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (!str_eq(functions[i].name, name))
			continue;
		if (n < functions[i].min || n > functions[i].max)
			return wrong_argument(&c, "wrong number of arguments");
		return functions[i].call(&c, ret);
	}
	return err_set(s->err, ERR_FORMAT, "template: function \"%s\" not defined", name);
}
