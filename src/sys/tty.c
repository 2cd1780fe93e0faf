#include "sys/tty.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * The terminal that is raw because of us, for tty_restore_emergency. Written before and after the
 * change in an order that a handler at any moment finds either nothing or something true.
 */
static struct {
	volatile int fd; /* -1 = none */
	struct termios saved;
} emergency = { .fd = -1 };

bool tty_is_terminal(int fd)
{
	struct termios t;

	return tcgetattr(fd, &t) == 0;
}

int tty_get_size(int fd, struct tty_size *ret, struct err *err)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return err_sys(err, errno, "read the size of the terminal");
	ret->rows = w.ws_row;
	ret->cols = w.ws_col;
	return 0;
}

int tty_set_size(int fd, struct tty_size size, struct err *err)
{
	struct winsize w = { .ws_row = size.rows, .ws_col = size.cols };

	if (ioctl(fd, TIOCSWINSZ, &w) < 0)
		return err_sys(err, errno, "set the size of the terminal");
	return 0;
}

void tty_copy_size(int from, int to)
{
	struct winsize w;

	if (ioctl(from, TIOCGWINSZ, &w) == 0)
		(void)ioctl(to, TIOCSWINSZ, &w);
}

/*
 * NOW, neither DRAIN nor FLUSH: what was typed ahead belongs to the program, and waiting for output
 * would wait for ever behind a ctrl-S. Output was processed when it was written, so it does not
 * matter that the modes change before it is shown. A stop in the background interrupts the call.
 */
static int set_modes(int fd, const struct termios *t)
{
	int r;

	do {
		r = tcsetattr(fd, TCSANOW, t);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int tty_set_raw(int fd, enum tty_raw how, struct termios *ret_saved, struct err *err)
{
	struct termios saved, raw;
	int r;

	if (tcgetattr(fd, &saved) < 0)
		return err_sys(err, errno, "read the modes of the terminal");
	raw = saved;
	if (how == TTY_RAW) {
		cfmakeraw(&raw);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
	} else {
		raw.c_oflag &= ~(tcflag_t)OPOST;
	}
	(void)tty_remember(fd, &saved);
	r = set_modes(fd, &raw);
	if (r < 0) {
		emergency.fd = -1;
		return err_sys(err, -r, "make the terminal raw");
	}
	*ret_saved = saved;
	return 0;
}

int tty_remember(int fd, const struct termios *saved)
{
	emergency.fd = -1;
	emergency.saved = *saved;
	emergency.fd = fd;
	return 0;
}

int tty_restore(int fd, const struct termios *saved)
{
	int r = set_modes(fd, saved);

	if (fd == emergency.fd)
		emergency.fd = -1;
	return r;
}

void tty_restore_emergency(void)
{
	int fd = emergency.fd;

	if (fd >= 0) {
		emergency.fd = -1;
		(void)tcsetattr(fd, TCSANOW, &emergency.saved);
	}
}

int tty_reopen(int fd, int flags, struct err *err)
{
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (r < 0)
		return err_sys(err, errno, "reopen the terminal");
	return r;
}

bool tty_is_foreground(int fd)
{
	return tcgetpgrp(fd) == getpgrp();
}
