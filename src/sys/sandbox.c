#include "sys/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SANDBOX_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define SANDBOX_ARCH AUDIT_ARCH_PPC64LE
#else
#error "sandbox: name this machine's AUDIT_ARCH (and the half of an argument that comes first)"
#endif

/* All of these are little-endian: the low half of a 64-bit argument comes first. */
#define ARG_LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))

#define LOAD(offset)	  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define RETURN(action)	  BPF_STMT(BPF_RET | BPF_K, (action))
#define IF_EQUAL(k, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (t), (f))
#define IF_BITS(k, t, f)  BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), (t), (f))

/* Prologue, two instructions for a plain call, up to eight for one with a check, epilogue. */
#define PROGRAM_MAX (8 + SANDBOX_CALLS_MAX * 8)

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short n;
};

static void emit(struct program *p, struct sock_filter ins)
{
	p->code[p->n++] = ins;
}

static void emit_prologue(struct program *p)
{
	emit(p, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
	emit(p, (struct sock_filter)IF_EQUAL(SANDBOX_ARCH, 1, 0));
	emit(p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	/* x32 has the same architecture and other numbers: none of them is in a list. */
	emit(p, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
}

/*
 * What opendir and dup want. Not the rest: signals to owners of descriptors, leases and locks that
 * hold others up, pipe sizes. Only the low half of the argument counts, for the kernel too.
 */
static void emit_fcntl(struct program *p)
{
	static const uint32_t commands[] = { F_GETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC };
	const uint8_t n = sizeof(commands) / sizeof(commands[0]);

	emit(p, (struct sock_filter)IF_EQUAL(__NR_fcntl, 0, n + 3));
	emit(p, (struct sock_filter)LOAD(ARG_LOW(1)));
	for (uint8_t i = 0; i < n; i++)
		emit(p, (struct sock_filter)IF_EQUAL(commands[i], n - i, 0));
	emit(p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	emit(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
}

static void emit_call(struct program *p, int nr)
{
	if (nr == __NR_fcntl) {
		emit_fcntl(p);
		return;
	}
	/* Memory that is both written and executed is what an exploit wants next. */
	if (nr == __NR_mmap || nr == __NR_mprotect) {
		emit(p, (struct sock_filter)IF_EQUAL((uint32_t)nr, 0, 4));
		emit(p, (struct sock_filter)LOAD(ARG_LOW(2)));
		emit(p, (struct sock_filter)IF_BITS(PROT_EXEC, 0, 1));
		emit(p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
		emit(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
		return;
	}
	emit(p, (struct sock_filter)IF_EQUAL((uint32_t)nr, 0, 1));
	emit(p, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
}

bool sandbox_is_strict(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
	return false;
#else
	return true;
#endif
#else
	return true;
#endif
}

int sandbox_allow(const int *calls, size_t n, struct err *err)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.code };

	if (!sandbox_is_strict())
		return 0;
	assert_that(n <= SANDBOX_CALLS_MAX);
	emit_prologue(&p);
	for (size_t i = 0; i < n; i++)
		if (calls[i] >= 0)
			emit_call(&p, calls[i]);
	emit(&p, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	prog.len = p.n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set no_new_privs");
	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(err, errno, "load the system call filter");
	return 0;
}

int sandbox_keep_caps(uint64_t mask, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2], want[2];

	if (syscall(__NR_capget, &header, have) < 0)
		return err_sys(err, errno, "read capabilities");
	for (int i = 0; i < 2; i++) {
		uint32_t keep = have[i].permitted & (uint32_t)(mask >> (32 * i));

		want[i] = (struct __user_cap_data_struct){ keep, keep, 0 };
	}
	if (syscall(__NR_capset, &header, want) < 0)
		return err_sys(err, errno, "give up capabilities");
	return 0;
}
