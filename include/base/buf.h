/*
 * A growing byte string with a maximum, always NUL-terminated behind its length.
 *
 *	AUTO(buf) struct buf b = BUF_INIT(64 * 1024);
 *	buf_printf(&b, "%s=%d", key, n);
 *	if (buf_failed(&b)) ...			once, at the end
 *	return buf_take(&b);
 *
 * Appending past the maximum adds nothing and marks the buffer as failed: check once at the end.
 * The buffer owns its memory; buf_take hands it over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

struct buf {
	char *data;  /* NULL until the first append */
	size_t len;  /* bytes, without the NUL */
	size_t cap;  /* allocated */
	size_t max;  /* longest len allowed */
	bool failed; /* an append did not fit */
};

#define BUF_INIT(maximum)        \
	{                        \
		.max = (maximum) \
	}

void buf_done(struct buf *b);
DEFINE_AUTO(buf, struct buf, buf_done)

/* Append bytes, a string, a character, formatted text; past the maximum nothing is added. */
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) format_printf(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) format_printf(2, 0);

/* Keep the memory, drop the content and the failed mark. */
void buf_reset(struct buf *b);

/* Shorten to len bytes. */
void buf_truncate(struct buf *b, size_t len);

/* Content as a C string, "" when empty; valid until the next append. */
const char *buf_str(const struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

/* The content, owned by the caller (never NULL); the buffer is empty afterwards. */
char *buf_take(struct buf *b) must_check;

/* Append everything that fd has until its end. -ERR_LIMIT past the maximum; errno of read(2). */
int buf_read_fd(struct buf *b, int fd, struct err *err) must_check;
