/* Registers and memory of a stopped process. */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include "driver.h"

/* <sys/ptrace.h> and <linux/ptrace.h> cannot be included together everywhere. */
long peer_ptrace(int request, pid_t pid, uintptr_t addr, uintptr_t data)
{
	return syscall(SYS_ptrace, (long)request, (long)pid, addr, data);
}

int peer_look(pid_t pid, struct peer_call *ret)
{
	struct ptrace_syscall_info info = { 0 };

	if (peer_ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info) < 0)
		return -errno;
	*ret = (struct peer_call){ .stop = PEER_OTHER };
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		ret->stop = PEER_ENTRY;
		ret->nr = (long)info.entry.nr;
		for (int i = 0; i < CALL_ARGS; i++)
			ret->args[i] = info.entry.args[i];
	} else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		ret->stop = PEER_EXIT;
		ret->result = info.exit.rval;
	}
	return 0;
}

static int get_regs(pid_t pid, struct user_regs_struct *ret)
{
	struct iovec v = { .iov_base = ret, .iov_len = sizeof(*ret) };

	return peer_ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v) < 0 ? -errno : 0;
}

static int set_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec v = { .iov_base = regs, .iov_len = sizeof(*regs) };

	return peer_ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (uintptr_t)&v) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
static void put_arg(struct user_regs_struct *regs, unsigned index, uint64_t value)
{
	unsigned long long *const places[CALL_ARGS] = {
		(unsigned long long *)&regs->rdi,
		(unsigned long long *)&regs->rsi,
		(unsigned long long *)&regs->rdx,
		(unsigned long long *)&regs->r10,
		(unsigned long long *)&regs->r8,
		(unsigned long long *)&regs->r9,
	};

	*places[index] = value;
}

static void put_result(struct user_regs_struct *regs, int64_t result)
{
	regs->rax = (unsigned long long)result;
}

static int put_number(pid_t pid, struct user_regs_struct *regs, long nr)
{
	(void)pid;
	regs->orig_rax = (unsigned long long)nr;
	return 0;
}
#elif defined(__aarch64__)
static void put_arg(struct user_regs_struct *regs, unsigned index, uint64_t value)
{
	regs->regs[index] = value;
}

static void put_result(struct user_regs_struct *regs, int64_t result)
{
	regs->regs[0] = (uint64_t)result;
}

static int put_number(pid_t pid, struct user_regs_struct *regs, long nr)
{
	int number = (int)nr;
	struct iovec v = { .iov_base = &number, .iov_len = sizeof(number) };

	(void)regs;
	return peer_ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, (uintptr_t)&v) < 0 ? -errno
											 : 0;
}
#else
#error "fault_driver: say where this machine keeps a call's number, arguments and result"
#endif

int peer_set_arg(pid_t pid, unsigned index, uint64_t value)
{
	struct user_regs_struct regs;
	int r = get_regs(pid, &regs);

	if (r < 0)
		return r;
	put_arg(&regs, index, value);
	return set_regs(pid, &regs);
}

int peer_replace(pid_t pid)
{
	struct user_regs_struct regs;
	int r = get_regs(pid, &regs);

	if (r >= 0)
		r = put_number(pid, &regs, SYS_close);
	if (r < 0)
		return r;
	put_arg(&regs, 0, UINT64_MAX);
	return set_regs(pid, &regs);
}

int peer_set_result(pid_t pid, int64_t result)
{
	struct user_regs_struct regs;
	int r = get_regs(pid, &regs);

	if (r < 0)
		return r;
	put_result(&regs, result);
	return set_regs(pid, &regs);
}

bool peer_read(pid_t pid, uint64_t address, void *ret, size_t size)
{
	struct iovec mine = { .iov_base = ret, .iov_len = size };
	struct iovec theirs = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

	return process_vm_readv(pid, &mine, 1, &theirs, 1, 0) == (ssize_t)size;
}

bool peer_read_string(pid_t pid, uint64_t address, char *ret, size_t size)
{
	size_t done = 0;

	/* Up to the end of a page at a time: the next one may not be there. */
	while (address && done < size - 1) {
		size_t page = 4096 - (size_t)((address + done) % 4096);
		size_t n = page < size - 1 - done ? page : size - 1 - done;

		if (!peer_read(pid, address + done, ret + done, n))
			return false;
		if (memchr(ret + done, '\0', n))
			return true;
		done += n;
	}
	ret[done] = '\0';
	return address != 0;
}
