/*
 * Functions nobody calls here: unbounded, locale-dependent, or a shell. Every file of ours gets
 * it by the compiler flag -include (src/meson), so that it cannot be forgotten.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* glibc makes macros of these (alloca always, the others for clang with FORTIFY). */
#undef alloca
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atof gets system
#pragma GCC poison popen mktemp tmpnam tempnam alloca localtime gmtime ctime asctime
