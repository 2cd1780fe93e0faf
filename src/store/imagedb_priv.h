/* One image record as JSON; shared by imagedb.c and its tests. */
#pragma once

#include "store/imagedb.h"

/* The caller frees the text. */
char *imagedb_format(const struct image_record *r) must_check;
int imagedb_parse(
	const char *text, size_t len, struct image_record *ret, struct err *err) must_check;
