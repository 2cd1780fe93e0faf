/*
 * Calls system calls under a filter and compares what comes back. Linked statically, so that it
 * runs in any root file system; the same file is run under the filter alone by the unit test.
 *
 *	probe default		the filter of the default capabilities
 *	probe admin		the filter with CAP_SYS_ADMIN in the bounding set
 *
 * Prints one line for each call that answered otherwise, then "N calls, N wrong"; exits 0 when
 * none is wrong. A call that the kernel is too old for answers ENOSYS, which is accepted where
 * the table says NEWER.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_statmount
#define SYS_statmount	457
#define SYS_listmount	458
#define SYS_mseal	462
#define SYS_setxattrat	463
#define SYS_listxattrat 465
#endif
#define SYS_open_tree_attr_number 467
#define SYS_file_getattr_number	  468
#define SYS_listns_number	  470
#define UNKNOWN_NUMBER		  600

#define NEWNS	0x00020000
#define NEWUSER 0x10000000
#define NEWNET	0x40000000
#define X32_BIT 0x40000000

enum abi { NATIVE, I386 };
enum caps { BOTH, DEFAULT, ADMIN };
#define PASSES 0
#define NEWER  1000 /* added to an errno: ENOSYS is accepted too */

struct call {
	enum caps caps;
	enum abi abi;
	const char *name;
	long number;
	long args[4];
	int want; /* errno, PASSES = no error */
};

static const struct call calls[] = {
	/* Let through. */
	{ BOTH, NATIVE, "getpid", SYS_getpid, { 0 }, PASSES },
	{ BOTH, NATIVE, "getrandom(EFAULT)", SYS_getrandom, { 1, 8, 0 }, EFAULT },
	{ BOTH, NATIVE, "close_range", SYS_close_range, { 1000, 1000, 0 }, PASSES },
	{ BOTH, NATIVE, "socket(UNIX)", SYS_socket, { 1, 1, 0 }, PASSES },
	{ BOTH, NATIVE, "socket(INET)", SYS_socket, { 2, 2, 0 }, PASSES },
	{ BOTH, NATIVE, "socket(NETLINK_ROUTE)", SYS_socket, { 16, 3, 0 }, PASSES },
	{ BOTH, NATIVE, "socket(no such)", SYS_socket, { 99, 1, 0 }, EAFNOSUPPORT },
	{ BOTH, NATIVE, "clone(no SIGCHLD, VM only)", SYS_clone, { 0x10000 }, EINVAL },
	{ BOTH, NATIVE, "personality(?)", SYS_personality, { 0xffffffffL }, PASSES },
	{ BOTH, NATIVE, "personality(-1)", SYS_personality, { -1L }, PASSES },
	{ BOTH, NATIVE, "personality(0)", SYS_personality, { 0 }, PASSES },
	{ BOTH, NATIVE, "ptrace", SYS_ptrace, { 16, 0x3fffffff }, ESRCH },
	{ BOTH, NATIVE, "process_vm_readv", SYS_process_vm_readv, { -1, 0, 0, 0 }, EINVAL },
	{ BOTH, NATIVE, "mseal", SYS_mseal, { 1, 0, 0 }, EINVAL + NEWER },
	{ BOTH, NATIVE, "setxattrat", SYS_setxattrat, { -1, 0, 0xf0000, 0 }, E2BIG + NEWER },
	{ BOTH, NATIVE, "listxattrat", SYS_listxattrat, { -1, 0, 0xf0000, 0 }, EINVAL + NEWER },
	{ BOTH, NATIVE, "statmount", SYS_statmount, { 1, 0, 0, 0 }, EFAULT + NEWER },
	{ BOTH, NATIVE, "listmount", SYS_listmount, { 1, 0, 0, 0 }, EFAULT + NEWER },
	{ BOTH, NATIVE, "file_getattr", SYS_file_getattr_number, { -1, 1, 0, 0 }, EINVAL + NEWER },

	/* Unknown: as if the kernel were older. */
	{ BOTH, NATIVE, "number 600", UNKNOWN_NUMBER, { 0 }, ENOSYS },
	{ BOTH, NATIVE, "listns", SYS_listns_number, { 0 }, ENOSYS },
	{ DEFAULT, NATIVE, "clone3", SYS_clone3, { 0 }, ENOSYS },

	/* Refused by name. */
	{ BOTH, NATIVE, "io_uring_setup", SYS_io_uring_setup, { 1, 0 }, EPERM },
	{ BOTH, NATIVE, "userfaultfd", SYS_userfaultfd, { 1 }, EPERM },
	{ BOTH, NATIVE, "keyctl", SYS_keyctl, { 0, -3, 0 }, EPERM },
	{ BOTH, NATIVE, "add_key", SYS_add_key, { 0, 0, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "request_key", SYS_request_key, { 0, 0, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "kexec_load", SYS_kexec_load, { 0, 0, 0, 0xf0 }, EPERM },
	{ BOTH, NATIVE, "move_pages", SYS_move_pages, { 0, 1, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "swapon", SYS_swapon, { 0, 0 }, EPERM },
	{ BOTH, NATIVE, "personality(other)", SYS_personality, { 0x0040000 }, EPERM },
	{ BOTH, NATIVE, "open_by_handle_at", SYS_open_by_handle_at, { -1, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "init_module", SYS_init_module, { 0, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "reboot", SYS_reboot, { 0, 0, 0 }, EPERM },
	{ BOTH, NATIVE, "acct", SYS_acct, { 1 }, EPERM },
	{ BOTH, NATIVE, "kcmp", SYS_kcmp, { 1, 1, 99, 0 }, EPERM },
	{ BOTH, NATIVE, "mbind", SYS_mbind, { 0, 0, 99, 0 }, EPERM },
	{ BOTH, NATIVE, "settimeofday", SYS_settimeofday, { 1, 1 }, EPERM },

	/* Families: the kernel takes an int, so the high half must not matter. */
	{ BOTH, NATIVE, "socket(ALG)", SYS_socket, { 38, 5, 0 }, EPERM },
	{ BOTH, NATIVE, "socket(VSOCK)", SYS_socket, { 40, 1, 0 }, EPERM },
	{ BOTH, NATIVE, "socket(2^32 + ALG)", SYS_socket, { (1L << 32) + 38, 5, 0 }, EPERM },
	{ BOTH, NATIVE, "socket(-2^32 + VSOCK)", SYS_socket, { -(1L << 32) + 40, 1, 0 }, EPERM },
	{ BOTH, NATIVE, "socket(NETLINK_AUDIT)", SYS_socket, { 16, 3, 9 }, EINVAL },

	/* Namespaces and mounts. */
	{ DEFAULT, NATIVE, "unshare(NEWUSER)", SYS_unshare, { NEWUSER }, EPERM },
	{ DEFAULT, NATIVE, "unshare(0)", SYS_unshare, { 0 }, EPERM },
	{ DEFAULT, NATIVE, "clone(NEWUSER)", SYS_clone, { NEWUSER | SIGCHLD }, EPERM },
	{ DEFAULT, NATIVE, "clone(NEWNS)", SYS_clone, { NEWNS | SIGCHLD }, EPERM },
	{ DEFAULT, NATIVE, "clone(NEWNET)", SYS_clone, { NEWNET | SIGCHLD }, EPERM },
	{ DEFAULT, NATIVE, "setns", SYS_setns, { -1, NEWUSER }, EPERM },
	{ DEFAULT, NATIVE, "mount", SYS_mount, { 0, 0, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "umount2", SYS_umount2, { 0, 0x1000 }, EPERM },
	{ DEFAULT, NATIVE, "pivot_root", SYS_pivot_root, { 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "fsopen", SYS_fsopen, { 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "open_tree", SYS_open_tree, { -1, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "open_tree_attr", SYS_open_tree_attr_number, { -1, 0, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "mount_setattr", SYS_mount_setattr, { -1, 0, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "sethostname", SYS_sethostname, { 0, -1 }, EPERM },
	{ DEFAULT, NATIVE, "bpf", SYS_bpf, { 99, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "syslog", SYS_syslog, { 99, 0, 0 }, EPERM },
	{ DEFAULT, NATIVE, "fanotify_init", SYS_fanotify_init, { -1, -1 }, EPERM },
	{ ADMIN, NATIVE, "unshare(0)", SYS_unshare, { 0 }, PASSES },
	{ ADMIN, NATIVE, "setns", SYS_setns, { -1, NEWUSER }, EBADF },
	{ ADMIN, NATIVE, "clone3", SYS_clone3, { 0, 1 }, EINVAL },

#ifdef __x86_64__
	{ BOTH, NATIVE, "x32 getpid", X32_BIT + SYS_getpid, { 0 }, ENOSYS },
	{ BOTH, NATIVE, "x32 mseal", X32_BIT + 462, { 0 }, ENOSYS },
	{ BOTH, NATIVE, "iopl", SYS_iopl, { 3 }, EPERM },
	{ BOTH, NATIVE, "modify_ldt", SYS_modify_ldt, { 0, 0, 0 }, PASSES },

	{ BOTH, I386, "getpid", 20, { 0 }, PASSES },
	{ BOTH, I386, "number 600", UNKNOWN_NUMBER, { 0 }, ENOSYS },
	{ BOTH, I386, "socket(INET)", 359, { 2, 2, 0 }, PASSES },
	{ BOTH, I386, "socket(ALG)", 359, { 38, 5, 0 }, EPERM },
	{ BOTH, I386, "socket(VSOCK)", 359, { 40, 1, 0 }, EPERM },
	{ BOTH, I386, "socket(NETLINK_AUDIT)", 359, { 16, 3, 9 }, EINVAL },
	{ BOTH, I386, "socketcall(SOCKET)", 102, { 1, 0 }, EFAULT },
	{ BOTH, I386, "personality(?)", 136, { -1L }, PASSES },
	{ BOTH, I386, "personality(other)", 136, { 0x0040000 }, EPERM },
	{ BOTH, I386, "keyctl", 288, { 0, -3, 0 }, EPERM },
	{ BOTH, I386, "io_uring_setup", 425, { 1, 0 }, EPERM },
	{ BOTH, I386, "mseal", 462, { 1, 0, 0 }, EINVAL + NEWER },
	{ BOTH, I386, "vm86old", 113, { 0 }, EPERM },
	{ DEFAULT, I386, "unshare(NEWUSER)", 310, { NEWUSER }, EPERM },
	{ DEFAULT, I386, "clone(NEWUSER)", 120, { NEWUSER | SIGCHLD }, EPERM },
	{ DEFAULT, I386, "clone3", 435, { 0 }, ENOSYS },
	{ DEFAULT, I386, "setns", 346, { -1, NEWUSER }, EPERM },
	{ DEFAULT, I386, "mount", 21, { 0, 0, 0, 0 }, EPERM },
	{ DEFAULT, I386, "umount", 22, { 0 }, EPERM },
	{ DEFAULT, I386, "bpf", 357, { 99, 0, 0 }, EPERM },
#endif
};

#ifdef __x86_64__
static sigjmp_buf no_i386;

static void on_segv(int sig)
{
	(void)sig;
	siglongjmp(no_i386, 1);
}

/* The 32-bit entry: a kernel without it answers by SIGSEGV. */
static long call_i386(const struct call *c)
{
	long result = c->number;

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(c->args[0]), "c"(c->args[1]), "d"(c->args[2]), "S"(c->args[3])
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}
#endif

/* The value, or -errno. */
static long call_native(const struct call *c)
{
	long r = syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3]);

	return r < 0 ? -errno : r;
}

static int is_wrong(const struct call *c, long got)
{
	int want = c->want % NEWER;

	if (c->want >= NEWER && got == -ENOSYS)
		return 0;
	return want == PASSES ? got < 0 : got != -want;
}

static int have_i386(void)
{
#ifdef __x86_64__
	static const struct call getpid_i386 = { BOTH, I386, "getpid", 20, { 0 }, PASSES };

	(void)signal(SIGSEGV, on_segv);
	if (sigsetjmp(no_i386, 1) == 0 && call_i386(&getpid_i386) == getpid())
		return 1;
#endif
	return 0;
}

int main(int argc, char **argv)
{
	enum caps caps = argc > 1 && strcmp(argv[1], "admin") == 0 ? ADMIN : DEFAULT;
	int with_i386 = have_i386(), n = 0, wrong = 0;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *c = &calls[i];
		long got;

		if ((c->caps != BOTH && c->caps != caps) || (c->abi == I386 && !with_i386))
			continue;
#ifdef __x86_64__
		got = c->abi == I386 ? call_i386(c) : call_native(c);
#else
		got = call_native(c);
#endif
		n++;
		if (!is_wrong(c, got))
			continue;
		wrong++;
		(void)printf("%s%s: %ld (%s), wanted %s\n", c->abi == I386 ? "i386 " : "", c->name,
			got, got < 0 ? strerror((int)-got) : "success",
			c->want == PASSES ? "success" : strerror(c->want % NEWER));
	}
	(void)printf("%d calls, %d wrong%s\n", n, wrong, with_i386 ? "" : " (no i386 here)");
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
