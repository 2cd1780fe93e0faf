#include "codec/link_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Steps over a quoted string; NULL when it does not end. */
static const char *skip_quoted(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : NULL;
}

/* "prev next": words parted by blanks. */
static bool has_word(const char *list, size_t len, const char *word)
{
	autofree char *copy = xstrndup(list, len);
	char *rest = copy, *part;

	while ((part = strsep(&rest, " \t")))
		if (str_eq_nocase(part, word))
			return true;
	return false;
}

/* One ";name=value" at *at, which is moved behind it; false when there is none. */
static bool next_parameter(const char **at, bool *is_next)
{
	const char *name = skip_blanks(*at), *value, *end;
	size_t len;

	if (*name != ';')
		return false;
	name = skip_blanks(name + 1);
	len = strcspn(name, " \t=;,");
	end = skip_blanks(name + len);
	if (*end != '=') {
		*at = end;
		return true;
	}
	value = skip_blanks(end + 1);
	end = *value == '"' ? skip_quoted(value) : value + strcspn(value, " \t;,");
	if (!end)
		return false;
	if (len == 3 && strncasecmp(name, "rel", 3) == 0) {
		bool quoted = *value == '"';

		*is_next |=
			has_word(value + quoted, (size_t)(end - value) - (quoted ? 2 : 0), "next");
	}
	*at = end;
	return true;
}

char *link_header_next(const char *value)
{
	const char *at = value;

	while (at && *(at = skip_blanks(at)) == '<') {
		const char *target = at + 1, *end = strchr(target, '>');
		bool is_next = false;

		if (!end)
			return NULL;
		at = end + 1;
		while (next_parameter(&at, &is_next))
			;
		if (is_next)
			return xstrndup(target, (size_t)(end - target));
		at = skip_blanks(at);
		if (*at != ',')
			return NULL;
		at++;
	}
	return NULL;
}
