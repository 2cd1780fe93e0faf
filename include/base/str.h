/*
 * Small questions about C strings, and no allocation unless the name says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_empty(const char *s)
{
	return !s || !*s;
}

/* The rest of s behind prefix, or NULL when s does not begin with it. */
const char *str_after(const char *s, const char *prefix);
const char *str_after_nocase(const char *s, const char *prefix); /* ASCII only */

/* An empty suffix is one of every string. */
bool str_has_suffix(const char *s, const char *suffix);

/* ASCII only, never the locale. */
bool str_eq_nocase(const char *a, const char *b);
bool str_is_digits(const char *s); /* one or more of 0-9 and nothing else */
bool str_is_hex_lower(const char *s, size_t len);

/* Copy into a fixed array; false when it did not fit (dst is then ""). */
bool str_copy(char *dst, size_t size, const char *src) __attribute__((warn_unused_result));

/* Edit distance (Damerau-Levenshtein, transpositions count once), capped at `max` + 1. */
unsigned str_distance(const char *a, const char *b, unsigned max);

/* Replace control characters by '?', for names that come from outside and go to a terminal. */
void str_make_printable(char *s);
