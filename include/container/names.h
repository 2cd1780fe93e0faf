/*
 * Names for containers that were given none: two words that are easy to say and to type,
 * "calm_heron". Random; the caller tries again when the name is taken.
 */
#pragma once

#include <stddef.h>

#define NAME_SIZE 64

/* attempt 0 gives two words; later ones add a number, so that the tries cannot run out. */
void names_generate(unsigned attempt, char ret[NAME_SIZE]);
