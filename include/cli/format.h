/*
 * `--format`: evaluates a parsed Go template (codec/template.h) over a JSON value, with docker's
 * helper functions. Pure: a template and a value in, text out. It cannot call methods of Go types,
 * which docker's templates do not need.
 *
 * Functions: and or not eq ne lt le gt ge len index slice print printf println json prettyjson join
 * split lower upper title pad truncate. A key that is not there is "<no value>".
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct json;
struct template;

/* Append the result to out. -ERR_FORMAT names what could not be evaluated. */
int format_eval(const struct template *t, const struct json *value, struct buf *out,
	struct err *err) must_check;
