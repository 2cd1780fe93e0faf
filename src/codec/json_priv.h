/*
 * Between the parts of the JSON codec: the strict grammar check that runs before cJSON sees a byte.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * Whether text is exactly one RFC 8259 value of allowed depth, in UTF-8, without "\u0000".
 * Does not allocate and does not recurse.
 */
int json_scan(const char *text, size_t len, struct err *err) must_check;

/*
 * Length of the UTF-8 sequence at p (1..4), 0 when the bytes there are none: overlong forms,
 * surrogates and what lies above U+10FFFF are none (RFC 3629).
 */
size_t utf8_sequence(const unsigned char *p, size_t left);
