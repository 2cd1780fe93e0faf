#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define BUF_FIRST_SIZE 64
#define BUF_READ_SIZE  4096

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT(b->max);
}

/* Room for `more` bytes and the NUL; false, and the failed mark, when that is past the maximum. */
static bool reserve(struct buf *b, size_t more)
{
	size_t want, cap;

	if (b->failed || more > b->max - b->len) {
		b->failed = true;
		return false;
	}
	want = b->len + more + 1;
	if (want <= b->cap)
		return true;
	cap = b->cap ? b->cap : BUF_FIRST_SIZE;
	while (cap < want)
		cap *= 2;
	b->data = xrealloc_array(b->data, cap, 1);
	b->cap = cap;
	return true;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	assert_that(n >= 0);
	if (reserve(b, (size_t)n)) {
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_truncate(struct buf *b, size_t len)
{
	assert_that(len <= b->len);
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *p = b->data ? b->data : xstrdup("");

	b->data = NULL;
	buf_done(b);
	return p;
}

int buf_read_fd(struct buf *b, int fd, struct err *err)
{
	for (;;) {
		char chunk[BUF_READ_SIZE];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return 0;
		buf_append(b, chunk, (size_t)n);
		if (b->failed)
			return err_set(err, ERR_LIMIT, "more than %zu bytes", b->max);
	}
}
