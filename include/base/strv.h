/*
 * A NULL-terminated vector of strings, as argv and environ are: `char **`.
 * NULL is a valid empty vector. The vector owns its strings unless a name says otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

#define STRV_FOREACH(s, v) \
	for (char *const *s##_p = (char *const *)(v), *s = s##_p ? *s##_p : NULL; s; s = *++s##_p)

/* Number of strings; free all of them and the vector. */
size_t strv_len(char *const *v);
void strv_free(char **v);
DEFINE_AUTO_PTR(strv, char *, strv_free)

/* AUTO(strv) char **v = NULL; */

void strv_push(char ***v, const char *s); /* copies s */
void strv_push_take(char ***v, char *s);  /* s is the vector's from now on */
void strv_pushf(char ***v, const char *fmt, ...) format_printf(2, 3);
void strv_extend(char ***v, char *const *more); /* copies each */
char **strv_dup(char *const *v) must_check;	/* never NULL */
bool strv_contains(char *const *v, const char *s);

/* Split at each `sep`; empty fields are kept; "" gives one empty field. Never NULL. */
char **strv_split(const char *s, char sep) must_check;
char *strv_join(char *const *v, const char *sep) must_check;

/* "KEY=value" vectors: the value of key or NULL; set keeps the position of an existing key. */
const char *strv_env_get(char *const *env, const char *key);
void strv_env_set(char ***env, const char *assignment);
void strv_env_unset(char **env, const char *key);
