#include "image/unpack.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "image/unpack_priv.h"
#include "sys/process.h"
#include "sys/sandbox.h"
#include "userns/userns.h"

#define DEFAULT_ENTRIES	    1000000
#define DEFAULT_BYTES	    (64ULL << 30)
#define DEFAULT_RATIO_FLOOR (4ULL << 30)

struct unpack {
	pid_t pid;
	int feed_fd;   /* ours of the socket pair */
	int report_fd; /* read end */
	int digest_fd; /* read end */
	uint64_t total;
	bool ended;
};

/* What the new process has to arrange before it becomes the extractor. */
struct launch {
	int *fds; /* in the order of enum extract_fd, lower layers last */
	size_t n;
	int report_fd;
};

static const struct {
	unsigned bit;
	const char *text;
} warnings[] = {
	{ UNPACK_WARN_TRAILING, "there are bytes behind the end of the archive" },
	{ UNPACK_WARN_DEVICES, "device nodes were left out: they cannot be made here" },
	{ UNPACK_WARN_FORGED, "a device 0:0 was left out: it would delete files of other layers" },
	{ UNPACK_WARN_XATTRS, "the file system refused extended attributes" },
	{ UNPACK_WARN_XATTRS_DROPPED, "extended attributes that are the host's own were left out" },
	{ UNPACK_WARN_OWNERS, "all files belong to one user here; true owners were recorded" },
	{ UNPACK_WARN_RATIO, "the layer is compressed more than 200 : 1" },
	{ UNPACK_WARN_NO_LANDLOCK,
		"the kernel has no Landlock: one wall less around the extractor" },
};
_Static_assert(sizeof(warnings) / sizeof(warnings[0]) == UNPACK_WARNINGS, "one text for each");

const char *unpack_warning_text(unsigned bit)
{
	for (size_t i = 0; i < UNPACK_WARNINGS; i++)
		if (warnings[i].bit == bit)
			return warnings[i].text;
	return NULL;
}

/* --- the child until its exec ------------------------------------------------------------- */

static int launch_fail(const struct launch *l, int errnum, const char *what)
{
	struct extract_report rep = { .magic = EXTRACT_MAGIC };

	rep.r = err_sys(&rep.err, errnum, "%s", what);
	(void)!write(l->report_fd, &rep, sizeof(rep));
	return 127;
}

/* Move each descriptor to its number, by way of numbers that no other one has. */
static int place_fds(const struct launch *l)
{
	int base = EXTRACT_FD_BLOB + (int)l->n;

	for (size_t i = 0; i < l->n; i++) {
		l->fds[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, base);
		if (l->fds[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < l->n; i++)
		if (dup2(l->fds[i], EXTRACT_FD_BLOB + (int)i) < 0)
			return -errno;
	return process_close_from((unsigned)base);
}

static int launch_exec(void *arg)
{
	struct launch *l = arg;
	char *argv[] = { (char *)EXTRACT_ARGV0, NULL }, *env[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;

	if (null < 0)
		return launch_fail(l, errno, "open /dev/null");
	for (int fd = 0; fd < (sandbox_is_strict() ? 3 : 2); fd++)
		if (dup2(null, fd) < 0)
			return launch_fail(l, errno, "prepare the extractor");
	r = place_fds(l);
	l->report_fd = EXTRACT_FD_REPORT;
	if (r < 0)
		return launch_fail(l, -r, "prepare the extractor");
	(void)execve("/proc/self/exe", argv, env);
	return launch_fail(l, errno, "start the extractor");
}

/* --- the caller's side -------------------------------------------------------------------- */

static uint64_t or_default(uint64_t value, uint64_t standard)
{
	return value ? value : standard;
}

static int config_send(const struct unpack_args *a, int feed_fd, struct err *err)
{
	struct extract_config config = {
		.magic = EXTRACT_MAGIC,
		.map_kind = a->map->kind,
		.n_lower = (uint32_t)a->n_lower,
		.flags = a->flags,
		.uid_count = idmap_uid_count(a->map),
		.gid_count = idmap_gid_count(a->map),
		.limits = {
			.entries = or_default(a->limits.entries, DEFAULT_ENTRIES),
			.bytes = or_default(a->limits.bytes, DEFAULT_BYTES),
			.ratio_floor = or_default(a->limits.ratio_floor, DEFAULT_RATIO_FLOOR),
		},
	};

	if (send(feed_fd, &config, sizeof(config), MSG_NOSIGNAL) != sizeof(config))
		return err_sys(err, errno, "talk to the extractor");
	return 0;
}

/* The child only ever reads the blob, whatever the caller may do with it. */
static int reopen_readonly(int fd, int *ret, struct err *err)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	if (*ret < 0)
		return err_sys(err, errno, "open the blob for reading");
	return 0;
}

static int start_child(const struct unpack_args *a, int blob_fd, struct unpack *u, struct err *err)
{
	const size_t n = EXTRACT_FD_LOWER - EXTRACT_FD_BLOB + a->n_lower;
	autofree int *fds = NEW_ARRAY(int, n);
	autofd int feed = -EBADF, report = -EBADF, digest = -EBADF, null = -EBADF;
	struct launch l = { .fds = fds, .n = n };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "make a socket pair");
	u->feed_fd = pair[0];
	feed = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	u->report_fd = pair[0];
	report = pair[1];
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	u->digest_fd = pair[0];
	digest = pair[1];
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return err_sys(err, errno, "open /dev/null");
	fds[EXTRACT_FD_BLOB - EXTRACT_FD_BLOB] = blob_fd;
	fds[EXTRACT_FD_TREE - EXTRACT_FD_BLOB] = a->tree_fd;
	fds[EXTRACT_FD_FEED - EXTRACT_FD_BLOB] = feed;
	fds[EXTRACT_FD_REPORT - EXTRACT_FD_BLOB] = report;
	fds[EXTRACT_FD_DIGEST - EXTRACT_FD_BLOB] = digest;
	fds[EXTRACT_FD_OWNERS - EXTRACT_FD_BLOB] = a->owners_fd >= 0 ? a->owners_fd : null;
	for (size_t i = 0; i < a->n_lower; i++)
		fds[EXTRACT_FD_LOWER - EXTRACT_FD_BLOB + i] = a->lower_fds[i];
	l.report_fd = report;
	return userns_spawn(a->map, launch_exec, &l, &u->pid, err);
}

int unpack_start(const struct unpack_args *args, struct unpack **ret, struct err *err)
{
	AUTO(unpack) struct unpack *u = NEW(struct unpack);
	autofd int blob = -EBADF;
	int r;

	u->pid = -1;
	u->feed_fd = u->report_fd = u->digest_fd = -EBADF;
	r = reopen_readonly(args->blob_fd, &blob, err);
	if (r >= 0)
		r = start_child(args, blob, u, err);
	if (r >= 0)
		r = config_send(args, u->feed_fd, err);
	if (r < 0)
		return err_ctx(err, r, "extractor");
	*ret = TAKE_PTR(u);
	return 0;
}

static void feed_send(struct unpack *u, bool end)
{
	struct extract_feed feed = { .total = u->total, .end = end };

	/* A child that is gone has said why, or its status will. */
	(void)!send(u->feed_fd, &feed, sizeof(feed), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void unpack_more(struct unpack *u, uint64_t total)
{
	int unread = 0;

	if (u->ended || total <= u->total)
		return;
	u->total = total;
	/* One word that waits is enough, and leaves room for the last one. */
	if (ioctl(u->feed_fd, SIOCOUTQ, &unread) == 0 && unread)
		return;
	feed_send(u, false);
}

void unpack_end(struct unpack *u, uint64_t total)
{
	if (u->ended)
		return;
	u->total = total;
	u->ended = true;
	feed_send(u, true);
}

int unpack_pollfd(const struct unpack *u)
{
	return u->report_fd;
}

static int reap(struct unpack *u)
{
	int status = 0;
	pid_t r;

	if (u->pid < 0)
		return 0;
	do {
		r = waitpid(u->pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	u->pid = -1;
	return r < 0 ? 0 : status;
}

static int no_report(int status, struct err *err)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return err_set(err, EPROTO, "stopped by its system call filter");
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return err_set(err, ERR_LIMIT, "stopped by its limit of processor time");
	if (WIFSIGNALED(status))
		return err_set(err, EPROTO, "killed by signal %d", WTERMSIG(status));
	return err_set(err, EPROTO, "ended without a word (exit status %d)", WEXITSTATUS(status));
}

static int read_all(int fd, void *ret, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, (char *)ret + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		have += (size_t)n;
	}
	return 0;
}

static int report_read(struct unpack *u, struct extract_report *rep)
{
	int r = read_all(u->report_fd, rep, sizeof(*rep));

	return r < 0 || rep->magic != EXTRACT_MAGIC ? -EPROTO : 0;
}

/* The end of the pipe is certain: whoever held it has died with the extractor. */
static int diff_id_read(struct unpack *u, struct digest *ret)
{
	char hex[HASH_HEX_LEN + 1] = "";
	int r = read_all(u->digest_fd, hex, HASH_HEX_LEN);

	return r < 0 ? r : digest_from_hex(hex, ret);
}

/* The text comes from a process that read what strangers wrote: trust its length no more. */
static int report_error(const struct extract_report *rep, struct err *err)
{
	if (err) {
		*err = rep->err;
		err_scrub(err, rep->r);
	}
	return rep->r;
}

int unpack_finish(struct unpack *u, struct unpack_result *ret, struct err *err)
{
	AUTO(unpack) struct unpack *owned = u;
	struct extract_report rep;
	int r = report_read(u, &rep), status = reap(u);

	(void)owned; /* released on every way out */
	if (r < 0)
		return err_ctx(err, no_report(status, err), "extractor");
	if (rep.r < 0)
		return report_error(&rep, err);
	/* Not from the one who read the archive: see extract_hash.c. */
	if (diff_id_read(u, &rep.result.diff_id) < 0 || rep.r > 0)
		return err_set(err, EPROTO, "extractor: malformed report");
	*ret = rep.result;
	return 0;
}

void unpack_abort(struct unpack *u)
{
	if (!u)
		return;
	if (u->pid > 0)
		(void)kill(u->pid, SIGKILL);
	(void)reap(u);
	(void)fd_close(u->feed_fd);
	(void)fd_close(u->report_fd);
	(void)fd_close(u->digest_fd);
	free(u);
}
