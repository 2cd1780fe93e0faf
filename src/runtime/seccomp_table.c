#include "runtime/seccomp_table.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/caps.h"

/* Bits of <linux/capability.h>, by the numbers of sys/caps.h. */
#define CAP_DAC_READ_SEARCH_BIT CAPS_BIT(2)
#define CAP_SYS_MODULE_BIT	CAPS_BIT(16)
#define CAP_SYS_RAWIO_BIT	CAPS_BIT(17)
#define CAP_SYS_CHROOT_BIT	CAPS_BIT(18)
#define CAP_SYS_PTRACE_BIT	CAPS_BIT(19)
#define CAP_SYS_PACCT_BIT	CAPS_BIT(20)
#define CAP_SYS_ADMIN_BIT	CAPS_BIT(21)
#define CAP_SYS_BOOT_BIT	CAPS_BIT(22)
#define CAP_SYS_NICE_BIT	CAPS_BIT(23)
#define CAP_SYS_TIME_BIT	CAPS_BIT(25)
#define CAP_SYS_TTY_CONFIG_BIT	CAPS_BIT(26)
#define CAP_AUDIT_WRITE_BIT	CAPS_BIT(29)
#define CAP_SYSLOG_BIT		CAPS_BIT(34)
#define CAP_PERFMON_BIT		CAPS_BIT(38)
#define CAP_BPF_BIT		CAPS_BIT(39)

#define ALWAYS 0
#define NEVER  UINT64_MAX /* refused by name: EPERM instead of ENOSYS */

/*
 * Who may make the calls of a row: ALWAYS, NEVER, or holders of any of these capabilities (others
 * get EPERM). Names are separated by blanks. A call that an architecture does not have is skipped
 * there, so one table serves all of them.
 */
struct row {
	uint64_t caps;
	const char *names;
};

static const struct row rows[] = {
	/* Opening, reading, writing. */
	{ ALWAYS, "open openat openat2 creat close close_range read readv pread64 preadv preadv2 "
		  "write writev pwrite64 pwritev pwritev2 lseek _llseek dup dup2 dup3 pipe pipe2 "
		  "fcntl fcntl64 ioctl flock readahead fadvise64 fadvise64_64 arm_fadvise64_64 "
		  "copy_file_range sendfile sendfile64 splice tee vmsplice" },
	{ ALWAYS, "sync syncfs fsync fdatasync sync_file_range sync_file_range2 "
		  "arm_sync_file_range fallocate truncate truncate64 ftruncate ftruncate64" },

	/* Names, attributes, directories. */
	{ ALWAYS, "access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 "
		  "newfstatat statx statfs statfs64 fstatfs fstatfs64 getdents getdents64 readdir "
		  "getcwd chdir fchdir umask" },
	{ ALWAYS, "mkdir mkdirat rmdir link linkat symlink symlinkat unlink unlinkat rename "
		  "renameat renameat2 readlink readlinkat mknod mknodat name_to_handle_at" },
	{ ALWAYS, "chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown "
		  "lchown32 utime utimes futimesat utimensat utimensat_time64 file_getattr "
		  "file_setattr" },
	{ ALWAYS, "getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr "
		  "setxattrat listxattr llistxattr flistxattr listxattrat removexattr "
		  "lremovexattr fremovexattr removexattrat" },
	{ ALWAYS, "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark" },
	{ ALWAYS, "statmount listmount" },

	/* Memory. */
	{ ALWAYS, "brk mmap mmap2 munmap mremap mprotect madvise msync mincore mlock mlock2 "
		  "mlockall munlock munlockall remap_file_pages membarrier mseal cachestat "
		  "map_shadow_stack memfd_create memfd_secret pkey_alloc pkey_free pkey_mprotect "
		  "get_mempolicy" },

	/* Processes and threads. */
	{ ALWAYS, "fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid "
		  "gettid getpgid getpgrp setpgid getsid setsid prctl arch_prctl modify_ldt "
		  "set_tid_address set_thread_area get_thread_area set_robust_list get_robust_list "
		  "set_tls cacheflush breakpoint rseq riscv_hwprobe riscv_flush_icache uretprobe "
		  "restart_syscall getrandom seccomp landlock_create_ruleset landlock_add_rule "
		  "landlock_restrict_self" },
	{ ALWAYS, "futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue" },
	{ ALWAYS, "pidfd_open pidfd_send_signal process_mrelease ptrace process_vm_readv "
		  "process_vm_writev" },
	{ ALWAYS, "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr "
		  "sched_getparam sched_setparam sched_getscheduler sched_setscheduler "
		  "sched_get_priority_max sched_get_priority_min sched_rr_get_interval "
		  "sched_rr_get_interval_time64 getpriority setpriority nice ioprio_get "
		  "ioprio_set getcpu" },
	{ ALWAYS, "getrlimit ugetrlimit setrlimit prlimit64 getrusage times sysinfo uname" },

	/* Identity. */
	{ ALWAYS, "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid "
		  "getresuid32 getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid "
		  "setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 "
		  "setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups "
		  "setgroups32 capget capset" },

	/* Signals. */
	{ ALWAYS, "kill tkill tgkill pause rt_sigaction rt_sigprocmask rt_sigpending "
		  "rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
		  "rt_sigtimedwait_time64 sigaltstack signalfd signalfd4 signal sigaction "
		  "sigpending sigprocmask sigreturn sigsuspend" },

	/* Time. */
	{ ALWAYS, "time gettimeofday clock_gettime clock_gettime64 clock_getres "
		  "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep "
		  "adjtimex clock_adjtime clock_adjtime64 alarm getitimer setitimer" },
	{ ALWAYS, "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
		  "timer_settime timer_settime64 timerfd_create timerfd_gettime "
		  "timerfd_gettime64 timerfd_settime timerfd_settime64" },

	/* Waiting for descriptors; asynchronous I/O (the old kind). */
	{ ALWAYS, "select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 "
		  "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old "
		  "epoll_pwait epoll_pwait2 eventfd eventfd2" },
	{ ALWAYS, "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents "
		  "io_pgetevents_time64" },

	/* Sockets: families are looked at by the guards below, not those of i386's socketcall. */
	{ ALWAYS, "socket socketcall socketpair bind listen accept accept4 connect shutdown "
		  "getsockname getpeername getsockopt setsockopt send sendto sendmsg sendmmsg recv "
		  "recvfrom recvmsg recvmmsg recvmmsg_time64" },

	/* System V and POSIX queues, semaphores, shared memory: of the own namespace. */
	{ ALWAYS, "ipc semget semop semctl semtimedop semtimedop_time64 shmget shmat shmdt shmctl "
		  "msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedsend_time64 "
		  "mq_timedreceive mq_timedreceive_time64 mq_notify mq_getsetattr" },

	/* What a capability opens. */
	{ CAP_DAC_READ_SEARCH_BIT, "open_by_handle_at" },
	{ CAP_SYS_ADMIN_BIT, "clone unshare setns mount umount umount2 pivot_root fsopen fsconfig "
			     "fsmount fspick open_tree open_tree_attr move_mount mount_setattr" },
	{ CAP_SYS_ADMIN_BIT,
		"sethostname setdomainname quotactl quotactl_fd fanotify_init "
		"lookup_dcookie lsm_get_self_attr lsm_set_self_attr lsm_list_modules" },
	{ CAP_SYS_ADMIN_BIT | CAP_BPF_BIT, "bpf" },
	{ CAP_SYS_ADMIN_BIT | CAP_PERFMON_BIT, "perf_event_open" },
	{ CAP_SYS_ADMIN_BIT | CAP_SYSLOG_BIT, "syslog" },
	{ CAP_SYS_BOOT_BIT, "reboot" },
	{ CAP_SYS_CHROOT_BIT, "chroot" },
	{ CAP_SYS_MODULE_BIT, "init_module finit_module delete_module" },
	{ CAP_SYS_NICE_BIT, "mbind set_mempolicy set_mempolicy_home_node" },
	{ CAP_SYS_PACCT_BIT, "acct" },
	{ CAP_SYS_PTRACE_BIT, "kcmp pidfd_getfd process_madvise" },
	{ CAP_SYS_RAWIO_BIT, "iopl ioperm" },
	{ CAP_SYS_TIME_BIT, "settimeofday stime clock_settime clock_settime64" },
	{ CAP_SYS_TTY_CONFIG_BIT, "vhangup" },

	/* Refused by name: attack surface, or things that namespaces do not contain. */
	{ NEVER, "io_uring_setup io_uring_enter io_uring_register userfaultfd" },
	{ NEVER, "add_key request_key keyctl" },
	{ NEVER, "kexec_load kexec_file_load swapon swapoff move_pages migrate_pages" },
	{ NEVER, "bdflush nfsservctl sysfs uselib ustat vm86 vm86old _sysctl get_kernel_syms "
		 "query_module create_module personality" },
};

/* clone3 comes with CAP_SYS_ADMIN only, and is unknown (ENOSYS), not refused, without. */
static const char *const clone3_name = "clone3";

#define NAMESPACE_FLAGS                                                                \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)

#define ALLOW_PERSONALITY(v)                                                 \
	{                                                                    \
		.name = "personality", .action = SECCOMP_ALLOW, .n_args = 1, \
		.args = { { .index = 0, .op = SECCOMP_EQ, .value = (v) } },  \
	}

#define DENY_FAMILY(family)                                                              \
	{                                                                                \
		.name = "socket", .action = SECCOMP_ERRNO, .errnum = EPERM, .n_args = 1, \
		.args = { { .index = 0, .op = SECCOMP_EQ, .value = (family) } },         \
	}

/* Decided before the rows are asked; a row's answer holds for all other arguments. */
static const struct seccomp_rule guards[] = {
	/* A new process, but no new namespace. */
	{ .name = "clone",
		.action = SECCOMP_ALLOW,
		.n_args = 1,
		.args = { { .index = 0,
			.op = SECCOMP_MASKED_EQ,
			.value = NAMESPACE_FLAGS,
			.value_two = 0 } } },
	/* PER_LINUX, PER_LINUX32, both with UNAME26, and "which one is it?". */
	ALLOW_PERSONALITY(0),
	ALLOW_PERSONALITY(8),
	ALLOW_PERSONALITY(0x20000),
	ALLOW_PERSONALITY(0x20008),
	ALLOW_PERSONALITY(0xffffffff),
	DENY_FAMILY(38 /* AF_ALG: CVE-2026-31431 */),
	DENY_FAMILY(40 /* AF_VSOCK: reaches the hypervisor, knows no namespace */),
};

/* NETLINK_AUDIT: EINVAL is what programs take for "no audit here". */
static const struct seccomp_rule audit_guard = {
	.name = "socket",
	.action = SECCOMP_ERRNO,
	.errnum = EINVAL,
	.n_args = 2,
	.args = { { .index = 0, .op = SECCOMP_EQ, .value = AF_NETLINK },
		{ .index = 2, .op = SECCOMP_EQ, .value = 9 } },
};

#define N_GUARDS (sizeof(guards) / sizeof(guards[0]))
#define N_ROWS	 (sizeof(rows) / sizeof(rows[0]))

static const struct {
	const char *machine;
	const char *arches[3];
} machines[] = {
	{ "x86_64", { "x86_64", "x86" } },
	{ "aarch64", { "aarch64", "arm" } },
	{ "riscv64", { "riscv64" } },
};

const char *const *seccomp_table_arches(const char *machine, size_t *ret_n)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		size_t n = 0;

		if (!str_eq(machines[i].machine, machine))
			continue;
		while (machines[i].arches[n])
			n++;
		*ret_n = n;
		return machines[i].arches;
	}
	return NULL;
}

uint64_t seccomp_table_relevant_caps(void)
{
	uint64_t mask = CAP_AUDIT_WRITE_BIT;

	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].caps != NEVER)
			mask |= rows[i].caps;
	}
	return mask;
}

/* A growing list of rules whose names live elsewhere. */
struct list {
	struct seccomp_rule *rules;
	size_t n, cap;
};

static void list_add(struct list *l, const char *name, enum seccomp_action action)
{
	GROW(l->rules, l->n, l->cap);
	l->rules[l->n++] = (struct seccomp_rule){
		.name = name,
		.action = action,
		.errnum = action == SECCOMP_ERRNO ? EPERM : 0,
	};
}

static bool row_is_open(const struct row *row, uint64_t caps)
{
	return row->caps == ALWAYS || (row->caps != NEVER && (row->caps & caps));
}

int seccomp_table_compile(
	const char *machine, uint64_t caps, struct seccomp_program *ret, struct err *err)
{
	struct seccomp_profile profile = {
		.default_action = SECCOMP_ERRNO,
		.default_errnum = ENOSYS,
		.flags = SECCOMP_SKIP_UNKNOWN | SECCOMP_AS_TREE,
	};
	struct seccomp_rule all_guards[N_GUARDS + 1];
	struct list allowed = { 0 }, denied = { 0 };
	char **names[N_ROWS];
	int r;

	profile.arches = seccomp_table_arches(machine, &profile.n_arches);
	if (!profile.arches)
		return err_set(
			err, ERR_UNSUPPORTED, "no system call table for machine %s", machine);
	for (size_t i = 0; i < N_GUARDS; i++)
		all_guards[profile.n_guards++] = guards[i];
	if (!(caps & CAP_AUDIT_WRITE_BIT))
		all_guards[profile.n_guards++] = audit_guard;
	for (size_t i = 0; i < N_ROWS; i++) {
		bool open = row_is_open(&rows[i], caps);

		names[i] = strv_split(rows[i].names, ' ');
		STRV_FOREACH (name, names[i])
			list_add(open ? &allowed : &denied, name,
				open ? SECCOMP_ALLOW : SECCOMP_ERRNO);
	}
	if (caps & CAP_SYS_ADMIN_BIT)
		list_add(&allowed, clone3_name, SECCOMP_ALLOW);

	profile.guards = all_guards;
	profile.rules = allowed.rules;
	profile.n_rules = allowed.n;
	profile.denied = denied.rules;
	profile.n_denied = denied.n;
	r = seccomp_compile(&profile, ret, err);
	for (size_t i = 0; i < N_ROWS; i++)
		strv_free(names[i]);
	free(allowed.rules);
	free(denied.rules);
	return r;
}
