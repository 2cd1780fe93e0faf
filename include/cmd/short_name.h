/*
 * Asking which image a short name means, where registries.conf leaves it open.
 */
#pragma once

#include "base/err.h"
#include "registry/registries.h"

/*
 * When the name is ambiguous and standard input and output are a terminal, ask, and keep only the
 * chosen candidate. Without a terminal all stay, in their order; unless short-name-mode is
 * "enforcing": -ERR_USAGE, which lists them.
 */
int short_name_settle(const char *typed, struct short_name *s, struct err *err) must_check;
