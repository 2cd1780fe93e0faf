#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

#define LOG_LINE_MAX 65536

static enum log_level log_level = LOG_LEVEL_WARN;

void log_set_level(enum log_level level)
{
	log_level = level;
}

enum log_level log_get_level(void)
{
	return log_level;
}

int log_parse_level(const char *s, enum log_level *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {
		{ "error", LOG_LEVEL_ERROR },
		{ "fatal", LOG_LEVEL_ERROR },
		{ "warn", LOG_LEVEL_WARN },
		{ "warning", LOG_LEVEL_WARN },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
		{ "trace", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_eq_nocase(s, names[i].name)) {
			*ret = names[i].level;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "log level \"%s\" is none of error, warn, info, debug", s);
}

/* One write for a line, so that lines of several processes do not mix. */
static void emit(const char *prefix, const char *fmt, va_list ap) format_printf(2, 0);
static void emit(const char *prefix, const char *fmt, va_list ap)
{
	AUTO(buf) struct buf b = BUF_INIT(LOG_LINE_MAX);
	int saved = errno;

	buf_puts(&b, prefix);
	buf_vprintf(&b, fmt, ap);
	for (size_t i = 0; i < b.len; i++) {
		if (((unsigned char)b.data[i] < 0x20 && b.data[i] != '\n') || b.data[i] == 0x7f)
			b.data[i] = '?';
	}
	buf_putc(&b, '\n');
	if (write(STDERR_FILENO, b.data, b.len) < 0) {
		/* standard error is closed or full: there is no other place to say so */
	}
	errno = saved;
}

#define DEFINE_LOG(name, min, prefix)   \
	void name(const char *fmt, ...) \
	{                               \
		va_list ap;             \
                                        \
		if (log_level < (min))  \
			return;         \
		va_start(ap, fmt);      \
		emit(prefix, fmt, ap);  \
		va_end(ap);             \
	}

DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG, "proa: debug: ")
DEFINE_LOG(log_info, LOG_LEVEL_INFO, "proa: ")
DEFINE_LOG(log_warn, LOG_LEVEL_WARN, "proa: warning: ")
DEFINE_LOG(log_error, LOG_LEVEL_ERROR, "proa: ")
