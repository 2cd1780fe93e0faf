/*
 * Pieces of text that help, man pages and completions share: wrapping, the left column of an
 * option, rows and commands in alphabetical order. Only for the generators of this folder.
 */
#pragma once

#include <stdio.h>

#include "cli/command.h"

#define TEXT_WIDTH    80
#define TEXT_MAX_NAME 128  /* "-e, --env KEY[=VALUE]" */
#define TEXT_MAX_HELP 2048 /* help of one option */

/*
 * Print s wrapped at `width` columns and a final line break; the cursor stands in column `at`, and
 * continuation lines begin in column `indent`. A word longer than a line is not broken.
 */
void text_wrap(FILE *out, const char *s, size_t at, size_t indent, size_t width);

/* "-e, --env KEY[=VALUE]" or "    --name NAME" into ret; returns its length. */
size_t text_option_name(const struct option_spec *o, char *ret, size_t size);

/* Help with enum values, default and the word of ignored ones; owned by the caller. */
char *text_option_help(const struct option_spec *o) must_check;

/* Rows that help shows, by name: an array to free() that points into the table. */
size_t text_options_sorted(const struct option_spec *table, const struct option_spec ***ret);

/* Commands that are not hidden, by name: an array to free(). */
size_t text_commands_sorted(const struct program *p, const struct command ***ret);

/* The objects ("container", "image") in alphabetical order; a vector of the caller's. */
char **text_objects(const struct program *p) must_check;
