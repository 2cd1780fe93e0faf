#include "codec/challenge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"

/*
 * RFC 9110 11.6.1 in one pass:
 *
 *	challenge = scheme [ 1*SP ( token68 / param *( "," param ) ) ] , joined by ","
 *	param     = token BWS "=" BWS ( token / quoted-string )
 *
 * A comma separates parameters as well as challenges: a word followed by "=" is a parameter of the
 * challenge before it, a word followed by anything else is a scheme.
 */

#define VALUE_MAX 8192

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* tchar of RFC 9110 5.6.2. */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static const char *skip_separators(const char *s)
{
	while (is_blank(*s) || *s == ',')
		s++;
	return s;
}

static const char *skip_token(const char *s)
{
	while (is_token_char(*s))
		s++;
	return s;
}

/* At the opening quote; stands behind the closing one (or at the end, when it is missing). */
static const char *read_quoted(const char *s, struct buf *out)
{
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_putc(out, *s);
	}
	return *s ? s + 1 : s;
}

/* A bare value: real servers put ':' and '/' there, so it ends at a comma or a blank. */
static const char *read_bare(const char *s, struct buf *out)
{
	for (; *s && *s != ',' && !is_blank(*s); s++)
		buf_putc(out, *s);
	return s;
}

static char **slot_of(struct challenge *c, const char *name, size_t len)
{
	struct {
		const char *name;
		char **slot;
	} slots[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};

	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		autofree char *given = NULL;

		if (strlen(slots[i].name) != len)
			continue;
		given = xstrndup(name, len);
		if (str_eq_nocase(given, slots[i].name))
			return slots[i].slot;
	}
	return NULL;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

/* At the value of a parameter; c may be NULL (nobody wants it). The first of a name counts. */
static const char *read_value(const char *s, struct challenge *c, const char *name, size_t len)
{
	AUTO(buf) struct buf value = BUF_INIT(VALUE_MAX);
	char **slot = c ? slot_of(c, name, len) : NULL;

	s = skip_blanks(s);
	s = *s == '"' ? read_quoted(s, &value) : read_bare(s, &value);
	if (slot && !*slot && !buf_failed(&value) && !has_control(buf_str(&value)))
		*slot = buf_take(&value);
	return s;
}

static enum challenge_scheme scheme_of(const char *s, size_t len)
{
	autofree char *name = xstrndup(s, len);

	if (str_eq_nocase(name, "bearer"))
		return CHALLENGE_BEARER;
	return str_eq_nocase(name, "basic") ? CHALLENGE_BASIC : CHALLENGE_OTHER;
}

/* Behind a scheme: token68 (Negotiate's, NTLM's) is skipped. */
static const char *skip_token68(const char *s)
{
	const char *p = s;

	while (is_token_char(*p) || *p == '/')
		p++;
	while (*p == '=')
		p++;
	return *skip_blanks(p) == ',' || !*skip_blanks(p) ? p : s;
}

/* Directly behind a scheme: a word that is followed by '=' and a value, not token68's padding. */
static bool is_param(const char *after)
{
	after = skip_blanks(after);
	if (*after != '=')
		return false;
	after = skip_blanks(after + 1);
	return *after && *after != ',' && *after != '=';
}

void challenges_add(struct challenges *list, const char *header)
{
	struct challenge *current = NULL;
	const char *s = skip_separators(header);

	while (*s) {
		const char *end = skip_token(s);
		size_t len = (size_t)(end - s);

		if (len == 0) {
			s++; /* no token: rubbish, a byte at a time */
		} else if (*skip_blanks(end) == '=') {
			s = read_value(skip_blanks(end) + 1, current, s, len);
		} else {
			if (list->n == CHALLENGES_MAX)
				return;
			current = &list->v[list->n++];
			*current = (struct challenge){ .scheme = scheme_of(s, len) };
			s = skip_blanks(end);
			if (!is_param(skip_token(s)))
				s = skip_token68(s);
		}
		s = skip_separators(s);
	}
}

void challenges_done(struct challenges *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].realm);
		free(list->v[i].service);
		free(list->v[i].scope);
		free(list->v[i].error);
	}
	*list = (struct challenges){ 0 };
}

const struct challenge *challenges_pick(const struct challenges *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].scheme == CHALLENGE_BEARER && !str_empty(list->v[i].realm))
			return &list->v[i];
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].scheme == CHALLENGE_BASIC)
			return &list->v[i];
	return NULL;
}
