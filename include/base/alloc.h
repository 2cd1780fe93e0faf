/*
 * Allocation that cannot fail: on exhaustion the program says so and exits with 125.
 * Sizes are checked for overflow. The caller owns what is returned; free() releases it.
 * Nothing here may be called between clone and exec.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Uninitialised; size 0 gives a pointer that may be freed. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull)) must_check;

/* Zeroed. */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull)) must_check;

/* Resize an array to n elements of that size. */
void *xrealloc_array(void *p, size_t n, size_t size) __attribute__((returns_nonnull)) must_check;

/* xstrdup(NULL) is NULL. */
char *xstrdup(const char *s) must_check;
char *xstrndup(const char *s, size_t n) must_check;
void *xmemdup(const void *p, size_t n) must_check;
char *xasprintf(const char *fmt, ...) format_printf(1, 2) must_check;

#define NEW(type)	   ((type *)xcalloc(1, sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)xcalloc((n), sizeof(type)))

/*
 * Make room for one more in a growing array `v` of `n` elements with capacity `cap`
 * (both size_t lvalues): GROW(v, n, cap); v[n++] = x;
 */
#define GROW(v, n, cap)                                                 \
	do {                                                            \
		if ((n) >= (cap)) {                                     \
			(cap) = (cap) ? (cap)*2 : 8;                    \
			(v) = xrealloc_array((v), (cap), sizeof(*(v))); \
		}                                                       \
	} while (0)
