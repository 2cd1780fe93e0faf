#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/str.h"
#include "sys/clone.h"
#include "sys/signal.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define K_CLOSE_RANGE_CLOEXEC 4

/* Small files of /proc come in one read. */
static int read_proc(const char *path, char *ret, size_t size)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return (int)n;
}

int process_boot_id(char ret[PROCESS_BOOT_ID_SIZE], struct err *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	char text[64];
	int n = read_proc(path, text, sizeof(text));

	if (n < 0)
		return err_sys(err, -n, "cannot read %s", path);
	if (n < PROCESS_BOOT_ID_SIZE - 1)
		return err_set(err, ERR_FORMAT, "%s is too short", path);
	memcpy(ret, text, PROCESS_BOOT_ID_SIZE - 1);
	ret[PROCESS_BOOT_ID_SIZE - 1] = '\0';
	return 0;
}

/* Field `number` (from 1) of a stat line; the second is in parentheses and may hold anything. */
static char *stat_field(char *line, int number)
{
	char *p = strrchr(line, ')'), *end;

	if (!p || p[1] != ' ')
		return NULL;
	p += 2;
	for (int i = 3; i < number; i++) {
		p = strchr(p, ' ');
		if (!p)
			return NULL;
		p++;
	}
	end = strchr(p, ' ');
	if (end)
		*end = '\0';
	return p;
}

int process_start_time(pid_t pid, uint64_t *ret, struct err *err)
{
	char path[32], line[1024], *field;
	int n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	n = read_proc(path, line, sizeof(line));
	if (n == -ENOENT)
		n = -ESRCH;
	if (n < 0)
		return err_sys(err, -n, "cannot read %s", path);
	field = stat_field(line, 22);
	if (!field)
		return err_set(err, ERR_FORMAT, "%s has too few fields", path);
	return parse_u64(field, UINT64_MAX, ret, err);
}

int process_identify(pid_t pid, struct process_identity *ret, struct err *err)
{
	struct process_identity id = { .pid = pid };
	int r = process_boot_id(id.boot_id, err);

	if (r < 0)
		return r;
	r = process_start_time(pid, &id.start_time, err);
	if (r < 0)
		return r;
	*ret = id;
	return 0;
}

int process_open(const struct process_identity *id, struct err *err)
{
	struct process_identity now;
	autofd int fd = -EBADF;
	int r;

	if (id->pid <= 0)
		return err_sys(err, ESRCH, "process %d", (int)id->pid);
	fd = pidfd_open_pid(id->pid);
	if (fd < 0)
		return err_sys(err, -fd, "process %d", (int)id->pid);
	/* After the pidfd: what is read now belongs to the process it holds, or that is gone. */
	r = process_identify(id->pid, &now, err);
	if (r < 0)
		return r;
	if (now.start_time != id->start_time || !str_eq(now.boot_id, id->boot_id))
		return err_sys(err, ESRCH, "process %d is another one now", (int)id->pid);
	return TAKE_FD(fd);
}

static char *arguments;
static size_t arguments_len;

void process_keep_arguments(int argc, char **argv)
{
	if (argc < 1)
		return;
	arguments = argv[0];
	/* The kernel puts them one behind the other. */
	arguments_len = (size_t)(argv[argc - 1] - argv[0]) + strlen(argv[argc - 1]);
}

void process_rename(const char *name)
{
	size_t n = strlen(name);

	if (arguments) {
		memset(arguments, 0, arguments_len);
		memcpy(arguments, name, n < arguments_len ? n : arguments_len);
	}
	(void)prctl(PR_SET_NAME, name);
}

bool process_is_alive(const struct process_identity *id)
{
	autofd int fd = process_open(id, NULL);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	/* A pidfd is readable once the process has ended, reaped or not. */
	return fd >= 0 && poll(&p, 1, 0) == 0;
}

int process_close_from(unsigned first)
{
	return syscall(SYS_close_range, first, ~0U, 0) < 0 ? -errno : 0;
}

int process_cloexec_from(unsigned first)
{
	return syscall(SYS_close_range, first, ~0U, K_CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

int process_set_dumpable(bool on)
{
	return prctl(PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0) < 0 ? -errno : 0;
}

bool process_is_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
}

int process_set_parent_death_signal(int sig)
{
	return prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0) < 0 ? -errno : 0;
}
