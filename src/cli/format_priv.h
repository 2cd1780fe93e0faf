/*
 * Between format.c, which walks the tree, format_func.c, which knows the functions, and
 * format_print.c, which makes text. A value is a `const struct json *`; NULL is "no value". What
 * a function makes is kept in the state until the whole template is done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/format.h"
#include "codec/json.h"

/* Longest text that one value or function may make. */
#define FORMAT_TEXT_MAX (16 * 1024 * 1024)

struct format_state {
	const struct json *root;
	enum format_flags flags;
	struct json **made; /* temporary values */
	size_t n_made, cap_made;
	struct buf *out;
	struct err *err;
};

/* The state owns v from now on. */
const struct json *format_keep(struct format_state *s, struct json *v);

/* Go's text/template truth. */
bool format_is_true(const struct json *v);

/* As fmt.Print does: [a b], map[k:v], <nil>, <no value>. */
void format_print_value(struct buf *b, const struct json *v);

/*
 * Append the values as the format asks: %s %v %q %t %d %x %X %f with flags, width and precision.
 * -ERR_FORMAT with a reason (static text) when they do not fit it.
 */
int format_printf_values(const char *format, const struct json *const *args, size_t n,
	struct buf *out, const char **ret_why) must_check;

/* Call a function by name; -ERR_FORMAT when there is none or its arguments do not fit. */
int format_call(struct format_state *s, const char *name, const struct json *const *args, size_t n,
	const struct json **ret) must_check;

/* With FORMAT_INSPECT: may the object be without this member? Then it is no value, and no error. */
bool format_may_lack(const struct json *object, const char *name);

/* A copy of v without FORMAT_LABELS, kept by the state; v itself where it has none. */
const struct json *format_public(struct format_state *s, const struct json *v);
