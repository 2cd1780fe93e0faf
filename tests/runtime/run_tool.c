/*
 * Runs one container straight from runtime/, without images, store or command line: the tests of
 * this folder and the bench drive it. Not installed.
 *
 *	run_tool [options] ROOT COMMAND [ARG...]
 *
 *	-o DIR	    overlay: ROOT is the only layer, DIR/upper and DIR/work are made
 *	-l DIR	    overlay: one more layer on top of ROOT (repeatable, last is top)
 *	-u USER -w DIR -e KEY=VALUE -h NAME
 *	-v SRC:DST[:ro]  -T DST[:mode]  -f SRC:DST (a file bound as resolv.conf is)
 *	-r	    read-only root       -n  network none      -i  --init     -P  no_new_privs
 *	-t	    terminal: what the pty says goes to our output
 *	-m single|none|detect		 -p  print the plan and stop
 *	-c NUMBER   capabilities         -k FD  pass nothing, but leave FD open without CLOEXEC
 *	-V	    volatile             -S  seal first        -U  unconfined: no filter, no masks
 *	-2	    start a second one before the first is released
 *	-a	    abstract sockets of the host stay in reach
 *	-H	    hold: print the pid when ready, never release
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"
#include "runtime/seccomp_profile.h"
#include "sys/caps.h"
#include "sys/clone.h"

struct tool {
	struct spec spec;
	const char *overlay;
	int lower[64];
	size_t n_lower;
	bool print, seal, unconfined, hold, twice;
};

static void fail(const struct err *err)
{
	fprintf(stderr, "run_tool: %s\n", err->msg);
	exit(err->exit ? err->exit : 125);
}

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static int open_dir(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

static int make_dir(const char *base, const char *name)
{
	autofree char *path = xasprintf("%s/%s", base, name);

	(void)mkdir(path, 0755);
	return open_dir(path);
}

static uint32_t to_mode(const char *text)
{
	struct err err = { 0 };
	uint32_t mode = 0;

	if (parse_mode(text, &mode, &err) < 0)
		fail(&err);
	return mode;
}

static uint64_t to_number(const char *text)
{
	struct err err = { 0 };
	uint64_t n = 0;

	if (parse_u64(text, UINT64_MAX, &n, &err) < 0)
		fail(&err);
	return n;
}

static void add_volume(struct spec *s, char *arg)
{
	char *dst = strchr(arg, ':'), *opt;

	if (!dst)
		die("-v");
	*dst++ = '\0';
	opt = strchr(dst, ':');
	if (opt)
		*opt++ = '\0';
	spec_add_bind(s, arg, dst, opt && str_eq(opt, "ro") ? SPEC_MOUNT_RDONLY : 0);
}

static void add_tmpfs(struct spec *s, char *arg)
{
	char *mode = strchr(arg, ':');

	if (mode)
		*mode++ = '\0';
	spec_add_tmpfs(s, arg, SPEC_MOUNT_NOEXEC, 0, mode ? to_mode(mode) : 0);
}

static void add_file(struct spec *s, char *arg)
{
	char *dst = strchr(arg, ':');

	if (!dst)
		die("-f");
	*dst++ = '\0';
	spec_add_file(s, arg, dst);
}

static void set_map(struct spec *s, const char *how)
{
	struct err err = { 0 };

	if (str_eq(how, "single"))
		idmap_init_single(&s->map, 0, 0);
	else if (str_eq(how, "none"))
		s->map = (struct idmap){ .kind = IDMAP_NONE };
	else if (idmap_detect(&s->map, &err) < 0)
		fail(&err);
}

static void set_option(struct tool *t, int opt, char *arg)
{
	struct spec *s = &t->spec;

	switch (opt) {
	case 'o':
		t->overlay = arg;
		break;
	case 'l':
		t->lower[t->n_lower++] = open_dir(arg);
		break;
	case 'u':
		s->user = xstrdup(arg);
		break;
	case 'w':
		s->cwd = xstrdup(arg);
		break;
	case 'e':
		strv_env_set(&s->env, arg);
		break;
	case 'h':
		s->hostname = xstrdup(arg);
		break;
	case 'v':
		add_volume(s, arg);
		break;
	case 'T':
		add_tmpfs(s, arg);
		break;
	case 'f':
		add_file(s, arg);
		break;
	case 'r':
		s->flags |= SPEC_READ_ONLY;
		break;
	case 'n':
		s->network = SPEC_NETWORK_NONE;
		break;
	case 'i':
		s->flags |= SPEC_INIT;
		break;
	case 'P':
		s->flags |= SPEC_NO_NEW_PRIVS;
		break;
	case 't':
		s->flags |= SPEC_TERMINAL;
		break;
	case 'V':
		s->flags |= SPEC_VOLATILE;
		break;
	case 'm':
		set_map(s, arg);
		break;
	case 'c':
		s->capabilities = to_number(arg);
		break;
	case 'p':
		t->print = true;
		break;
	case 'S':
		t->seal = true;
		break;
	case 'a':
		s->flags |= SPEC_NO_SCOPE;
		break;
	case '2':
		t->twice = true;
		break;
	case 'H':
		t->hold = true;
		break;
	case 'U':
		t->unconfined = true;
		break;
	case 'k':
		(void)fcntl((int)to_number(arg), F_SETFD, 0);
		break;
	default:
		exit(125);
	}
}

/* ROOT below, what -l named above it: top first, as the spec wants it. */
static void set_root(struct tool *t, const char *root)
{
	static int fds[64];
	size_t n = 0;

	if (!t->overlay) {
		t->spec.root.kind = SPEC_ROOT_DIRECTORY;
		t->spec.root.directory = xstrdup(root);
		return;
	}
	for (size_t i = t->n_lower; i > 0; i--)
		fds[n++] = t->lower[i - 1];
	fds[n++] = open_dir(root);
	t->spec.root.kind = SPEC_ROOT_OVERLAY;
	t->spec.root.lower_fds = fds;
	t->spec.root.n_lower = n;
	t->spec.root.upper_fd = make_dir(t->overlay, "upper");
	t->spec.root.work_fd = make_dir(t->overlay, "work");
}

static void set_policy(struct tool *t)
{
	static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/interrupts",
		"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
		"/sys/devices/virtual/powercap" };
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };
	struct err err = { 0 };

	if (t->unconfined)
		return;
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
		strv_push(&t->spec.masked, masked[i]);
	for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++)
		strv_push(&t->spec.readonly, readonly[i]);
	if (seccomp_profile_choose(t->spec.capabilities, NULL, &t->spec.seccomp, &err) < 0)
		fail(&err);
}

static void pump(struct runtime_process *p)
{
	char buf[4096];
	ssize_t n;

	/* EIO: the last descriptor of the other side is closed. */
	while ((n = read(p->console_fd, buf, sizeof(buf))) > 0)
		if (write(1, buf, (size_t)n) != n)
			break;
}

static int finish(struct runtime_process *p)
{
	struct err err = { 0 };
	int status = 0;

	if (runtime_release(p, &err) < 0)
		fail(&err);
	if (p->console_fd >= 0)
		pump(p);
	if (runtime_wait(p, &status, &err) < 0)
		fail(&err);
	return wait_status_to_exit(status);
}

static int run(const struct tool *t)
{
	AUTO(runtime_process) struct runtime_process p = RUNTIME_PROCESS_INIT;
	AUTO(runtime_process) struct runtime_process second = RUNTIME_PROCESS_INIT;
	struct err err = { 0 };

	if (runtime_start(&t->spec, &p, &err) < 0)
		fail(&err);
	if (t->hold) {
		printf("%d\n", (int)p.pid);
		fflush(stdout);
		pause();
	}
	if (t->twice) {
		if (runtime_start(&t->spec, &second, &err) < 0)
			fail(&err);
		(void)finish(&second);
	}
	return finish(&p);
}

static int print_plan(const struct spec *s)
{
	AUTO(plan) struct plan *p = NULL;
	AUTO(buf) struct buf b = BUF_INIT(1 << 20);
	struct err err = { 0 };

	if (spec_check(s, &err) < 0 || plan_make(s, &p, &err) < 0)
		fail(&err);
	plan_print(p, &b);
	fputs(buf_str(&b), stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct tool t = { .overlay = NULL };
	struct err err = { 0 };
	int opt;

	spec_init(&t.spec);
	t.spec.capabilities = CAPS_DEFAULT;
	set_map(&t.spec, "detect");
	strv_push(&t.spec.env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	for (int i = 0; i < 3; i++)
		t.spec.stdio[i] = isatty(i) ? -1 : i;
	while ((opt = getopt(argc, argv, "+o:l:u:w:e:h:v:T:f:rniPtVm:c:pSUH2ak:")) >= 0)
		set_option(&t, opt, optarg);
	if (argc - optind < 2)
		die("usage: run_tool [options] ROOT COMMAND [ARG...]");
	if (t.seal && runtime_seal(&t.spec.map, &err) < 0)
		fail(&err);
	set_root(&t, argv[optind]);
	t.spec.argv = strv_dup(argv + optind + 1);
	set_policy(&t);
	opt = t.print ? print_plan(&t.spec) : run(&t);
	spec_done(&t.spec);
	return opt;
}
