#include "runtime/probe.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "runtime/probe_priv.h"
#include "sys/mount.h"
#include "sys/signal.h"

#define TIMEOUT_MS 5000
#define LINE_SIZE  256

static void set_text(char *dst, size_t size, const char *fmt, va_list ap) format_printf(3, 0);
static void set_text(char *dst, size_t size, const char *fmt, va_list ap)
{
	(void)vsnprintf(dst, size, fmt, ap);
}

#define SET_TEXT(field)                                    \
	do {                                               \
		va_list ap;                                \
		va_start(ap, fmt);                         \
		set_text((field), sizeof(field), fmt, ap); \
		va_end(ap);                                \
	} while (0)

void probe_detail(struct probe_result *r, const char *fmt, ...)
{
	SET_TEXT(r->detail);
}

void probe_degraded(struct probe_result *r, const char *fmt, ...)
{
	r->state = PROBE_DEGRADED;
	SET_TEXT(r->instead);
}

void probe_missing(struct probe_result *r, const char *fmt, ...)
{
	r->state = PROBE_MISSING;
	SET_TEXT(r->instead);
}

void probe_fix(struct probe_result *r, const char *fmt, ...)
{
	SET_TEXT(r->fix);
}

void probe_call(struct probe_result *r, int errnum, const char *call)
{
	r->errnum = errnum;
	(void)snprintf(r->call, sizeof(r->call), "%s", call);
	if (!*r->detail)
		probe_detail(r, "%s: %s", call, err_name(errnum));
}

bool probe_read_line(const char *path, char *ret, size_t size)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;

	if (n < 0)
		return false;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

bool probe_read_number(const char *path, int64_t *ret)
{
	char line[LINE_SIZE];

	if (!probe_read_line(path, line, sizeof(line)))
		return false;
	line[strcspn(line, " \t")] = '\0';
	return parse_i64(line, INT64_MIN, INT64_MAX, ret, NULL) == 0;
}

static int write_file(const char *path, const char *text)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static int write_single_map(uid_t uid, gid_t gid)
{
	char line[64];
	int r = write_file("/proc/self/setgroups", "deny");

	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "0 %u 1\n", (unsigned)uid);
	r = write_file("/proc/self/uid_map", line);
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "0 %u 1\n", (unsigned)gid);
	return write_file("/proc/self/gid_map", line);
}

int probe_unshare(int namespaces)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid != 0)
		namespaces |= CLONE_NEWUSER;
	if (unshare(namespaces) < 0)
		return -errno;
	if (namespaces & CLONE_NEWUSER) {
		int r = write_single_map(uid, gid);

		if (r < 0)
			return r;
	}
	return namespaces & CLONE_NEWNS ? mount_set_propagation("/", MS_PRIVATE) : 0;
}

static void child_main(const struct probe *p, const struct probe_env *env, int fd)
{
	struct probe_result r = { .state = PROBE_OK };
	const struct rlimit no_core = { 0, 0 };

	signal_reset_all();
	(void)setrlimit(RLIMIT_CORE, &no_core);
	p->run(env, &r);
	_exit(write(fd, &r, sizeof(r)) == (ssize_t)sizeof(r) ? 0 : 1);
}

/* The whole result or nothing: it is written at once. */
static bool receive(int fd, struct probe_result *ret)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		n = poll(&p, 1, TIMEOUT_MS);
	} while (n < 0 && errno == EINTR);
	return n > 0 && read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

_Static_assert(sizeof(struct probe_result) <= 4096, "one write to a pipe has to be atomic");

void probe_run(const struct probe *p, const struct probe_env *env, struct probe_result *ret)
{
	int ends[2];
	pid_t pid;

	*ret = (struct probe_result){ .state = PROBE_OK };
	if (pipe2(ends, O_CLOEXEC) < 0) {
		probe_missing(ret, "nothing was tried");
		probe_call(ret, errno, "pipe");
		return;
	}
	pid = fork();
	if (pid == 0)
		child_main(p, env, ends[1]);
	(void)fd_close(ends[1]);
	if (pid < 0) {
		probe_missing(ret, "nothing was tried");
		probe_call(ret, errno, "fork");
	} else if (!receive(ends[0], ret)) {
		*ret = (struct probe_result){ .state = PROBE_MISSING };
		probe_detail(ret, "trying it crashed or took over %d s", TIMEOUT_MS / 1000);
	}
	(void)fd_close(ends[0]);
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		reap(pid);
	}
}

const char *probe_state_name(enum probe_state s)
{
	switch (s) {
	case PROBE_OK:
		return "ok";
	case PROBE_DEGRADED:
		return "degraded";
	case PROBE_MISSING:
		return "missing";
	}
	return "missing";
}

const struct probe *probe_at(size_t index)
{
	static const struct probe *const tables[] = { probes_kernel, probes_storage, probes_host };

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (const struct probe *p = tables[t]; p->name; p++) {
			if (index-- == 0)
				return p;
		}
	}
	return NULL;
}
