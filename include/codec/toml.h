/*
 * TOML 1.0 (toml.io), read strictly into the values of codec/json.h: tables and inline tables
 * become objects, dates and times strings. It only reads: the programs whose files these are
 * (registries.conf, config.toml, hosts.toml) are written by people.
 *
 *	AUTO(json) struct json *doc = NULL;
 *	r = toml_parse(text, len, &doc, err);
 *
 * All that TOML forbids is refused: a key or table that is defined twice, an array or inline table
 * that is added to later, control characters, text that is not UTF-8. Narrower than TOML, because
 * a JSON value cannot hold it: integers beyond +-(2^53-1) and "\u0000" are refused, the floats inf
 * and nan become the strings "inf", "-inf" and "nan". Nesting is bounded by JSON_DEPTH_MAX, the
 * text by TOML_BYTES_MAX, the number of keys, tables and elements by TOML_ITEMS_MAX.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "codec/json.h"

#define TOML_BYTES_MAX (1U << 20)
#define TOML_ITEMS_MAX 16384U

/*
 * Read a whole document; text need not be NUL-terminated, a byte order mark is passed over. *ret
 * is an object, the caller's. -ERR_FORMAT with the number of the line that is wrong, -ERR_LIMIT.
 */
int toml_parse(const char *text, size_t len, struct json **ret, struct err *err) must_check;
