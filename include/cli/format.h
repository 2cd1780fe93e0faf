/*
 * `--format`: evaluates a parsed Go template (codec/template.h) over a JSON value, with docker's
 * helper functions. Pure: a template and a value in, text out. Of the methods of Go types it has
 * the one that docker documents, Label.
 *
 * Functions: and or not eq ne lt le gt ge len index slice print printf println json join split lower
 * upper title pad truncate. A member that is not there is no value: false in a condition,
 * "<no value>" when printed, and an error when one asks for a member of it.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct json;
struct template;

enum format_flags {
	FORMAT_STRICT = 1 << 0,	  /* a member that the value itself lacks is an error */
	FORMAT_HEADINGS = 1 << 1, /* ... is its own name in capitals (RunningFor: RUNNING FOR) */
	/*
	 * A member that is missing anywhere is an error in docker's words, but for the keys of what
	 * is a map in docker's API (Labels, Networks) and names that docker's documents may have.
	 */
	FORMAT_INSPECT = 1 << 2,
};

/*
 * The member of a row that {{.Label "key"}} looks into: an object of strings. It is neither
 * printed nor seen by {{json .}}.
 */
#define FORMAT_LABELS "\001labels"

/* Append the result to out. -ERR_FORMAT names what could not be evaluated. */
int format_eval(const struct template *t, const struct json *value, enum format_flags flags,
	struct buf *out, struct err *err) must_check;
