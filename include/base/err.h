/*
 * Errors as plain values.
 *
 * Every fallible function returns int: >= 0 is success (or a count), < 0 is -kind. It takes
 * `struct err *err` last; NULL means that the text is not wanted (undo paths pass NULL, so that
 * they cannot overwrite the cause). The kind is an errno, or one of the codes below, which start
 * at 4096, above every errno. Decide on the return value, show the message.
 *
 * A struct err owns nothing: it can be copied, returned through a pipe in one atomic write
 * (sizeof is 1,024, below PIPE_BUF) and thrown away. main() prints it once; nobody else does.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>

enum err_kind {
	ERR_USAGE = 4096, /* the command line is wrong */
	ERR_NOT_FOUND,	  /* image, container, manifest ... by that name does not exist */
	ERR_EXISTS,	  /* the name is taken */
	ERR_IN_USE,	  /* image or container is used by something that is named */
	ERR_AUTH,	  /* credentials missing or refused */
	ERR_DIGEST,	  /* bytes do not match their digest or size */
	ERR_FORMAT,	  /* malformed input: manifest, archive, reference, number */
	ERR_UNSUPPORTED,  /* understood, and not possible here; the message names the reason */
	ERR_LIMIT,	  /* a budget of ours was exceeded */
	ERR_NETWORK,	  /* transfer failed after its retries */
	ERR_DENIED,	  /* policy refuses: blocked registry, path outside a root ... */
	ERR_WRONG_STATE,  /* the object's state does not allow it (container is running ...) */
	ERR_TIMEOUT,
};

struct err {
	int32_t kind;	/* errno or enum err_kind, 0 while unset */
	uint16_t exit;	/* exit status wanted (126, 127 ...), 0 = decided by main */
	uint16_t len;	/* strlen(msg) */
	char msg[1016]; /* one line, no trailing newline; control characters are replaced by '?' */
};

#define must_check	    __attribute__((warn_unused_result))
#define format_printf(f, a) __attribute__((format(printf, f, a)))

/* Each of these fills err (when not NULL) and returns -kind, for `return err_set(...)`. */

/* A failure that is not a system call's. */
int err_set(struct err *err, int kind, const char *fmt, ...) format_printf(3, 4);

/* A system call's failure: "<text>: <strerror(errnum)>". errnum is positive. */
int err_sys(struct err *err, int errnum, const char *fmt, ...) format_printf(3, 4);

/* Put "<text>: " before the message that err already holds; returns r (the failure) unchanged. */
int err_ctx(struct err *err, int r, const char *fmt, ...) format_printf(3, 4);

/* Ask main() for this exit status; returns r unchanged. */
int err_exit(struct err *err, int r, int status);

/* Append a line break and "hint: <text>", a cure that the user can apply; returns r unchanged. */
int err_hint(struct err *err, int r, const char *fmt, ...) format_printf(3, 4);

/* As before the first use: no kind, no text. */
void err_clear(struct err *err);

/*
 * Make fit for use what a process that read hostile bytes has written over *err: bounded, printable,
 * without a wish for an exit status. r is the failure it goes with.
 */
void err_scrub(struct err *err, int r);

/* Text of an errno or kind, never NULL; async-signal-safe. */
const char *err_name(int kind);

/* A bug, not an error: prints file and line, exits by abort(). */
#define assert_that(cond) ((cond) ? (void)0 : err_bug(__FILE__, __LINE__, #cond))
void err_bug(const char *file, int line, const char *cond) __attribute__((noreturn));
