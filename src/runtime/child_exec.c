/*
 * The last step: find the program inside the container and become it.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/platform.h"
#include "runtime/child_priv.h"
#include "sys/process.h"
#include "sys/signal.h"

#define K_EM_LOONGARCH 258 /* younger than some headers */

#define EXIT_NOT_FOUND	  127
#define EXIT_NOT_RUNNABLE 126

/* What an ELF header says about its processor, in the words of --platform; NULL = none of these. */
static const char *elf_processor(const char *path)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} known[] = { { EM_X86_64, "amd64" }, { EM_AARCH64, "arm64" }, { EM_ARM, "arm" },
		{ EM_386, "386" }, { EM_RISCV, "riscv64" }, { EM_PPC64, "ppc64le" },
		{ EM_S390, "s390x" }, { EM_MIPS, "mips64le" }, { K_EM_LOONGARCH, "loong64" } };
	autofd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	unsigned char head[20];
	unsigned machine;

	if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		memcmp(head, ELFMAG, SELFMAG) != 0)
		return NULL;
	machine = head[EI_DATA] == ELFDATA2MSB ? (unsigned)head[18] << 8 | head[19]
					       : (unsigned)head[19] << 8 | head[18];
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].machine == machine)
			return known[i].name;
	return NULL;
}

static int explain_format(const char *path, struct err *err)
{
	const char *theirs = elf_processor(path);
	struct platform ours;
	int r = err_set(err, ENOEXEC, "exec %s: exec format error", path);

	platform_host(&ours);
	if (theirs && !str_eq(theirs, ours.architecture))
		r = err_hint(err, r,
			"it is a program for %s, and this machine is %s: is the image of another "
			"platform?",
			theirs, ours.architecture);
	else if (!theirs)
		r = err_hint(err, r, "it is neither a program nor a script that begins with #!");
	return err_exit(err, r, EXIT_NOT_RUNNABLE);
}

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
		return explain_format(path, err);
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
