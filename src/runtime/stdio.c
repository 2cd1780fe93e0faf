#include "runtime/stdio.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/tty.h"

#define FIRST_FREE 3 /* copies are kept away from 0, 1 and 2 */

/* The container's end and ours; ours does not block, it is polled. */
static int make_pipe(struct stdio *io, int i, struct err *err)
{
	int ends[2], ours;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	io->child_fd[i] = i == STDIN_FILENO ? ends[0] : ends[1];
	ours = i == STDIN_FILENO ? ends[1] : ends[0];
	io->our_fd[i] = ours;
	io->fresh[i] = true;
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "make a pipe non-blocking");
	return 0;
}

/*
 * Terminals, for safety. Sockets and other people's pipes (su, sudo or a runner made them), because
 * the container's user could not open them again as /dev/stdout, as programs do that log there.
 */
static bool needs_pipe(int i)
{
	struct stat st;

	if (tty_is_terminal(i))
		return true;
	if (fstat(i, &st) < 0)
		return false;
	if (S_ISSOCK(st.st_mode))
		return true;
	return S_ISFIFO(st.st_mode) && geteuid() != 0 && st.st_uid != geteuid();
}

static int give(struct stdio *io, int i, struct err *err)
{
	if (needs_pipe(i))
		return make_pipe(io, i, err);
	io->child_fd[i] = fcntl(i, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (io->child_fd[i] < 0)
		return err_sys(err, errno, "copy descriptor %d", i);
	return 0;
}

int stdio_open(unsigned flags, struct stdio *ret, struct err *err)
{
	AUTO(stdio) struct stdio io = STDIO_INIT;
	int r = 0;

	io.flags = flags;
	if (flags & STDIO_TTY) {
		if ((flags & STDIO_INTERACTIVE) && !tty_is_terminal(STDIN_FILENO))
			return err_set(err, ERR_USAGE, "the input device is not a TTY");
		*ret = io;
		return 0;
	}
	for (int i = flags & STDIO_INTERACTIVE ? 0 : 1; i <= STDERR_FILENO && r == 0; i++)
		r = give(&io, i, err);
	if (r < 0)
		return r;
	*ret = io;
	io = (struct stdio)STDIO_INIT;
	return 0;
}

void stdio_child_started(struct stdio *io)
{
	for (int i = 0; i <= STDERR_FILENO; i++)
		io->child_fd[i] = fd_close(io->child_fd[i]);
}

void stdio_done(struct stdio *io)
{
	stdio_child_started(io);
	for (int i = 0; i <= STDERR_FILENO; i++)
		io->our_fd[i] = fd_close(io->our_fd[i]);
}
