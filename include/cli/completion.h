/*
 * Completion scripts from the tables. The scripts know commands, spellings, options and enum
 * values by themselves; names of images and containers they ask from `proa __complete KIND`.
 */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "cli/command.h"

/* The whole script, for `source` or for the place where the shell looks for it. */
void completion_bash(FILE *out, const struct program *p);
void completion_zsh(FILE *out, const struct program *p);
void completion_fish(FILE *out, const struct program *p);

/* The word for `__complete`: "image", "container", "container-running" ...; NULL when none. */
const char *completion_kind_name(enum option_complete kind);

/* The kind for that word; -ERR_USAGE. */
int completion_parse_kind(const char *s, enum option_complete *ret, struct err *err) must_check;
