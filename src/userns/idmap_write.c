/*
 * Putting a map onto a process that was made with CLONE_NEWUSER. Whoever has the right (root, or
 * one id that is one's own) writes /proc/PID/{uid,gid}_map; ranges of others need the setuid
 * helpers of the shadow package. They take about 5 ms each, most of it their own start, and know
 * nothing of each other: both run at once, and the caller goes on meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "sys/clone.h"
#include "sys/spawn.h"
#include "userns/idmap_priv.h"

const char *idmap_helper(enum idmap_helper which)
{
	static const char *const paths[][4] = {
		[IDMAP_HELPER_UID] = { "/usr/bin/newuidmap", "/bin/newuidmap",
			"/usr/local/bin/newuidmap", "/run/wrappers/bin/newuidmap" },
		[IDMAP_HELPER_GID] = { "/usr/bin/newgidmap", "/bin/newgidmap",
			"/usr/local/bin/newgidmap", "/run/wrappers/bin/newgidmap" },
	};

	/*
	 * Found once, by idmap_detect: later calls must not fail a system call, as they happen while
	 * a child runs that shares our memory, and with it errno.
	 */
	static const char *found[2];

	for (size_t i = 0; !found[which] && i < 4; i++)
		if (access(paths[which][i], X_OK) == 0)
			found[which] = paths[which][i];
	return found[which];
}

static int write_file(pid_t pid, const char *name, const char *text, struct err *err)
{
	char path[48];
	autofd int fd = -EBADF;
	size_t len = strlen(text);

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	/* The kernel takes a map in one write or not at all. */
	if (write(fd, text, len) != (ssize_t)len)
		return err_sys(err, errno, "cannot write %s", path);
	return 0;
}

static int write_direct(const struct idmap *map, pid_t pid, struct err *err)
{
	char text[IDMAP_TEXT_SIZE];
	int r = 0;

	if (map->kind == IDMAP_SINGLE)
		r = write_file(pid, "setgroups", "deny", err);
	if (r >= 0) {
		(void)idmap_format(&map->uids, text, sizeof(text));
		r = write_file(pid, "uid_map", text, err);
	}
	if (r >= 0) {
		(void)idmap_format(&map->gids, text, sizeof(text));
		r = write_file(pid, "gid_map", text, err);
	}
	return r;
}

/* argv of a helper: its name, the pid, three numbers for each range. */
#define HELPER_ARGS (2 + 3 * IDMAP_MAX_RANGES)
#define NUMBER_SIZE 12

static int start_helper(enum idmap_helper which, const struct idmap_table *t, pid_t pid,
	int ret_fds[2], struct err *err)
{
	char numbers[HELPER_ARGS][NUMBER_SIZE];
	char *argv[HELPER_ARGS + 1];
	struct spawn_request req = SPAWN_REQUEST_INIT;
	autofd int out = -EBADF, in = -EBADF;
	size_t n = 1;
	int pipe_fds[2], r;
	pid_t helper;

	req.path = idmap_helper(which);
	if (!req.path)
		return err_set(err, ERR_UNSUPPORTED, "newuidmap or newgidmap is not installed");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	out = pipe_fds[0];
	in = pipe_fds[1];
	argv[0] = (char *)req.path;
	(void)snprintf(numbers[0], NUMBER_SIZE, "%d", (int)pid);
	argv[n++] = numbers[0];
	for (unsigned i = 0; i < t->n; i++) {
		const uint32_t three[3] = { t->ranges[i].inside, t->ranges[i].outside,
			t->ranges[i].count };

		for (size_t k = 0; k < 3; k++, n++) {
			(void)snprintf(numbers[n - 1], NUMBER_SIZE, "%u", three[k]);
			argv[n] = numbers[n - 1];
		}
	}
	argv[n] = NULL;
	req.argv = argv;
	req.stderr_fd = in;
	r = spawn_start(&req, &helper, &ret_fds[0], err);
	if (r < 0)
		return r;
	ret_fds[1] = TAKE_FD(out);
	return 0;
}

int idmap_write_start(const struct idmap *map, pid_t pid, struct idmap_job *ret, struct err *err)
{
	struct idmap_job job = { map, -EBADF, -EBADF, -EBADF, -EBADF };
	int fds[2], r;

	if (map->kind != IDMAP_RANGES || geteuid() == 0) {
		*ret = job;
		return map->kind == IDMAP_NONE ? 0 : write_direct(map, pid, err);
	}
	r = start_helper(IDMAP_HELPER_UID, &map->uids, pid, fds, err);
	if (r < 0)
		return r;
	job.uid_pidfd = fds[0];
	job.uid_out = fds[1];
	r = start_helper(IDMAP_HELPER_GID, &map->gids, pid, fds, err);
	if (r < 0) {
		if (idmap_write_finish(&job, NULL) < 0)
			return r; /* the first failure is the cause */
		return r;
	}
	job.gid_pidfd = fds[0];
	job.gid_out = fds[1];
	*ret = job;
	return 0;
}

static int helper_failed(enum idmap_helper which, int out, struct err *err)
{
	const char *name = which == IDMAP_HELPER_UID ? "newuidmap" : "newgidmap";
	const char *file = which == IDMAP_HELPER_UID ? "/etc/subuid" : "/etc/subgid";
	char words[256];
	ssize_t n = read(out, words, sizeof(words) - 1);
	int r;

	words[n > 0 ? n : 0] = '\0';
	words[strcspn(words, "\n")] = '\0';
	r = err_set(err, ERR_DENIED, "%s failed%s%s", name, *words ? ": " : "", words);
	return err_hint(err, r,
		"check that %s is setuid root or has file capabilities (reinstall the package "
		"uidmap), is not on a nosuid mount, and that %s has a line for you; or set "
		"PROA_USERNS=single to run with one id",
		idmap_helper(which) ? idmap_helper(which) : name, file);
}

static int finish_helper(enum idmap_helper which, int *pidfd, int *out, struct err *err)
{
	int status = 0, r;

	if (*pidfd < 0)
		return 0;
	r = pidfd_wait(*pidfd, false, &status);
	if (r < 0)
		r = err_sys(err, -r, "cannot wait for newuidmap or newgidmap");
	else
		r = status == 0 ? 0 : helper_failed(which, *out, err);
	*pidfd = fd_close(*pidfd);
	*out = fd_close(*out);
	return r;
}

int idmap_write_finish(struct idmap_job *job, struct err *err)
{
	/* Both are always reaped; the first failure is the one that is told. */
	int r = finish_helper(IDMAP_HELPER_UID, &job->uid_pidfd, &job->uid_out, err);
	int r2 =
		finish_helper(IDMAP_HELPER_GID, &job->gid_pidfd, &job->gid_out, r < 0 ? NULL : err);

	return r < 0 ? r : r2;
}

int idmap_write(const struct idmap *map, pid_t pid, struct err *err)
{
	struct idmap_job job;
	int r = idmap_write_start(map, pid, &job, err);

	return r < 0 ? r : idmap_write_finish(&job, err);
}
