/*
 * What the driver is tried on: little programs whose system calls are known exactly.
 *
 *	fault_victim files DIR	  mkdir a, write a file of 10 bytes, fsync, rename it to b; three times
 *	fault_victim tree DIR N	  N children, each of which makes a directory
 *	fault_victim filter DIR	  the same as files, under a filter that kills for anything else
 *	fault_victim hidden DIR	  the same as files, undumpable
 *	fault_victim write DIR	  writes 1,000 bytes to a file by one write(2); prints what that says
 *	fault_victim again DIR	  the same, going on until all is written
 *	fault_victim thread DIR	  a thread makes a directory
 *	fault_victim orphan	  leaves a process that sleeps
 *	fault_victim hang	  waits for ever
 *	fault_victim stop	  stops itself, and a child continues it
 *	fault_victim exec DIR	  a vforked child executes "fault_victim files DIR"
 *
 * Exit status: 0, or 10 and more for the step that failed with what it prints.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parse.h"

#define ROUNDS 3

static _Noreturn void fail(int step)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d %d\n", step, errno);

	/* Without stdio: the filter knows only these calls. */
	if (n > 0 && write(1, text, (size_t)n) < 0)
		_exit(99);
	_exit(step);
}

static int dir_fd(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail(10);
	return fd;
}

/* Five calls a round, all but close(2) change something. */
static void files(int dir)
{
	int fd;

	if (mkdirat(dir, "a", 0700) < 0)
		fail(11);
	for (int i = 0; i < ROUNDS; i++) {
		fd = openat(dir, "a/f", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0)
			fail(12);
		if (write(fd, "0123456789", 10) != 10)
			fail(13);
		if (fsync(fd) < 0)
			fail(14);
		if (close(fd) < 0)
			fail(15);
		if (renameat(dir, "a/f", dir, "a/b") < 0)
			fail(16);
	}
}

static void tree(int dir, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		char name[32];
		pid_t pid = fork();

		if (pid < 0)
			fail(20);
		if (pid > 0)
			continue;
		(void)snprintf(name, sizeof(name), "d%d", (int)i);
		_exit(mkdirat(dir, name, 0700) < 0 ? 21 : 0);
	}
	for (uint64_t i = 0; i < n; i++) {
		int status;

		if (wait(&status) < 0 || status != 0)
			fail(22);
	}
}

#define ALLOW(nr)                                        \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void set_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_openat),
		ALLOW(SYS_write),
		ALLOW(SYS_fsync),
		ALLOW(SYS_close),
		ALLOW(SYS_mkdirat),
		ALLOW(SYS_renameat),
#ifdef SYS_open
		ALLOW(SYS_open),
#endif
		ALLOW(SYS_fcntl),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { .len = sizeof(code) / sizeof(*code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		fail(30);
}

static void write_once(int dir, int until_done)
{
	static char data[1000];
	size_t done = 0;
	int fd = openat(dir, "w", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		fail(40);
	do {
		ssize_t n = write(fd, data, sizeof(data) - done);

		if (n < 0)
			fail(41);
		done += (size_t)n;
	} while (until_done && done < sizeof(data));
	printf("%zu\n", done);
}

static void *make_dir(void *arg)
{
	if (mkdirat(*(int *)arg, "of-a-thread", 0700) < 0)
		fail(50);
	return NULL;
}

static void thread(int dir)
{
	pthread_t id;

	if (pthread_create(&id, NULL, make_dir, &dir) != 0 || pthread_join(id, NULL) != 0)
		fail(51);
}

static void orphan(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fail(60);
	if (pid > 0)
		return;
	(void)setsid();
	for (;;)
		(void)pause();
}

static void stop(void)
{
	pid_t me = getpid(), pid = fork();

	if (pid < 0)
		fail(70);
	if (pid == 0) {
		/* Until it has stopped, however long that takes. */
		for (int i = 0; i < 50; i++) {
			const struct timespec pause_for = { .tv_nsec = 10000000 };

			(void)nanosleep(&pause_for, NULL);
			(void)kill(me, SIGCONT);
		}
		_exit(0);
	}
	(void)raise(SIGSTOP);
	if (waitpid(pid, NULL, 0) < 0)
		fail(71);
}

/* posix_spawn is a vfork with an exec behind it. */
static void exec_child(char *self, char *path)
{
	char what[] = "files";
	char *const argv[] = { self, what, path, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, environ) != 0)
		fail(80);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		fail(82);
}

static int without_dir(const char *what)
{
	if (strcmp(what, "orphan") == 0) {
		orphan();
		return 0;
	}
	if (strcmp(what, "stop") == 0) {
		stop();
		return 0;
	}
	if (strcmp(what, "hang") == 0)
		for (;;)
			(void)pause();
	return 2;
}

static int with_dir(char *self, const char *what, char *path, const char *count)
{
	uint64_t n = 0;
	int dir = dir_fd(path);

	if (strcmp(what, "filter") == 0)
		set_filter();
	if (strcmp(what, "hidden") == 0)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (strcmp(what, "files") == 0 || strcmp(what, "filter") == 0 ||
		strcmp(what, "hidden") == 0)
		files(dir);
	else if (strcmp(what, "tree") == 0 && count && parse_u64(count, 100, &n, NULL) >= 0)
		tree(dir, n);
	else if (strcmp(what, "write") == 0 || strcmp(what, "again") == 0)
		write_once(dir, *what == 'a');
	else if (strcmp(what, "thread") == 0)
		thread(dir);
	else if (strcmp(what, "exec") == 0)
		exec_child(self, path);
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (argc == 2)
		return without_dir(argv[1]);
	return with_dir(argv[0], argv[1], argv[2], argv[3]);
}
