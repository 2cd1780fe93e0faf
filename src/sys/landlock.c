#include "sys/landlock.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* The same numbers on every architecture; older kernel headers lack them. */
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule	     445
#define __NR_landlock_restrict_self  446
#endif

#define CREATE_VERSION	  1U
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR   (1ULL << 6)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_MAKE_SOCK   (1ULL << 9)
#define FS_MAKE_FIFO   (1ULL << 10)
#define FS_MAKE_BLOCK  (1ULL << 11)
#define FS_MAKE_SYM    (1ULL << 12)
#define FS_REFER       (1ULL << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */

#define NET_BIND_TCP	(1ULL << 0) /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)

#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL	      (1ULL << 1)

/* The kernel takes a shorter structure as one that ends in zeros. */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_beneath_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

static uint64_t fs_known(int abi)
{
	uint64_t fs = FS_REFER | (FS_REFER - 1);

	if (abi >= 3)
		fs |= FS_TRUNCATE;
	if (abi >= 5)
		fs |= FS_IOCTL_DEV;
	return fs;
}

static uint64_t fs_of(uint64_t access)
{
	uint64_t fs = 0;

	if (access & LANDLOCK_READ)
		fs |= FS_READ_FILE | FS_READ_DIR;
	if (access & LANDLOCK_WRITE)
		fs |= FS_WRITE_FILE | FS_TRUNCATE;
	if (access & LANDLOCK_MAKE)
		fs |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR | FS_MAKE_DIR | FS_MAKE_REG |
		      FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM | FS_REFER;
	return fs;
}

int landlock_abi(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static int rules_add(
	int set, const struct landlock_rule *rules, size_t n, uint64_t known, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct path_beneath_attr attr = {
			.access = fs_of(rules[i].access) & known,
			.fd = rules[i].dir_fd,
		};

		if (syscall(__NR_landlock_add_rule, set, RULE_PATH_BENEATH, &attr, 0) < 0)
			return err_sys(err, errno, "add a Landlock rule");
	}
	return 0;
}

int landlock_restrict(const struct landlock_rule *rules, size_t n, struct err *err)
{
	int abi = landlock_abi();
	struct ruleset_attr attr = { .fs = fs_known(abi) };
	size_t size = sizeof(attr.fs);
	autofd int set = -EBADF;
	int r;

	if (abi < 2)
		return 0;
	if (abi >= 4) {
		attr.net = NET_BIND_TCP | NET_CONNECT_TCP;
		size += sizeof(attr.net);
	}
	if (abi >= LANDLOCK_ABI_SCOPE) {
		attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
		size += sizeof(attr.scoped);
	}
	set = (int)syscall(__NR_landlock_create_ruleset, &attr, size, 0);
	if (set < 0)
		return err_sys(err, errno, "create a Landlock ruleset");
	r = rules_add(set, rules, n, attr.fs, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set no_new_privs");
	if (syscall(__NR_landlock_restrict_self, set, 0) < 0)
		return err_sys(err, errno, "enter the Landlock ruleset");
	return 1;
}

int landlock_scope(struct err *err)
{
	const struct ruleset_attr attr = { .scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL };
	autofd int set = -EBADF;

	if (landlock_abi() < LANDLOCK_ABI_SCOPE)
		return 0;
	set = (int)syscall(__NR_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (set < 0)
		return err_sys(err, errno, "create a Landlock scope");
	if (syscall(__NR_landlock_restrict_self, set, 0) < 0)
		return err_sys(err, errno, "enter the Landlock scope");
	return 1;
}
