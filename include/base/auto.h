/*
 * Scope cleanup: what a block owns is released when the block is left, on every path.
 *
 *	autofd int fd = -EBADF;
 *	autofree char *p = NULL;
 *	AUTO(buf) struct buf b = BUF_INIT(4096);
 *
 * AUTO(x) calls x_autop(&variable); each module that has a destructor defines its own with
 * DEFINE_AUTO (values) or DEFINE_AUTO_PTR (pointers). Ownership leaves by TAKE_PTR or TAKE_FD.
 * close() is never retried: on Linux the descriptor is gone whatever it returned.
 */
#pragma once

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(name) __attribute__((cleanup(name##_autop)))

/* The value passes to the caller; the variable no longer owns it. */
#define TAKE_PTR(p)                        \
	({                                 \
		__typeof__(p) _take = (p); \
		(p) = NULL;                \
		_take;                     \
	})
#define TAKE_FD(fd)               \
	({                        \
		int _take = (fd); \
		(fd) = -EBADF;    \
		_take;            \
	})

/* For a struct with `void x_free(struct x *)`: AUTO(x) struct x *p = NULL; */
#define DEFINE_AUTO_PTR(name, type, destroy)      \
	static inline void name##_autop(type **p) \
	{                                         \
		if (*p)                           \
			destroy(*p);              \
	}

/* For a value with `void x_done(struct x *)`: AUTO(x) struct x v = ...; */
#define DEFINE_AUTO(name, type, destroy)         \
	static inline void name##_autop(type *p) \
	{                                        \
		destroy(p);                      \
	}

static inline void free_autop(void *p)
{
	free(*(void **)p);
}
#define autofree AUTO(free)

/* Close fd if it is one; keeps errno. Returns -EBADF for `fd = fd_close(fd)`. */
static inline int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -EBADF;
}

static inline void fd_autop(int *fd)
{
	(void)fd_close(*fd);
}
#define autofd AUTO(fd)
