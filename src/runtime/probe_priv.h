/*
 * What the probes share: filling in a result, reading one number, entering namespaces of one's own.
 * Everything here runs in the forked child of one probe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/probe.h"

/* The tables of the other files, NULL-terminated. */
extern const struct probe probes_kernel[];
extern const struct probe probes_storage[];
extern const struct probe probes_host[];

/* What was found, also when all is well. */
void probe_detail(struct probe_result *r, const char *fmt, ...) format_printf(2, 3);

/* State, and what proa does without it. */
void probe_degraded(struct probe_result *r, const char *fmt, ...) format_printf(2, 3);
void probe_missing(struct probe_result *r, const char *fmt, ...) format_printf(2, 3);

/* The command or change that provides it. */
void probe_fix(struct probe_result *r, const char *fmt, ...) format_printf(2, 3);

/* The call that failed; detail becomes its error text when it is still empty. */
void probe_call(struct probe_result *r, int errnum, const char *call);

/* First number in a file; false when there is none. */
bool probe_read_number(const char *path, int64_t *ret);

/* First line of a file without its newline; false when it cannot be read. */
bool probe_read_line(const char *path, char *ret, size_t size);

/*
 * Into new namespaces (CLONE_NEW*), as root there: for a user, a user namespace with the one id is
 * made first, for root it is not. Mounts are private afterwards. 0 or -errno.
 */
int probe_unshare(int namespaces);
