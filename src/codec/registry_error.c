#include "codec/registry_error.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"

/* One line of printable text, cut where the field ends. */
static void set_text(char *ret, size_t size, const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		unsigned char c = (unsigned char)s[i];
		bool blank = c <= ' ' || c == 0x7f;

		if (blank && (n == 0 || ret[n - 1] == ' '))
			continue;
		ret[n++] = blank ? ' ' : (char)c;
	}
	while (n > 0 && ret[n - 1] == ' ')
		n--;
	ret[n] = '\0';
}

static void add_error(struct buf *out, const char *code, const char *message)
{
	if (str_empty(code) && str_empty(message))
		return;
	if (out->len)
		buf_puts(out, "; ");
	if (str_empty(message))
		message = code;
	else if (!str_empty(code))
		buf_printf(out, "%.60s: ", code);
	buf_printf(out, "%.200s", message);
}

/* {"errors":[{"code","message"}]}; some send strings in the array. */
static void read_errors(const struct json *list, struct registry_error *ret, struct buf *out)
{
	unsigned n = 0;

	JSON_FOREACH(e, list)
	{
		const char *code = json_get_string(e, "code");

		if (!ret->code[0] && code)
			set_text(ret->code, sizeof(ret->code), code, strlen(code));
		add_error(
			out, code, json_string(e) ? json_string(e) : json_get_string(e, "message"));
		if (++n == 3)
			break;
	}
}

static void read_json(const struct json *doc, struct registry_error *ret, struct buf *out)
{
	static const char *const keys[] = { "message", "details", "detail", "error_description",
		"msg" };
	const struct json *list = json_get(doc, "errors");
	const char *code;

	if (json_is_array(list))
		read_errors(list, ret, out);
	if (out->len)
		return;
	code = json_get_string(doc, "error");
	if (!code)
		code = json_get_string(doc, "code");
	if (code)
		set_text(ret->code, sizeof(ret->code), code, strlen(code));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *s = json_get_string(doc, keys[i]);

		if (!str_empty(s)) {
			add_error(out, code, s);
			return;
		}
	}
	add_error(out, NULL, code);
}

/* Position of an ASCII word in any case, or NULL. */
static const char *find_nocase(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++) {
		size_t j = 0;

		while (j < n && (s[i + j] | 0x20) == (word[j] | 0x20))
			j++;
		if (j == n)
			return s + i;
	}
	return NULL;
}

/* Of a page for people only its title. */
static void read_html(const char *s, size_t len, struct registry_error *ret)
{
	const char *start = find_nocase(s, len, "<title"), *end;

	if (start)
		start = memchr(start, '>', len - (size_t)(start - s));
	if (!start)
		return;
	start++;
	end = find_nocase(start, len - (size_t)(start - s), "</title");
	if (end)
		set_text(ret->message, sizeof(ret->message), start, (size_t)(end - start));
}

void registry_error_parse(const char *bytes, size_t len, struct registry_error *ret)
{
	AUTO(buf) struct buf out = BUF_INIT(1024);
	AUTO(json) struct json *doc = NULL;

	*ret = (struct registry_error){ 0 };
	if (json_parse(bytes, len, &doc, NULL) == 0) {
		if (json_is_object(doc))
			read_json(doc, ret, &out);
		else if (json_is_string(doc))
			add_error(&out, NULL, json_string(doc));
		set_text(ret->message, sizeof(ret->message), buf_str(&out), out.len);
		return;
	}
	while (len > 0 && (*bytes == ' ' || (*bytes >= '\t' && *bytes <= '\r')))
		bytes++, len--;
	if (len > 0 && *bytes == '<')
		read_html(bytes, len, ret);
	else
		set_text(ret->message, sizeof(ret->message), bytes, len < 300 ? len : 300);
}
