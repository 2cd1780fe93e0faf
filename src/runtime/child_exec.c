/*
 * The last step: find the program inside the container and become it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "runtime/child_priv.h"
#include "sys/process.h"
#include "sys/signal.h"

#define EXIT_NOT_FOUND	  127
#define EXIT_NOT_RUNNABLE 126

/* Docker's words, so that what people search for is found. */
static int explain(const char *path, int errnum, struct err *err)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;

	if (errnum == ENOENT && exists)
		return err_exit(err,
			err_set(err, ENOENT,
				"exec %s: no such file or directory (the interpreter it names, or "
				"its dynamic loader, is missing)",
				path),
			EXIT_NOT_FOUND);
	if (errnum == ENOENT || errnum == ENOTDIR)
		return err_exit(err,
			err_set(err, errnum, "exec: \"%s\": stat %s: %s", path, path,
				errnum == ENOENT ? "no such file or directory" : "not a directory"),
			EXIT_NOT_FOUND);
	if (errnum == EACCES && exists && S_ISDIR(st.st_mode))
		return err_exit(err, err_set(err, EISDIR, "exec: \"%s\": is a directory", path),
			EXIT_NOT_RUNNABLE);
	if (errnum == EACCES)
		return err_exit(err, err_set(err, EACCES, "exec: \"%s\": permission denied", path),
			EXIT_NOT_RUNNABLE);
	if (errnum == ENOEXEC)
		return err_exit(err, err_set(err, ENOEXEC, "exec %s: exec format error", path),
			EXIT_NOT_RUNNABLE);
	return err_exit(err, err_sys(err, errnum, "exec %s", path), EXIT_NOT_RUNNABLE);
}

/* "dir/name"; an empty dir is the working directory. False when it does not fit. */
static bool join(char *ret, size_t size, const char *dir, size_t dir_len, const char *name)
{
	int n = snprintf(ret, size, "%.*s%s%s", (int)dir_len, dir, dir_len ? "/" : "./", name);

	return n > 0 && (size_t)n < size;
}

/* As execvp, over the container's PATH, and without allocating. Returns only on failure. */
static int search(struct child *c, const char *name, struct err *err)
{
	static const char fallback[] =
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *dir = strv_env_get(c->env, "PATH");
	char path[PATH_MAX], denied[PATH_MAX] = "";

	for (dir = dir ? dir : fallback; dir; dir = dir[0] ? dir + 1 : NULL) {
		size_t len = strcspn(dir, ":");
		struct stat st;

		if (join(path, sizeof(path), dir, len, name)) {
			execve(path, c->spec->argv, c->env);
			/* A directory of that name is no program: docker goes on, too. */
			if (errno == EACCES && stat(path, &st) == 0 && S_ISREG(st.st_mode))
				memcpy(denied, path, sizeof(denied));
			else if (errno == ENOENT && stat(path, &st) == 0)
				return explain(path, ENOENT, err);
			else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				return explain(path, errno, err);
		}
		dir += len;
	}
	if (denied[0])
		return explain(denied, EACCES, err);
	return err_exit(err,
		err_set(err, ENOENT, "exec: \"%s\": executable file not found in $PATH", name),
		EXIT_NOT_FOUND);
}

int child_op_exec(struct child *c, const struct plan_op *op, struct err *err)
{
	const char *name = c->spec->argv[0];

	(void)op;
	signal_unblock_all(); /* all are at their default since the clone */
	/* All are close-on-exec already; whatever a parent leaked is not. The socket is moved to 3
	 * and stays until the exec has worked. */
	if (c->sock != 3) {
		if (dup3(c->sock, 3, O_CLOEXEC) < 0)
			return err_sys(err, errno, "cannot move a descriptor");
		c->sock = 3;
	}
	if (process_close_from(4) < 0)
		return err_sys(err, errno, "cannot close descriptors");
	if (!*name)
		return err_exit(err,
			err_set(err, ENOENT, "exec: \"\": executable file not found in $PATH"),
			EXIT_NOT_FOUND);
	if (!strchr(name, '/'))
		return search(c, name, err);
	execve(name, c->spec->argv, c->env);
	return explain(name, errno, err);
}
