/*
 * What the prune commands have in common: docker's question before and docker's answer after.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct context;

/*
 * Show the warning and ask on stderr; the answer is a line on stdin. Anything but y or Y, and the
 * end of input, is no.
 */
bool prune_confirm(const char *warning);

/* A heading, the lines and an empty line; nothing when there are none. */
void prune_print(const char *heading, char *const *lines);

/* "Total reclaimed space: 1.2MB" */
void prune_print_total(uint64_t bytes);
