/*
 * Lexical work on path strings; nothing here touches a file system.
 * Paths inside a container's root are resolved by descriptor (sys/openat.h), never by these.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * Canonical absolute form: "//a/./b/../c/" gives "/a/c"; ".." never leaves "/".
 * A relative path is taken from `base` (absolute). The caller owns the result.
 */
char *path_clean(const char *base, const char *path) must_check;

char *path_join(const char *a, const char *b) must_check; /* one '/' between */

/* Begins with '/'. */
bool path_is_absolute(const char *path);

/* Compares whole components: "/a/b" is inside "/a", "/ab" is not; a path is inside itself. */
bool path_is_inside(const char *path, const char *dir);

/* Last component, inside the argument. */
const char *path_base(const char *path);

/* $HOME and $XDG_* are taken only when absolute. The caller owns the result; NULL when unset. */
char *path_env(const char *name) must_check;
