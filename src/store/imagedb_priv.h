/* One image record as JSON; shared by imagedb.c and its tests. */
#pragma once

#include "store/imagedb.h"
#include "store/store_priv.h"

/* The caller frees the text. */
char *imagedb_format(const struct image_record *r) must_check;
int imagedb_parse(
	const char *text, size_t len, struct image_record *ret, struct err *err) must_check;

/* "images/NAME.json" of a record, and the record at such a path. */
void imagedb_path(const struct image_record *rec, char ret[STORE_PATH_SIZE]);
int imagedb_read(
	struct store *s, const char *path, struct image_record *ret, struct err *err) must_check;
