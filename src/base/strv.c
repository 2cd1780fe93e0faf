#include "base/strv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"

size_t strv_len(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void strv_push_take(char ***v, char *s)
{
	size_t n = strv_len(*v);

	/* Grow at powers of two only: the vector does not store its capacity. */
	if ((n & (n + 1)) == 0 || !*v)
		*v = xrealloc_array(*v, (n + 1) * 2 + 1, sizeof(char *));
	(*v)[n] = s;
	(*v)[n + 1] = NULL;
}

void strv_push(char ***v, const char *s)
{
	strv_push_take(v, xstrdup(s));
}

void strv_pushf(char ***v, const char *fmt, ...)
{
	AUTO(buf) struct buf b = BUF_INIT((size_t)1 << 24);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	strv_push_take(v, buf_take(&b));
}

void strv_extend(char ***v, char *const *more)
{
	for (size_t i = 0; more && more[i]; i++)
		strv_push(v, more[i]);
}

char **strv_dup(char *const *v)
{
	char **copy = NEW_ARRAY(char *, 1);

	strv_extend(&copy, v);
	return copy;
}

bool strv_contains(char *const *v, const char *s)
{
	for (size_t i = 0; v && v[i]; i++) {
		if (str_eq(v[i], s))
			return true;
	}
	return false;
}

char **strv_split(const char *s, char sep)
{
	char **v = NULL;

	for (;;) {
		const char *end = strchr(s, sep);

		if (!end) {
			strv_push(&v, s);
			return v;
		}
		strv_push_take(&v, xstrndup(s, (size_t)(end - s)));
		s = end + 1;
	}
}

char *strv_join(char *const *v, const char *sep)
{
	AUTO(buf) struct buf b = BUF_INIT((size_t)1 << 30);

	for (size_t i = 0; v && v[i]; i++) {
		if (i)
			buf_puts(&b, sep);
		buf_puts(&b, v[i]);
	}
	return buf_take(&b);
}

static bool has_key(const char *assignment, const char *key, size_t len)
{
	return strncmp(assignment, key, len) == 0 && assignment[len] == '=';
}

const char *strv_env_get(char *const *env, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; env && env[i]; i++) {
		if (has_key(env[i], key, len))
			return env[i] + len + 1;
	}
	return NULL;
}

void strv_env_set(char ***env, const char *assignment)
{
	size_t len = strcspn(assignment, "=");

	for (size_t i = 0; *env && (*env)[i]; i++) {
		if (has_key((*env)[i], assignment, len)) {
			char *copy = xstrdup(assignment);

			free((*env)[i]);
			(*env)[i] = copy;
			return;
		}
	}
	strv_push(env, assignment);
}

void strv_env_unset(char **env, const char *key)
{
	size_t len = strlen(key), out = 0;

	for (size_t i = 0; env && env[i]; i++) {
		if (has_key(env[i], key, len))
			free(env[i]);
		else
			env[out++] = env[i];
	}
	if (env)
		env[out] = NULL;
}
