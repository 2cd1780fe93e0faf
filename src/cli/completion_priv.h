/*
 * What the three generators of completion scripts share: how an option's values are completed,
 * which words are followed by a value, and the spellings of a command.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* Shown rows are completed, hidden and refused ones are not. */
bool completion_shows(const struct option_spec *o);

/*
 * The extended regular expression of words that take the next word as their value, bundles
 * included: "^(--env|--name|-[it]*[ep])$". Nothing is printed, and false returned, when no
 * option does.
 */
bool completion_print_value_words(FILE *out, const struct option_spec *table);

/*
 * Call `fn` for each spelling of a command: its name first, then the aliases.
 */
typedef void completion_spelling_fn(FILE *out, const struct command *c, const char *spelling);
void completion_each_spelling(FILE *out, const struct command *c, completion_spelling_fn *fn);

/* Inside single quotes of a shell: ' becomes '\''. */
void completion_put_quoted(FILE *out, const char *s);
