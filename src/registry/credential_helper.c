#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strv.h"
#include "registry/credentials.h"
#include "registry/credentials_priv.h"
#include "sys/clone.h"
#include "sys/file.h"
#include "sys/spawn.h"

#define HELPER_SECONDS 30
#define OUTPUT_MAX     (64 * 1024)

extern char **environ;

/* The name becomes part of a program's name: nothing that could make it a path. */
static bool name_is_plain(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-") == strlen(name);
}

/* Absolute entries of PATH only. The caller owns the result. */
static char *find_program(const char *program)
{
	const char *path = getenv("PATH");
	AUTO(strv) char **dirs = strv_split(path ? path : "/usr/local/bin:/usr/bin:/bin", ':');

	STRV_FOREACH (dir, dirs) {
		autofree char *full = xasprintf("%s/%s", dir, program);

		if (dir[0] == '/' && access(full, X_OK) == 0)
			return TAKE_PTR(full);
	}
	return NULL;
}

/* Everything the helper prints, until it closes its output or its time is over. */
static int read_output(int fd, const char *program, struct buf *out, struct err *err)
{
	int64_t end = clock_boottime_ns() + HELPER_SECONDS * NSEC_PER_SEC;
	char chunk[4096];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = (end - clock_boottime_ns()) / 1000000;
		ssize_t n;

		if (left <= 0)
			return err_set(err, ERR_TIMEOUT, "%s: no answer after %d s", program,
				HELPER_SECONDS);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = file_read(fd, chunk, sizeof(chunk), err);
		if (n <= 0)
			return (int)n;
		buf_append(out, chunk, (size_t)n);
		explicit_bzero(chunk, sizeof(chunk));
		if (buf_failed(out))
			return err_set(err, ERR_LIMIT, "%s: its answer is too long", program);
	}
}

/* Both ends of a pipe; CLOEXEC. */
struct pipe_pair {
	int read, write;
};

static void pipe_pair_done(struct pipe_pair *p)
{
	p->read = fd_close(p->read);
	p->write = fd_close(p->write);
}
DEFINE_AUTO(pipe_pair, struct pipe_pair, pipe_pair_done)

static int make_pipe(struct pipe_pair *ret, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	*ret = (struct pipe_pair){ .read = fds[0], .write = fds[1] };
	return 0;
}

/* One call of the protocol. The answer's text goes to `out`. */
struct call {
	const char *name; /* the helper's, without its prefix */
	const char *verb;
	const char *input;
	struct buf *out;
};

/*
 * The input is written before anybody reads, so that a helper that does not read cannot end us by
 * SIGPIPE; a pipe holds far more than any credential.
 */
static int write_input(const struct pipe_pair *in, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (fcntl(in->write, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, errno, "fcntl");
	if (write(in->write, text, len) != (ssize_t)len)
		return err_set(err, ERR_LIMIT, "the credential is too long for a pipe");
	return 0;
}

static int run_helper(const char *path, const char *program, const struct call *c, struct err *err)
{
	AUTO(pipe_pair) struct pipe_pair in = { -EBADF, -EBADF }, output = { -EBADF, -EBADF };
	char *const argv[] = { (char *)program, (char *)c->verb, NULL };
	struct spawn_request req = SPAWN_REQUEST_INIT;
	autofd int pidfd = -EBADF;
	int r, w, status = 0;
	pid_t pid;

	r = make_pipe(&in, err);
	if (r >= 0)
		r = make_pipe(&output, err);
	if (r >= 0)
		r = write_input(&in, c->input, err);
	if (r < 0)
		return r;
	in.write = fd_close(in.write);
	req.path = path;
	req.argv = argv;
	req.env = environ;
	req.stdin_fd = in.read;
	req.stdout_fd = output.write;
	req.stderr_fd = STDERR_FILENO;
	r = spawn_start(&req, &pid, &pidfd, err);
	if (r < 0)
		return err_ctx(err, r, "%s", program);
	output.write = fd_close(output.write);
	r = read_output(output.read, program, c->out, err);
	if (r < 0)
		(void)pidfd_signal(pidfd, SIGKILL);
	w = pidfd_wait(pidfd, false, &status);
	if (r < 0)
		return r;
	if (w < 0)
		return err_sys(err, -w, "wait for %s", program);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Its exit status, or what kept it from running. */
static int call(const struct call *c, struct err *err)
{
	autofree char *program = xasprintf("docker-credential-%s", c->name);
	autofree char *path = NULL;

	if (!name_is_plain(c->name))
		return err_set(err, ERR_FORMAT, "bad credential helper name");
	path = find_program(program);
	credential_room(c->out, OUTPUT_MAX);
	if (!path)
		return err_set(err, ERR_NOT_FOUND, "%s: not found in PATH", program);
	return run_helper(path, program, c, err);
}

static int name_it(const char *name, int r, struct err *err)
{
	return r < 0 && r != -ERR_NOT_FOUND ? err_ctx(err, r, "docker-credential-%s", name) : r;
}

static void wipe(struct buf *out)
{
	if (out->data)
		explicit_bzero(out->data, out->cap);
}

int credentials_ask_helper(
	const char *name, const char *server, struct auth_credential *ret, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct call c = { .name = name, .verb = "get", .input = server, .out = &out };
	int r = call(&c, err);

	if (r >= 0)
		r = auth_helper_parse(buf_str(&out), out.len, r, ret, err);
	wipe(&out);
	return name_it(name, r, err);
}

int credentials_helper_store(
	const char *name, const char *server, const struct auth_credential *c, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(OUTPUT_MAX);
	char *text = auth_helper_store_text(server, c);
	struct call store = { .name = name, .verb = "store", .input = text, .out = &out };
	int r = call(&store, err);

	explicit_bzero(text, strlen(text));
	free(text);
	if (r >= 0)
		r = auth_helper_done_parse(buf_str(&out), out.len, r, err);
	wipe(&out);
	return name_it(name, r, err);
}

int credentials_helper_erase(const char *name, const char *server, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct call c = { .name = name, .verb = "erase", .input = server, .out = &out };
	int r = call(&c, err);

	if (r >= 0)
		r = auth_helper_done_parse(buf_str(&out), out.len, r, err);
	return name_it(name, r, err);
}

int credentials_helper_list(const char *name, char ***ret, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(OUTPUT_MAX);
	struct call c = { .name = name, .verb = "list", .input = "", .out = &out };
	int r = call(&c, err);

	if (r >= 0)
		r = auth_helper_list_parse(buf_str(&out), out.len, r, ret, err);
	return name_it(name, r, err);
}
