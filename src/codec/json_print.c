#include "codec/json.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json_priv.h"

/*
 * Our own printer: cJSON's writes 1e15 as "1e+15", which Go does not read back into an integer,
 * and has its own idea of indentation.
 */

struct printer {
	struct buf out;
	bool pretty;
	unsigned depth;
};

static void print_value(struct printer *p, const struct json *v);

static void newline(struct printer *p)
{
	if (!p->pretty)
		return;
	buf_putc(&p->out, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		buf_puts(&p->out, "    ");
}

static void print_control(struct printer *p, unsigned char c)
{
	switch (c) {
	case '\n':
		buf_puts(&p->out, "\\n");
		break;
	case '\r':
		buf_puts(&p->out, "\\r");
		break;
	case '\t':
		buf_puts(&p->out, "\\t");
		break;
	default:
		buf_printf(&p->out, "\\u%04x", c);
	}
}

static void print_string(struct printer *p, const char *s)
{
	const unsigned char *c = (const unsigned char *)s;
	size_t left = strlen(s), n;

	buf_putc(&p->out, '"');
	for (; left > 0; c += n, left -= n) {
		n = utf8_sequence(c, left);
		if (n == 0) {
			buf_puts(&p->out, "\xef\xbf\xbd");
			n = 1;
		} else if (*c < 0x20 || *c == 0x7f) {
			print_control(p, *c);
		} else if (*c == '"' || *c == '\\') {
			buf_putc(&p->out, '\\');
			buf_putc(&p->out, (char)*c);
		} else if (n == 3 && c[0] == 0xe2 && c[1] == 0x80 && (c[2] & 0xfe) == 0xa8) {
			/* Line separators: valid here, not in the JavaScript of a web page. */
			buf_printf(&p->out, "\\u%04x", 0x2028 + (c[2] & 1));
		} else {
			buf_append(&p->out, c, n);
		}
	}
	buf_putc(&p->out, '"');
}

static void print_number(struct printer *p, const struct json *v)
{
	double d = 0;
	int64_t n;

	if (json_int(v, &n))
		buf_printf(&p->out, "%lld", (long long)n);
	else if (json_number(v, &d) && isfinite(d))
		buf_printf(&p->out, "%.17g", d);
	else
		buf_puts(&p->out, "null"); /* 1e999 in a document: no JSON number can say it */
}

static void print_container(struct printer *p, const struct json *v)
{
	bool object = json_is_object(v), first = true;

	if (!json_first(v)) {
		buf_puts(&p->out, object ? "{}" : "[]");
		return;
	}
	buf_putc(&p->out, object ? '{' : '[');
	p->depth++;
	JSON_FOREACH(member, v)
	{
		if (!first)
			buf_putc(&p->out, ',');
		first = false;
		newline(p);
		if (object) {
			print_string(p, json_key(member));
			buf_puts(&p->out, p->pretty ? ": " : ":");
		}
		print_value(p, member);
	}
	p->depth--;
	newline(p);
	buf_putc(&p->out, object ? '}' : ']');
}

static void print_value(struct printer *p, const struct json *v)
{
	bool b = false;

	switch (json_type(v)) {
	case JSON_NULL:
		buf_puts(&p->out, "null");
		break;
	case JSON_BOOL:
		(void)json_bool(v, &b);
		buf_puts(&p->out, b ? "true" : "false");
		break;
	case JSON_NUMBER:
		print_number(p, v);
		break;
	case JSON_STRING:
		print_string(p, json_string(v));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		print_container(p, v);
		break;
	}
}

char *json_print(const struct json *v, bool pretty)
{
	struct printer p = { .out = BUF_INIT(SIZE_MAX / 4), .pretty = pretty };

	print_value(&p, v);
	return buf_take(&p.out);
}
