#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys/tty.h"

static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

#define N_FATAL (sizeof(fatal) / sizeof(fatal[0]))

/* The echo first, then what the signal does anyway. */
static void on_fatal(int number)
{
	tty_restore_emergency();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void catch_fatal(struct sigaction saved[N_FATAL])
{
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_NODEFER };

	for (size_t i = 0; i < N_FATAL; i++)
		(void)sigaction(fatal[i], &action, &saved[i]);
}

static void release_fatal(const struct sigaction saved[N_FATAL])
{
	for (size_t i = 0; i < N_FATAL; i++)
		(void)sigaction(fatal[i], &saved[i], NULL);
}

static int read_line(int fd, struct buf *ret, struct err *err)
{
	char chunk[256];
	size_t start = ret->len;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		const char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read from the terminal");
		if (n == 0 && ret->len == start)
			return err_set(err, ERR_USAGE, "nothing was typed");
		/* The terminal hands out one line at most. */
		end = memchr(chunk, '\n', (size_t)n);
		buf_append(ret, chunk, end ? (size_t)(end - chunk) : (size_t)n);
		explicit_bzero(chunk, sizeof(chunk));
		if (buf_failed(ret))
			return err_set(err, ERR_LIMIT, "the line is too long");
		if (end || n == 0)
			return 0;
	}
}

/* A stop by ctrl-Z would leave the user's shell without an echo. */
static void silence(struct termios *t)
{
	t->c_lflag &= ~(tcflag_t)ECHO;
	t->c_lflag |= ECHONL | ICANON | ISIG;
	t->c_iflag |= ICRNL;
	t->c_cc[VSUSP] = _POSIX_VDISABLE;
}

static void show(const char *prompt)
{
	(void)!write(STDERR_FILENO, prompt, strlen(prompt));
}

int tty_read_line(int fd, const char *prompt, enum tty_echo echo, struct buf *ret, struct err *err)
{
	struct sigaction actions[N_FATAL];
	struct termios saved, silent;
	int r;

	if (echo == TTY_ECHO) {
		show(prompt);
		return read_line(fd, ret, err);
	}
	if (tcgetattr(fd, &saved) < 0)
		return err_sys(err, errno, "read the modes of the terminal");
	silent = saved;
	silence(&silent);
	(void)tty_remember(fd, &saved);
	catch_fatal(actions);
	/* What was typed before the prompt is no password. */
	if (tcsetattr(fd, TCSAFLUSH, &silent) < 0) {
		r = err_sys(err, errno, "switch off the terminal's echo");
	} else {
		show(prompt);
		r = read_line(fd, ret, err);
	}
	(void)tty_restore(fd, &saved);
	release_fatal(actions);
	return r;
}
