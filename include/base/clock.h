/*
 * Time. Durations and ages come from CLOCK_BOOTTIME; the wall clock is for display and mtimes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"

#define NSEC_PER_SEC 1000000000LL

/* Nanoseconds since boot, suspended time included: for ages and time-outs. */
int64_t clock_boottime_ns(void);
int64_t clock_wall_ns(void); /* since 1970, UTC */

/* "2006-01-02T15:04:05.999999999Z", UTC, trailing zeros of the fraction dropped. */
#define CLOCK_RFC3339_SIZE 40
void clock_format_rfc3339(int64_t wall_ns, char ret[CLOCK_RFC3339_SIZE]);

/* RFC 3339 with any offset and fraction; -ERR_FORMAT otherwise. */
int clock_parse_rfc3339(const char *s, int64_t *ret_wall_ns, struct err *err) must_check;

/* docker's words: "Less than a second", "5 seconds", "About a minute", "3 hours", "2 weeks". */
void clock_human_duration(int64_t ns, char *ret, size_t size);

/* docker's sizes: decimal units, three significant digits: "1.23kB", "45.6MB", "0B". */
void clock_human_size(uint64_t bytes, char *ret, size_t size);
