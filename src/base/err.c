#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(struct err) == 1024, "an error must fit one atomic pipe write");

static const char *const kind_names[] = {
	[ERR_USAGE - ERR_USAGE] = "wrong usage",
	[ERR_NOT_FOUND - ERR_USAGE] = "not found",
	[ERR_EXISTS - ERR_USAGE] = "already exists",
	[ERR_IN_USE - ERR_USAGE] = "in use",
	[ERR_AUTH - ERR_USAGE] = "authentication failed",
	[ERR_DIGEST - ERR_USAGE] = "content does not match its digest",
	[ERR_FORMAT - ERR_USAGE] = "malformed",
	[ERR_UNSUPPORTED - ERR_USAGE] = "not supported",
	[ERR_LIMIT - ERR_USAGE] = "limit exceeded",
	[ERR_NETWORK - ERR_USAGE] = "network failure",
	[ERR_DENIED - ERR_USAGE] = "denied",
	[ERR_WRONG_STATE - ERR_USAGE] = "wrong state",
	[ERR_TIMEOUT - ERR_USAGE] = "timed out",
};

const char *err_name(int kind)
{
	if (kind >= ERR_USAGE) {
		size_t i = (size_t)(kind - ERR_USAGE);

		if (i < sizeof(kind_names) / sizeof(kind_names[0]))
			return kind_names[i];
		return "unknown error";
	}
	return strerror(kind);
}

/* Text comes from images and servers as well: nothing of it may steer a terminal. */
static void make_printable(char *s)
{
	for (; *s; s++) {
		if (((unsigned char)*s < 0x20 && *s != '\n') || *s == 0x7f)
			*s = '?';
	}
}

static void finish(struct err *err, int kind)
{
	make_printable(err->msg);
	err->kind = kind;
	err->len = (uint16_t)strlen(err->msg);
}

int err_set(struct err *err, int kind, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->exit = 0;
	finish(err, kind);
	return -kind;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!err)
		return -errnum;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", err_name(errnum));
	err->exit = 0;
	finish(err, errnum);
	return -errnum;
}

int err_ctx(struct err *err, int r, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err)
		return r;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	(void)snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	finish(err, err->kind);
	return r;
}

int err_exit(struct err *err, int r, int status)
{
	if (err)
		err->exit = (uint16_t)status;
	return r;
}

int err_hint(struct err *err, int r, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!err)
		return r;
	n = strlen(err->msg);
	if (n + sizeof("\nhint: ") >= sizeof(err->msg))
		return r;
	memcpy(err->msg + n, "\nhint: ", sizeof("\nhint: "));
	n += sizeof("\nhint: ") - 1;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg + n, sizeof(err->msg) - n, fmt, ap);
	va_end(ap);
	finish(err, err->kind);
	return r;
}

void err_clear(struct err *err)
{
	err->kind = 0;
	err->exit = 0;
	err->len = 0;
	err->msg[0] = '\0';
}

void err_bug(const char *file, int line, const char *cond)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "proa: bug at %s:%d: %s\n", file, line, cond);

	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) {
		/* nobody is left to tell */
	}
	abort();
}

void err_scrub(struct err *err, int r)
{
	err->len = (uint16_t)strnlen(err->msg, sizeof(err->msg) - 1);
	err->msg[err->len] = '\0';
	err->exit = 0;
	err->kind = -r;
	for (uint16_t i = 0; i < err->len; i++)
		if ((unsigned char)err->msg[i] < ' ' && err->msg[i] != '\n')
			err->msg[i] = '?';
}
