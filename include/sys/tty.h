/*
 * Terminals: size, raw mode, and getting out of it again. Nothing here keeps state between calls
 * but the one terminal that tty_set_raw changed, so that a crash can put it back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "base/buf.h"
#include "base/err.h"

struct tty_size {
	uint16_t rows, cols;
};

/* isatty, in other words: false for everything else, a closed descriptor too. */
bool tty_is_terminal(int fd);

/* -errno; a terminal that does not know its size says 0 x 0. */
int tty_get_size(int fd, struct tty_size *ret, struct err *err) must_check;
int tty_set_size(int fd, struct tty_size size, struct err *err) must_check;

/* Give `to` the size of `from`; nothing happens where one of them is no terminal. */
void tty_copy_size(int from, int to);

enum tty_raw {
	TTY_RAW,	/* bytes go through as typed, no echo, no signals from keys, and: */
	TTY_RAW_OUTPUT, /* what is written is shown as it is: the container's pty made the \r\n */
};

/*
 * Save the modes of fd into ret_saved and change them. From a background process group this stops
 * the caller by SIGTTOU as long as that is not blocked, which is what a shell's job control expects.
 */
int tty_set_raw(int fd, enum tty_raw how, struct termios *ret_saved, struct err *err) must_check;

/* Put saved modes back. Async-signal-safe; -errno. */
int tty_restore(int fd, const struct termios *saved);

/* Let tty_restore_emergency put back these modes instead of those found by tty_set_raw. */
int tty_remember(int fd, const struct termios *saved);

/*
 * The same for the terminal that tty_set_raw changed last, if any: for handlers of fatal signals.
 * Async-signal-safe, and harmless when nothing is to be done.
 */
void tty_restore_emergency(void);

/*
 * A second open file description of the terminal, FIFO or pipe behind fd, non-blocking: O_NONBLOCK
 * on an inherited descriptor would hit everybody who shares it, the user's shell first.
 * flags are O_RDONLY or O_WRONLY. -EACCES when the terminal belongs to somebody else (su).
 */
int tty_reopen(int fd, int flags, struct err *err) must_check;

/* Is the caller in the foreground process group of the terminal fd? */
bool tty_is_foreground(int fd);

/*
 * One line from a terminal, without its line break, into ret. The prompt goes to standard error,
 * once the echo is off for a secret: who answers at once is not shown. A fatal signal puts the echo
 * back before it ends us. -ERR_USAGE at the end of input before any line.
 */
enum tty_echo { TTY_ECHO, TTY_NO_ECHO };
int tty_read_line(int fd, const char *prompt, enum tty_echo echo, struct buf *ret,
	struct err *err) must_check;
