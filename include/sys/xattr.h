/*
 * Extended attributes by descriptor. No path string is followed anywhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define XATTR_LIST_MAX	(64 * 1024)
#define XATTR_VALUE_MAX (64 * 1024)

/* fd is open for reading or writing (not O_PATH). -errno: ENOTSUP, EPERM, ENOSPC ... */
int xattr_set(int fd, const char *name, const void *value, size_t len, struct err *err) must_check;

/*
 * For what cannot be opened (symbolic links, devices, pipes): the entry `name` in dir_fd, which
 * becomes the working directory. `name` is one component.
 */
int xattr_set_at(int dir_fd, const char *name, const char *key, const void *value, size_t len,
	struct err *err) must_check;

/* Length, or -ENODATA when there is none; value has room for `size` bytes. */
ssize_t xattr_get(int fd, const char *name, void *value, size_t size);

/* 0 or -errno; -ENODATA when there is none. */
int xattr_remove(int fd, const char *name);

/*
 * Names of fd's attributes, NUL after each, into list (XATTR_LIST_MAX bytes). Returns the bytes
 * used, 0 also where the file system has no attributes.
 */
ssize_t xattr_list(int fd, char *list);
