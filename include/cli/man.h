/*
 * Man pages from the tables, in plain man(7) macros that mandoc and groff both read without a
 * warning. Prints to the stream it is given.
 */
#pragma once

#include <stdio.h>

#include "cli/command.h"

/* proa.1: commands, global options, output formats, files, environment, exit status. */
void man_program(FILE *out, const struct program *p);

/* proa-CMD.1 */
void man_command(FILE *out, const struct program *p, const struct command *c);
