#include "cmd/digest_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "sys/file.h"

int digest_file_write(const char *path, const struct digest *digest, struct err *err)
{
	autofd int fd = -EBADF;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	return file_write_all(fd, digest->text, strlen(digest->text), err);
}
