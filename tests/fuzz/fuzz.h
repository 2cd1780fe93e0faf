/*
 * What the fuzz targets share. A target is one function of bytes that must hold its properties for
 * every input: no crash, no leak, and what fuzz_want() claims. Built with libFuzzer (-Dfuzz=true,
 * clang) it hunts; built with replay.c it runs the seeds, as a test of every build.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code that does not hold is a crash. */
#define fuzz_want(cond)                                                                            \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			(void)fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The bytes as a C string of exactly that allocation, so that ASan sees a read past it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	fuzz_want(s);
	memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* The same without a NUL: for functions that take a length. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
	char *s = malloc(size ? size : 1);

	fuzz_want(s);
	memcpy(s, data, size);
	return s;
}

/*
 * Inputs of several parts: cut at the first 0xff byte (which no text of ours holds). The first
 * part becomes *ret, the caller's; data and size move behind it.
 */
static inline char *fuzz_part(const uint8_t **data, size_t *size)
{
	const uint8_t *cut = memchr(*data, 0xff, *size);
	size_t n = cut ? (size_t)(cut - *data) : *size;
	char *s = fuzz_text(*data, n);

	*data += n + (cut != NULL);
	*size -= n + (cut != NULL);
	return s;
}
