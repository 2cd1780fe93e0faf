/*
 * Help for people, made from the tables: at most 80 columns, laid out like docker's so that nothing
 * has to be learned anew. Prints to the stream it is given and never exits.
 */
#pragma once

#include <stdio.h>

#include "cli/command.h"

/* `proa help`: commands by group and the global options. */
void help_program(FILE *out, const struct program *p);

/* `proa help image`: the verbs of one object. */
void help_object(FILE *out, const struct program *p, const char *object);

/* `proa CMD --help`. */
void help_command(FILE *out, const struct program *p, const struct command *c);
