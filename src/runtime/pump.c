#include "runtime/pump.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "sys/tty.h"

void pump_open(struct pump *p, int *in, int *out, unsigned flags)
{
	p->in = in;
	p->out = out;
	p->flags = flags;
	p->in_again = p->out_again = -EBADF;
	p->in_ended = *in < 0;
	p->out_ended = *out < 0;
	p->paused = false;
	p->start = p->len = 0;
	if ((flags & PUMP_IN_INHERITED) && tty_is_terminal(*in))
		p->in_again = tty_reopen(*in, O_RDONLY, NULL);
	if ((flags & PUMP_OUT_INHERITED) && tty_is_terminal(*out))
		p->out_again = tty_reopen(*out, O_WRONLY, NULL);
	p->write_max = (flags & PUMP_OUT_INHERITED) && p->out_again < 0 ? PIPE_BUF : PUMP_SIZE;
}

void pump_done(struct pump *p)
{
	p->in_again = fd_close(p->in_again);
	p->out_again = fd_close(p->out_again);
}

static int in_fd(const struct pump *p)
{
	return p->in_again >= 0 ? p->in_again : *p->in;
}

static int out_fd(const struct pump *p)
{
	return p->out_again >= 0 ? p->out_again : *p->out;
}

bool pump_is_empty(const struct pump *p)
{
	return p->len == 0 || p->out_ended;
}

bool pump_is_finished(const struct pump *p)
{
	return p->in_ended && pump_is_empty(p);
}

/* A dead reader does not stop us from reading a pty: its programs would block. */
void pump_want(const struct pump *p, struct pollfd fds[2])
{
	bool room = p->len == 0 || p->start + p->len < PUMP_SIZE;

	fds[0] = (struct pollfd){ .fd = -1, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = -1, .events = POLLOUT };
	if (!p->in_ended && !p->paused && room)
		fds[0].fd = in_fd(p);
	if (!pump_is_empty(p))
		fds[1].fd = out_fd(p);
}

static void end_out(struct pump *p)
{
	p->out_ended = true;
	p->len = 0;
	if (p->flags & PUMP_CLOSE_OUT)
		*p->out = fd_close(*p->out);
	if (p->flags & PUMP_CLOSE_IN) {
		p->in_ended = true;
		*p->in = fd_close(*p->in);
	}
}

static void end_in(struct pump *p)
{
	p->in_ended = true;
	if (pump_is_empty(p) && !p->out_ended && (p->flags & PUMP_CLOSE_OUT))
		end_out(p);
}

static void read_some(struct pump *p)
{
	ssize_t n;

	if (p->len == 0)
		p->start = 0;
	n = read(in_fd(p), p->data + p->start + p->len, PUMP_SIZE - p->start - p->len);
	if (n > 0) {
		if (!p->out_ended)
			p->len += (size_t)n;
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno == EIO && (p->flags & PUMP_FROM_PTY))
		p->paused = true;
	else
		end_in(p);
}

static void write_some(struct pump *p)
{
	size_t most = p->len < p->write_max ? p->len : p->write_max;
	ssize_t n = write(out_fd(p), p->data + p->start, most);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end_out(p);
		return;
	}
	p->start += (size_t)n;
	p->len -= (size_t)n;
	if (p->len == 0 && p->in_ended)
		end_in(p);
}

void pump_run(struct pump *p, const struct pollfd fds[2])
{
	if (fds[1].fd >= 0 && fds[1].revents)
		write_some(p);
	if (fds[0].fd >= 0 && fds[0].revents && !p->in_ended)
		read_some(p);
}
