#include "cmd/short_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/strv.h"
#include "sys/tty.h"

#define ANSWER_MAX 64

static int refuse(const char *typed, const struct short_name *s, struct err *err)
{
	autofree char *list = strv_join(s->candidates, ", ");
	int r = err_set(err, ERR_USAGE,
		"short name \"%s\" may be several images and there is no terminal to ask on "
		"(short-name-mode is enforcing)",
		typed);

	return err_hint(err, r, "write the full name: %s", list);
}

static void keep_only(struct short_name *s, size_t chosen)
{
	char **one = NULL;

	strv_push(&one, s->candidates[chosen]);
	strv_free(s->candidates);
	s->candidates = one;
}

static int ask(const char *typed, struct short_name *s, struct err *err)
{
	size_t n = strv_len(s->candidates);
	autofree char *prompt = xasprintf("Which one (1-%zu)? ", n);
	uint64_t chosen = 0;

	fprintf(stderr, "%s may be one of these images:\n", typed);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "  %zu  %s\n", i + 1, s->candidates[i]);
	while (chosen < 1) {
		AUTO(buf) struct buf answer = BUF_INIT(ANSWER_MAX);
		int r;

		r = tty_read_line(STDIN_FILENO, prompt, TTY_ECHO, &answer, err);
		if (r < 0)
			return r;
		(void)!parse_u64(buf_str(&answer), n, &chosen, NULL);
	}
	keep_only(s, (size_t)chosen - 1);
	return 0;
}

int short_name_settle(const char *typed, struct short_name *s, struct err *err)
{
	if (!s->ambiguous)
		return 0;
	if (tty_is_terminal(STDIN_FILENO) && tty_is_terminal(STDOUT_FILENO))
		return ask(typed, s, err);
	return s->enforcing ? refuse(typed, s, err) : 0;
}
