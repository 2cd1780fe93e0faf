#include "codec/json.h"

#include <stdbool.h>
#include <string.h>

#include "codec/json_priv.h"

/*
 * cJSON accepts much that is not JSON ("01", "1.", control characters, bad UTF-8) and stops at a
 * "\u0000". What two parsers read differently is how one document gets two meanings, so this
 * pass decides first. One loop over the bytes; the only memory is a bit per level of nesting.
 */

struct scan {
	const char *p, *end, *start;
	uint64_t is_object; /* bit n: level n is an object */
	unsigned depth;
};

_Static_assert(JSON_DEPTH_MAX <= 64, "a level of nesting is a bit");

static int fail(const struct scan *s, const char *what, struct err *err)
{
	return err_set(
		err, ERR_FORMAT, "invalid JSON at byte %zu: %s", (size_t)(s->p - s->start), what);
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= c - '0';
		else if (c >= 'a' && c <= 'f')
			v |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			v |= c - 'A' + 10;
		else
			return -1;
	}
	return v;
}

/* Behind "\u". */
static int scan_unicode(struct scan *s, struct err *err)
{
	int low, high = hex4(s->p, s->end);

	if (high < 0)
		return fail(s, "\\u wants four hex digits", err);
	if (high == 0)
		return fail(s, "NUL in a string", err);
	s->p += 4;
	if (high >= 0xdc00 && high <= 0xdfff)
		return fail(s, "lone surrogate", err);
	if (high < 0xd800 || high > 0xdbff)
		return 0;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return fail(s, "lone surrogate", err);
	low = hex4(s->p + 2, s->end);
	if (low < 0xdc00 || low > 0xdfff)
		return fail(s, "lone surrogate", err);
	s->p += 6;
	return 0;
}

/* At the opening quote. */
static int scan_string(struct scan *s, struct err *err)
{
	s->p++;
	while (s->p < s->end) {
		unsigned char c = (unsigned char)*s->p;
		size_t n;

		if (c == '"') {
			s->p++;
			return 0;
		}
		if (c < 0x20)
			return fail(s, "control character in a string", err);
		if (c == '\\') {
			if (s->end - s->p < 2 || !s->p[1] || !strchr("\"\\/bfnrtu", s->p[1]))
				return fail(s, "unknown escape", err);
			s->p += 2;
			if (s->p[-1] == 'u' && scan_unicode(s, err) < 0)
				return -ERR_FORMAT;
			continue;
		}
		n = utf8_sequence((const unsigned char *)s->p, (size_t)(s->end - s->p));
		if (n == 0)
			return fail(s, "not UTF-8", err);
		s->p += n;
	}
	return fail(s, "string does not end", err);
}

static size_t scan_digits(struct scan *s)
{
	size_t n = 0;

	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
		n++;
	return n;
}

static int scan_number(struct scan *s, struct err *err)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (scan_digits(s) == 0)
		return fail(s, "digit wanted", err);
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (scan_digits(s) == 0)
			return fail(s, "digit wanted", err);
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (scan_digits(s) == 0)
			return fail(s, "digit wanted", err);
	}
	return 0;
}

static int scan_scalar(struct scan *s, struct err *err)
{
	static const char *const words[] = { "true", "false", "null" };

	if (*s->p == '"')
		return scan_string(s, err);
	if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
		return scan_number(s, err);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
			s->p += n;
			return 0;
		}
	}
	return fail(s, "value wanted", err);
}

/* "key" : and stand at the value. */
static int scan_key(struct scan *s, struct err *err)
{
	skip_blanks(s);
	if (s->p >= s->end || *s->p != '"')
		return fail(s, "key wanted", err);
	if (scan_string(s, err) < 0)
		return -ERR_FORMAT;
	skip_blanks(s);
	if (s->p >= s->end || *s->p != ':')
		return fail(s, "':' wanted", err);
	s->p++;
	return 0;
}

static bool in_object(const struct scan *s)
{
	return s->depth > 0 && (s->is_object >> (s->depth - 1)) & 1;
}

/* At '{' or '['. 1 when it was empty and is closed again. */
static int scan_open(struct scan *s, struct err *err)
{
	bool object = *s->p == '{';

	if (s->depth == JSON_DEPTH_MAX)
		return fail(s, "nested too deeply", err);
	s->p++;
	skip_blanks(s);
	if (s->p < s->end && *s->p == (object ? '}' : ']')) {
		s->p++;
		return 1;
	}
	s->is_object &= ~(1ULL << s->depth);
	s->is_object |= (uint64_t)object << s->depth;
	s->depth++;
	return object ? scan_key(s, err) : 0;
}

/* Behind a value: close what ends here. 1 when another value follows, 0 at the document's end. */
static int scan_after(struct scan *s, struct err *err)
{
	while (s->depth > 0) {
		skip_blanks(s);
		if (s->p >= s->end)
			return fail(s, "document does not end", err);
		if (*s->p == ',') {
			s->p++;
			if (in_object(s) && scan_key(s, err) < 0)
				return -ERR_FORMAT;
			return 1;
		}
		if (*s->p != (in_object(s) ? '}' : ']'))
			return fail(
				s, in_object(s) ? "',' or '}' wanted" : "',' or ']' wanted", err);
		s->p++;
		s->depth--;
	}
	skip_blanks(s);
	if (s->p < s->end)
		return fail(s, "something follows the document", err);
	return 0;
}

int json_scan(const char *text, size_t len, struct err *err)
{
	struct scan s = { .p = text, .start = text, .end = text + len };
	int r;

	for (;;) {
		skip_blanks(&s);
		if (s.p >= s.end)
			return fail(&s, "document does not end", err);
		if (*s.p == '{' || *s.p == '[') {
			r = scan_open(&s, err);
			if (r == 0)
				continue; /* at the first value inside */
		} else {
			r = scan_scalar(&s, err);
		}
		if (r < 0)
			return r;
		r = scan_after(&s, err);
		if (r <= 0)
			return r;
	}
}
