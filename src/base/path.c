#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

bool path_is_absolute(const char *path)
{
	return path[0] == '/';
}

/* Append the components of path to out (a clean absolute path, "" for the root). */
static size_t append_clean(char *out, size_t len, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len && out[--len] != '/')
				;
		} else if (n && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
		path += strspn(path, "/");
	}
	return len;
}

char *path_clean(const char *base, const char *path)
{
	char *out = xmalloc(strlen(base) + strlen(path) + 3);
	size_t len = 0;

	if (!path_is_absolute(path))
		len = append_clean(out, len, base);
	len = append_clean(out, len, path);
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	return xasprintf("%.*s/%s", (int)n, a, b);
}

bool path_is_inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_env(const char *name)
{
	const char *v = getenv(name);

	return v && path_is_absolute(v) ? xstrdup(v) : NULL;
}
