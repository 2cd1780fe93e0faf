/*
 * The filters, by what they do: each is loaded in a child, which then execs tests/seccomp/probe.c
 * or makes single calls. Profiles in docker's format are judged the same way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/str.h"
#include "runtime/seccomp_profile.h"
#include "runtime/seccomp_table.h"
#include "sys/caps.h"

#define CAP_SYS_ADMIN_BIT CAPS_BIT(21)
#define CAP_CHOWN_BIT	  CAPS_BIT(0)

/* Child: load, exec the probe. Returns its exit status. */
static int run_probe(const struct seccomp_program *p, const char *mode)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
			seccomp_program_load(p, NULL) == 0)
			execl(PROBE, PROBE, mode, NULL);
		_exit(99);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Child: load, call once. Returns the errno, 0 for success. */
static int errno_under(const struct seccomp_program *p, long number, long a, long b, long c)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_program_load(p, NULL) < 0)
			_exit(250);
		/* Raw: what a sanitizer does at exit may be refused here. */
		(void)syscall(SYS_exit_group, syscall(number, a, b, c, 0) < 0 ? errno : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_default(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(seccomp_profile_choose(CAPS_DEFAULT, NULL, &p, NULL), 0);
	assert_ptr_equal(p.insns, seccomp_default_insns);
	assert_null(p.owned);
	assert_int_equal(run_probe(&p, "default"), 0);
}

static void test_irrelevant_caps_share_the_default(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(
		seccomp_profile_choose(CAPS_DEFAULT & ~CAP_CHOWN_BIT, "default", &p, NULL), 0);
	assert_ptr_equal(p.insns, seccomp_default_insns);
}

static void test_admin(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(
		seccomp_profile_choose(CAPS_DEFAULT | CAP_SYS_ADMIN_BIT, NULL, &p, NULL), 0);
	assert_non_null(p.owned);
	assert_int_equal(run_probe(&p, "admin"), 0);
}

static void test_no_caps_at_all(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(seccomp_profile_choose(0, NULL, &p, NULL), 0);
	assert_int_equal(errno_under(&p, SYS_chroot, 0, 0, 0), EPERM);
	assert_int_equal(errno_under(&p, SYS_getpid, 0, 0, 0), 0);
	assert_int_equal(run_probe(&p, "default"), 0);
}

static void test_unconfined(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(seccomp_profile_choose(CAPS_DEFAULT, "unconfined", &p, NULL), 0);
	assert_int_equal(p.n_insns, 0);
	assert_int_equal(errno_under(&p, SYS_chroot, 0, 0, 0), EFAULT);
}

/* A program that is not static is copied when it is taken; the copy does the same. */
static void test_take(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };
	unsigned short n = 0;
	autofree struct sock_filter *insns = NULL;

	(void)state;
	assert_int_equal(seccomp_profile_choose(CAPS_DEFAULT, NULL, &p, NULL), 0);
	insns = seccomp_program_take(&p, &n);
	assert_int_equal(n, seccomp_default_count);
	assert_memory_equal(insns, seccomp_default_insns, n * sizeof(*insns));
	assert_int_equal(p.n_insns, 0);
}

static void test_every_machine_compiles(void **state)
{
	static const char *const machines[] = { "x86_64", "aarch64", "riscv64" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		AUTO(seccomp_program) struct seccomp_program p = { 0 };

		assert_int_equal(seccomp_table_compile(machines[i], CAPS_ALL_KNOWN, &p, NULL), 0);
		assert_in_range(p.n_insns, 50, 1000);
	}
	struct seccomp_program none = { 0 };
	assert_int_equal(seccomp_table_compile("vax", 0, &none, NULL), -ERR_UNSUPPORTED);
}

/* One run of a filter as the kernel's interpreter does it, for machines that are not this one. */
static uint32_t interpret(const struct seccomp_program *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t i = 0; i < p->n_insns; i++) {
		const struct sock_filter *f = &p->insns[i];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			i += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			i += a > f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %#x", f->code);
		}
	}
	fail_msg("ran past the end");
	return 0;
}

#define ALLOW	 SECCOMP_RET_ALLOW
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

struct foreign {
	const char *machine;
	uint32_t arch, number;
	uint64_t a0, a2;
	uint32_t want;
};

/* Numbers as the kernel's tables have them. */
static const struct foreign foreign_calls[] = {
	{ "x86_64", AUDIT_ARCH_I386, 20 /* getpid */, 0, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 359 /* socket */, 2, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 359, 38, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 359, 40, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 359, 16, 9, ERRNO(EINVAL) },
	{ "x86_64", AUDIT_ARCH_I386, 102 /* socketcall */, 1, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 117 /* ipc */, 0, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 136 /* personality */, 0xffffffff, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 136, 0x40000, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 120 /* clone */, SIGCHLD, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 120, CLONE_NEWUSER, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 310 /* unshare */, CLONE_NEWUSER, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 435 /* clone3 */, 0, 0, ERRNO(ENOSYS) },
	{ "x86_64", AUDIT_ARCH_I386, 288 /* keyctl */, 0, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 425 /* io_uring_setup */, 0, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_I386, 462 /* mseal */, 0, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_I386, 335 /* rt_tgsigqueueinfo */, 0, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_X86_64, 335 /* uretprobe */, 0, 0, ALLOW },
	{ "x86_64", AUDIT_ARCH_X86_64, 41, (1ULL << 32) + 38, 0, ERRNO(EPERM) },
	{ "x86_64", AUDIT_ARCH_X86_64, 41, 16, (1ULL << 32) + 9, ERRNO(EINVAL) },
	{ "x86_64", AUDIT_ARCH_X86_64, 0x40000000 + 39, 0, 0, ERRNO(ENOSYS) },
	{ "x86_64", AUDIT_ARCH_X86_64, 0x40000000 + 462, 0, 0, ERRNO(ENOSYS) },
	{ "x86_64", AUDIT_ARCH_AARCH64, 172, 0, 0, ERRNO(ENOSYS) },
	{ "aarch64", AUDIT_ARCH_AARCH64, 172 /* getpid */, 0, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_AARCH64, 198 /* socket */, 2, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_AARCH64, 198, 38, 0, ERRNO(EPERM) },
	{ "aarch64", AUDIT_ARCH_AARCH64, 220 /* clone */, SIGCHLD, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_AARCH64, 220, CLONE_NEWUSER, 0, ERRNO(EPERM) },
	{ "aarch64", AUDIT_ARCH_AARCH64, 97 /* unshare */, 0, 0, ERRNO(EPERM) },
	{ "aarch64", AUDIT_ARCH_AARCH64, 278 /* getrandom */, 0, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_AARCH64, 462 /* mseal */, 0, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_ARM, 20 /* getpid */, 0, 0, ALLOW },
	{ "aarch64", AUDIT_ARCH_ARM, 281 /* socket */, 40, 0, ERRNO(EPERM) },
	{ "aarch64", AUDIT_ARCH_ARM, 983045 /* set_tls */, 0, 0, ALLOW },
	{ "riscv64", AUDIT_ARCH_RISCV64, 172 /* getpid */, 0, 0, ALLOW },
	{ "riscv64", AUDIT_ARCH_RISCV64, 258 /* riscv_hwprobe */, 0, 0, ALLOW },
	{ "riscv64", AUDIT_ARCH_RISCV64, 259 /* riscv_flush_icache */, 0, 0, ALLOW },
	{ "riscv64", AUDIT_ARCH_RISCV64, 198, 38, 0, ERRNO(EPERM) },
	{ "riscv64", AUDIT_ARCH_RISCV64, 600, 0, 0, ERRNO(ENOSYS) },
};

static void test_other_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(foreign_calls) / sizeof(foreign_calls[0]); i++) {
		const struct foreign *c = &foreign_calls[i];
		const struct seccomp_data data = {
			.nr = (int)c->number,
			.arch = c->arch,
			.args = { c->a0, 0, c->a2 },
		};
		AUTO(seccomp_program) struct seccomp_program p = { 0 };
		uint32_t got;

		assert_int_equal(seccomp_table_compile(c->machine, CAPS_DEFAULT, &p, NULL), 0);
		got = interpret(&p, &data);
		if (got != c->want)
			print_error("row %zu: %s %u: %#x\n", i, c->machine, c->number, got);
		assert_int_equal(got, c->want);
	}
}

/* Profile text to a file and through choose(). */
static int choose_text(const char *text, uint64_t caps, struct seccomp_program *p, struct err *err)
{
	char path[] = "/tmp/proa-seccomp-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
	r = seccomp_profile_choose(caps, path, p, err);
	(void)unlink(path);
	return r;
}

#define DENY_ALL(rules)	 "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" rules "]}"
#define ALLOW_ALL(rules) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" rules "]}"
#define EXIT_RULE	 "{\"names\":[\"exit_group\",\"exit\",\"getpid\"],\"action\":\"SCMP_ACT_ALLOW\"}"

static void test_profile_errnos(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(
		choose_text(ALLOW_ALL("{\"names\":[\"getuid\"],\"action\":"
				      "\"SCMP_ACT_ERRNO\",\"errnoRet\":77},"
				      "{\"name\":\"getgid\",\"action\":\"SCMP_ACT_ERRNO\"}"),
			0, &p, NULL),
		0);
	assert_int_equal(errno_under(&p, SYS_getuid, 0, 0, 0), 77);
	assert_int_equal(errno_under(&p, SYS_getgid, 0, 0, 0), EPERM);
	assert_int_equal(errno_under(&p, SYS_getpid, 0, 0, 0), 0);
}

/* Calls younger than the profile are unknown, not refused: C libraries fall back then. */
static void test_profile_newer_calls(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(choose_text(DENY_ALL(EXIT_RULE), 0, &p, NULL), 0);
	assert_int_equal(errno_under(&p, SYS_getuid, 0, 0, 0), EPERM);
	assert_int_equal(errno_under(&p, SYS_openat2, 0, 0, 0), ENOSYS);
	assert_int_equal(errno_under(&p, 600, 0, 0, 0), ENOSYS);
}

static void test_profile_conditions(void **state)
{
	static const char *const text =
		ALLOW_ALL("{\"names\":[\"getuid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
			  "\"excludes\":{\"caps\":[\"CAP_CHOWN\"]}},"
			  "{\"names\":[\"getgid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":2,"
			  "\"includes\":{\"caps\":[\"CAP_CHOWN\"]}},"
			  "{\"names\":[\"geteuid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":3,"
			  "\"includes\":{\"minKernel\":\"4.8\"}},"
			  "{\"names\":[\"getegid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":4,"
			  "\"includes\":{\"minKernel\":\"999.0\"}},"
			  "{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,"
			  "\"includes\":{\"arches\":[\"s390x\"]}}");

	(void)state;
	for (int with = 0; with < 2; with++) {
		AUTO(seccomp_program) struct seccomp_program p = { 0 };

		assert_int_equal(choose_text(text, with ? CAP_CHOWN_BIT : 0, &p, NULL), 0);
		assert_int_equal(errno_under(&p, SYS_getuid, 0, 0, 0), with ? 0 : 1);
		assert_int_equal(errno_under(&p, SYS_getgid, 0, 0, 0), with ? 2 : 0);
		assert_int_equal(errno_under(&p, SYS_geteuid, 0, 0, 0), 3);
		assert_int_equal(errno_under(&p, SYS_getegid, 0, 0, 0), 0);
		assert_int_equal(errno_under(&p, SYS_getppid, 0, 0, 0), 0);
	}
}

static void test_profile_arguments(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(
		choose_text(ALLOW_ALL("{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ERRNO\","
				      "\"errnoRet\":60,\"args\":[{\"index\":0,\"value\":7,"
				      "\"op\":\"SCMP_CMP_GT\"},{\"index\":1,\"value\":240,"
				      "\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
				      "{\"names\":[\"fchdir\"],\"action\":\"SCMP_ACT_ERRNO\","
				      "\"errnoRet\":61,\"args\":[{\"index\":0,\"value\":100,"
				      "\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":101,"
				      "\"op\":\"SCMP_CMP_EQ\"}]}"),
			0, &p, NULL),
		0);
	assert_int_equal(errno_under(&p, SYS_dup3, 900, 0x1f, 0), 60);
	assert_int_equal(errno_under(&p, SYS_dup3, 900, 0x2f, 0), EBADF);
	assert_int_equal(errno_under(&p, SYS_fchdir, 100, 0, 0), 61);
	assert_int_equal(errno_under(&p, SYS_fchdir, 101, 0, 0), 61);
	assert_int_equal(errno_under(&p, SYS_fchdir, 102, 0, 0), EBADF);
}

static void test_profile_new_names(void **state)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	assert_int_equal(choose_text(ALLOW_ALL("{\"names\":[\"mseal\"],\"action\":"
					       "\"SCMP_ACT_ERRNO\",\"errnoRet\":88}"),
				 0, &p, NULL),
		0);
	assert_int_equal(errno_under(&p, 462, 1, 0, 0), 88);
}

static void assert_refused(const char *text, int kind, const char *message)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };
	struct err err = { 0 };
	int r = choose_text(text, 0, &p, &err);

	if (r != -kind || !strstr(err.msg, message))
		print_error("%s: %d: %s\n", text, r, err.msg);
	assert_int_equal(r, -kind);
	assert_non_null(strstr(err.msg, message));
}

static void test_profile_refusals(void **state)
{
	(void)state;
	assert_refused("", ERR_FORMAT, "seccomp profile /tmp/proa-seccomp-");
	assert_refused("[]", ERR_FORMAT, "not a JSON object");
	assert_refused("{}", ERR_FORMAT, "defaultAction is missing");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", ERR_UNSUPPORTED,
		"SCMP_ACT_NOTIFY is not possible here");
	assert_refused(DENY_ALL("{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"}"),
		ERR_NOT_FOUND, "unknown system call no_such_call");
	assert_refused(DENY_ALL("{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}"), ERR_FORMAT,
		"syscalls[0]: names are missing");
	assert_refused(DENY_ALL("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
				"[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}"),
		ERR_FORMAT, "index is not 0 to 5");
	assert_refused(DENY_ALL("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":"
				"{\"minKernel\":\"5\"}}"),
		ERR_FORMAT, "minKernel: 5 is not MAJOR.MINOR");
	assert_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":"
		       "[\"SCMP_ARCH_S390X\"]}",
		ERR_UNSUPPORTED, "does not cover");
}

/* The profile that podman installs, where it is installed: facts, and a big real input. */
static void test_profile_of_podman(void **state)
{
	static const char *const path = "/usr/share/containers/seccomp.json";
	AUTO(seccomp_program) struct seccomp_program p = { 0 };

	(void)state;
	if (access(path, R_OK) < 0) {
		print_message("no %s here\n", path);
		skip();
	}
	assert_int_equal(seccomp_profile_choose(CAPS_DEFAULT, path, &p, NULL), 0);
	assert_int_equal(errno_under(&p, SYS_getpid, 0, 0, 0), 0);
	assert_int_equal(errno_under(&p, SYS_userfaultfd, 1, 0, 0), EPERM);
	assert_int_equal(errno_under(&p, SYS_bpf, 99, 0, 0), EPERM);
	assert_int_equal(errno_under(&p, SYS_socket, 16, 3, 9), EINVAL);
	assert_int_equal(errno_under(&p, SYS_socket, 2, 2, 0), 0);
	assert_int_equal(errno_under(&p, SYS_personality, 0x40000, 0, 0), ENOSYS);
}

static void test_missing_file(void **state)
{
	struct seccomp_program p = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(seccomp_profile_choose(0, "/nonexistent/profile.json", &p, &err), -ENOENT);
	assert_string_equal(err.msg, "seccomp profile /nonexistent/profile.json: open: "
				     "No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_irrelevant_caps_share_the_default),
		cmocka_unit_test(test_admin),
		cmocka_unit_test(test_no_caps_at_all),
		cmocka_unit_test(test_unconfined),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_every_machine_compiles),
		cmocka_unit_test(test_other_machines),
		cmocka_unit_test(test_profile_errnos),
		cmocka_unit_test(test_profile_newer_calls),
		cmocka_unit_test(test_profile_conditions),
		cmocka_unit_test(test_profile_arguments),
		cmocka_unit_test(test_profile_new_names),
		cmocka_unit_test(test_profile_refusals),
		cmocka_unit_test(test_profile_of_podman),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
