#include "codec/tar_path.h"

#include <string.h>

int tar_path_clean(const char *path, char *ret, struct err *err)
{
	const char *s = path;
	size_t out = 0;
	int depth = 0;

	if (!*path)
		return err_set(err, ERR_FORMAT, "an entry has an empty name");
	if (strlen(path) > TAR_PATH_MAX)
		return err_set(
			err, ERR_LIMIT, "%.64s...: name of more than %d bytes", path, TAR_PATH_MAX);
	while (*s) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			return err_set(err, ERR_FORMAT, "%.200s: name contains \"..\"", path);
		if (n > TAR_NAME_MAX)
			return err_set(err, ERR_LIMIT, "%.64s...: component of more than %d bytes",
				s, TAR_NAME_MAX);
		if (n && !(n == 1 && s[0] == '.')) {
			if (++depth > TAR_DEPTH_MAX)
				return err_set(err, ERR_LIMIT, "%.64s...: more than %d levels deep",
					path, TAR_DEPTH_MAX);
			if (out)
				ret[out++] = '/';
			memcpy(ret + out, s, n);
			out += n;
		}
		s += n;
		if (*s)
			s++;
	}
	ret[out] = '\0';
	return depth;
}
