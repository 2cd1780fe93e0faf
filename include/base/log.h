/*
 * Messages for the person at the terminal, on standard error, one line each, prefixed "proa: ".
 * Below cmd/ only debug messages, and one warning for each degraded mode actually entered.
 * Errors are values (base/err.h): log_error is for main() and for commands over several objects.
 * Not for a child between clone and exec.
 */
#pragma once

#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages below this level are dropped; the start is LOG_LEVEL_WARN. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warn" ("warning"), "info", "debug"; -ERR_USAGE names the allowed ones. */
int log_parse_level(const char *s, enum log_level *ret, struct err *err) must_check;

/* printf(3) formats; errno is kept. */
void log_debug(const char *fmt, ...) format_printf(1, 2);
void log_info(const char *fmt, ...) format_printf(1, 2);
void log_warn(const char *fmt, ...) format_printf(1, 2);
void log_error(const char *fmt, ...) format_printf(1, 2);
