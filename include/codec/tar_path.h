/*
 * Names in archives -> names below a root. Pure text; the file system is not asked.
 *
 * Leading slashes and "." components go away; ".." is an error, because clamping would only hide
 * an attack and no real image needs it (reference: security notes 4.1, CVE-2021-32760 and its
 * kin). Every other byte stays as it is: names are bytes, not text.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define TAR_PATH_MAX  4096 /* bytes of a whole name */
#define TAR_NAME_MAX  255  /* bytes of one component */
#define TAR_DEPTH_MAX 1024 /* components */

/*
 * Clean `path` into ret (size TAR_PATH_MAX + 1): "a/b", no leading or trailing slash; "" is the
 * root itself. Returns the number of components. -ERR_FORMAT for ".." and an empty name,
 * -ERR_LIMIT past the three limits above.
 */
int tar_path_clean(const char *path, char *ret, struct err *err) must_check;
