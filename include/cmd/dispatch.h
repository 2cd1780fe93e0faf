/*
 * From argv to an exit status: global options, the command and its options, the run, one printing
 * of what failed. The only place that prints a struct err of a command as a whole.
 *
 * Exit status: what the command returns; where it fails, err.exit if set, else 125 for a command
 * line that cannot be parsed and for own failures of run, create, start and exec, else 1. An unknown
 * command is 1, as in docker.
 */
#pragma once

#include "base/err.h"

/* Whole life of the program, for main() to return. */
int dispatch_main(int argc, char **argv) must_check;

/*
 * For commands over several objects (rm, rmi, stop): prints "proa: CMD: message" now, and returns
 * the exit status that this failure asks for; go on, and return the worst.
 */
struct context;
int dispatch_report(const struct context *ctx, const struct err *err);
