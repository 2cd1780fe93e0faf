#include "sys/signal.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/str.h"

#define SIGNAL_MAX  64
#define REAL_MIN    34 /* what docker and kill(1) call RTMIN: 32 and 33 belong to the C library */
#define NAME_PREFIX "SIG"

static const char *const names[REAL_MIN] = {
	[SIGHUP] = "SIGHUP",
	[SIGINT] = "SIGINT",
	[SIGQUIT] = "SIGQUIT",
	[SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP",
	[SIGABRT] = "SIGABRT",
	[SIGBUS] = "SIGBUS",
	[SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL",
	[SIGUSR1] = "SIGUSR1",
	[SIGSEGV] = "SIGSEGV",
	[SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE",
	[SIGALRM] = "SIGALRM",
	[SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT",
	[SIGCHLD] = "SIGCHLD",
	[SIGCONT] = "SIGCONT",
	[SIGSTOP] = "SIGSTOP",
	[SIGTSTP] = "SIGTSTP",
	[SIGTTIN] = "SIGTTIN",
	[SIGTTOU] = "SIGTTOU",
	[SIGURG] = "SIGURG",
	[SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ",
	[SIGVTALRM] = "SIGVTALRM",
	[SIGPROF] = "SIGPROF",
	[SIGWINCH] = "SIGWINCH",
	[SIGIO] = "SIGIO",
	[SIGPWR] = "SIGPWR",
	[SIGSYS] = "SIGSYS",
};

/* Other spellings of the same numbers. */
static const struct {
	const char *name;
	int number;
} aliases[] = {
	{ "SIGIOT", SIGABRT },
	{ "SIGCLD", SIGCHLD },
	{ "SIGPOLL", SIGIO },
};

/* Signals that a foreground run leaves as they are; see signal_open_fd. */
static const int untouched[] = {
	SIGKILL,
	SIGSTOP,
	SIGCHLD,
	SIGPIPE,
	SIGSEGV,
	SIGBUS,
	SIGFPE,
	SIGILL,
	SIGTRAP,
	SIGSYS,
	SIGTTIN,
	SIGTTOU,
};

const char *signal_name(int number)
{
	static char real_time[16];

	if (number > 0 && number < REAL_MIN && names[number])
		return names[number];
	if (number == REAL_MIN)
		return "SIGRTMIN";
	if (number == SIGNAL_MAX)
		return "SIGRTMAX";
	if (number > REAL_MIN && number < SIGNAL_MAX)
		(void)snprintf(real_time, sizeof(real_time), "SIGRTMIN+%d", number - REAL_MIN);
	else
		(void)snprintf(real_time, sizeof(real_time), "%d", number);
	return real_time;
}

/* "RTMIN", "RTMIN+n", "RTMAX-n": the number, 0 when s is none of them. */
static int parse_real_time(const char *s)
{
	const char *behind_max = str_after_nocase(s, "RTMAX");
	const char *behind = behind_max ? behind_max : str_after_nocase(s, "RTMIN");
	uint64_t offset = 0;

	if (!behind || (*behind && *behind != (behind_max ? '-' : '+')))
		return 0;
	if (*behind && parse_u64(behind + 1, SIGNAL_MAX - REAL_MIN, &offset, NULL) < 0)
		return 0;
	return behind_max ? SIGNAL_MAX - (int)offset : REAL_MIN + (int)offset;
}

int signal_parse(const char *s, struct err *err)
{
	uint64_t number;
	const char *behind = str_after_nocase(s, NAME_PREFIX), *word = behind ? behind : s;
	int real_time;

	if (str_is_digits(s)) {
		if (parse_u64(s, SIGNAL_MAX, &number, NULL) == 0 && number > 0)
			return (int)number;
		return err_set(err, ERR_USAGE, "invalid signal: %s (1 to %d)", s, SIGNAL_MAX);
	}
	for (int i = 1; i < REAL_MIN; i++) {
		if (names[i] && str_eq_nocase(word, names[i] + strlen(NAME_PREFIX)))
			return i;
	}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (str_eq_nocase(word, aliases[i].name + strlen(NAME_PREFIX)))
			return aliases[i].number;
	}
	real_time = parse_real_time(word);
	if (real_time > 0)
		return real_time;
	return err_set(err, ERR_USAGE, "invalid signal: %s", s);
}

/* sigaddset refuses the numbers that the C library keeps for itself, which is right here. */
static void fill_forwarded(sigset_t *set)
{
	(void)sigemptyset(set);
	for (int i = 1; i <= SIGNAL_MAX; i++)
		(void)sigaddset(set, i);
	for (size_t i = 0; i < sizeof(untouched) / sizeof(untouched[0]); i++)
		(void)sigdelset(set, untouched[i]);
}

int signal_open_fd(sigset_t *ret_saved, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set, saved;
	int fd;

	fill_forwarded(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "signalfd");
	if (sigprocmask(SIG_BLOCK, &set, &saved) < 0) {
		int r = err_sys(err, errno, "sigprocmask");

		(void)fd_close(fd);
		return r;
	}
	(void)sigaction(SIGPIPE, &ignore, NULL);
	*ret_saved = saved;
	return fd;
}

void signal_unblock(const sigset_t *saved)
{
	(void)sigprocmask(SIG_SETMASK, saved, NULL);
}

int signal_read_fd(int fd, struct err *err)
{
	struct signalfd_siginfo info;
	ssize_t n;

	do {
		n = read(fd, &info, sizeof(info));
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(info))
		return (int)info.ssi_signo;
	if (n < 0 && errno != EAGAIN)
		return err_sys(err, errno, "read signalfd");
	return 0;
}

void signal_default_all(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	for (int i = 1; i <= SIGNAL_MAX; i++)
		(void)sigaction(i, &action, NULL);
}

void signal_unblock_all(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void signal_reset_all(void)
{
	signal_default_all();
	signal_unblock_all();
}

/*
 * The signal is blocked while we supervise: it is sent first and then let through, so that the
 * stop happens here and nowhere else.
 */
void signal_stop_self(int number)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, saved;
	sigset_t set, mask;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigaction(number, &action, &saved);
	(void)kill(getpid(), number);
	(void)sigprocmask(SIG_UNBLOCK, &set, &mask);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	(void)sigaction(number, &saved, NULL);
}
