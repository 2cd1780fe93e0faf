/*
 * Numbers as people write them. The only place of strtol and its kin: every parser here takes the
 * whole string or fails with -ERR_FORMAT and a message that quotes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Decimal, digits only: no sign, no blank, no 0x, no overflow past max. */
int parse_u64(const char *s, uint64_t max, uint64_t *ret, struct err *err) must_check;
int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err) must_check;

/* Octal digits only, up to 07777. */
int parse_mode(const char *s, uint32_t *ret, struct err *err) must_check;

/* Bytes with an optional unit b k m g t p (powers of 1024, either case, "kb" and "KiB" too). */
int parse_bytes(const char *s, uint64_t *ret, struct err *err) must_check;

/* Go durations: "1h30m", "1.5s", "300ms"; a bare number is seconds. Nanoseconds. */
int parse_duration(const char *s, int64_t *ret, struct err *err) must_check;

/* 1 t T TRUE true True / 0 f F FALSE false False, as Go's strconv.ParseBool. */
int parse_bool(const char *s, bool *ret, struct err *err) must_check;
