#include "sys/xattr.h"

#include <sys/xattr.h>
#include <unistd.h>

int xattr_set(int fd, const char *name, const void *value, size_t len, struct err *err)
{
	if (fsetxattr(fd, name, value, len, 0) < 0)
		return err_sys(err, errno, "set attribute %s", name);
	return 0;
}

int xattr_set_at(int dir_fd, const char *name, const char *key, const void *value, size_t len,
	struct err *err)
{
	/* setxattrat(2) is of Linux 6.13; an O_PATH descriptor needs /proc, which may be out of reach. */
	if (fchdir(dir_fd) < 0 || lsetxattr(name, key, value, len, 0) < 0)
		return err_sys(err, errno, "set attribute %s", key);
	return 0;
}

ssize_t xattr_get(int fd, const char *name, void *value, size_t size)
{
	ssize_t n = fgetxattr(fd, name, value, size);

	return n < 0 ? -errno : n;
}

int xattr_remove(int fd, const char *name)
{
	return fremovexattr(fd, name) < 0 ? -errno : 0;
}

ssize_t xattr_list(int fd, char *list)
{
	ssize_t n = flistxattr(fd, list, XATTR_LIST_MAX);

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	return n;
}
