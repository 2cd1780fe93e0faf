/* Progress on a pipe, and on a terminal of a given size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/progress.h"

/* What has been written to the other end so far; the caller's buffer. */
static const char *read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (n < size - 1 && (got = read(fd, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	return text;
}

static void two_layers(int fd, enum progress_flags flags)
{
	AUTO(progress) struct progress *p = progress_new(fd, flags);
	unsigned a, b;

	progress_line(p, "12: Pulling from %s", "library/debian");
	a = progress_add(p, "aaaaaaaaaaaa");
	b = progress_add(p, "bbbbbbbbbbbb");
	progress_state(p, b, "Already exists");
	for (uint64_t i = 0; i <= 10; i++)
		progress_set(p, a, "Downloading", i * 100000, 1000000);
	progress_set(p, a, "Extracting", 5, 0);
	progress_done(p, a, "Pull complete");
	progress_done(p, b, "Already exists");
}

static void plain_lines_on_a_pipe(void **state)
{
	char text[4096];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	two_layers(ends[1], 0);
	assert_string_equal(read_all(ends[0], text, sizeof(text)),
		"12: Pulling from library/debian\n"
		"bbbbbbbbbbbb: Already exists\n"
		"aaaaaaaaaaaa: Downloading 1MB\n"
		"aaaaaaaaaaaa: Extracting\n"
		"aaaaaaaaaaaa: Pull complete\n");
	two_layers(ends[1], PROGRESS_QUIET);
	assert_string_equal(read_all(ends[0], text, sizeof(text)), "");
	close(ends[0]);
	close(ends[1]);
}

/* The longest line, without escape sequences. */
static size_t longest_line(const char *text)
{
	size_t longest = 0, column = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '\033') {
			c += strcspn(c, "ABCDHJKhlm");
			continue;
		}
		column = *c == '\n' || *c == '\r' ? 0 : column + 1;
		if (column > longest)
			longest = column;
	}
	return longest;
}

static void lines_fit_the_terminal(void **state)
{
	static const unsigned short widths[] = { 20, 30, 40, 80, 200 };
	static char text[65536];

	(void)state;
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct winsize size = { .ws_row = 24, .ws_col = widths[i] };
		autofd int leader = -EBADF;
		autofd int terminal = -EBADF;
		int l, t;

		assert_int_equal(openpty(&l, &t, NULL, NULL, &size), 0);
		leader = l;
		terminal = t;
		two_layers(terminal, 0);
		read_all(leader, text, sizeof(text));
		assert_true(longest_line(text) < widths[i] || widths[i] < 32);
		assert_non_null(strstr(
			text, widths[i] > 30 ? "aaaaaaaaaaaa: Pull complete" : "aaaaaaaaaaaa: "));
		/* The cursor is shown again at the end of what was drawn. */
		assert_string_equal(text + strlen(text) - strlen("\033[?25h"), "\033[?25h");
	}
}

static void a_dumb_terminal_gets_plain_lines(void **state)
{
	static char text[65536];
	autofd int leader = -EBADF;
	autofd int terminal = -EBADF;
	int l, t;

	(void)state;
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	assert_int_equal(openpty(&l, &t, NULL, NULL, NULL), 0);
	leader = l;
	terminal = t;
	two_layers(terminal, 0);
	read_all(leader, text, sizeof(text));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "aaaaaaaaaaaa: Downloading 1MB\r\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines_on_a_pipe),
		cmocka_unit_test(lines_fit_the_terminal),
		cmocka_unit_test(a_dumb_terminal_gets_plain_lines),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
