/*
 * The rest of what a process sees of its surroundings: names, limits, working directory, sysctls.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/child_priv.h"
#include "sys/openat.h"

/*
 * A surrounding container's filter refuses the whole call, the harmless question too: what runs
 * here inherits that filter, so there is no keyring in reach.
 */
static bool keys_are_filtered(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) < 0 &&
	       (errno == EPERM || errno == ENOSYS);
}

/* Anonymous: a named one could be joined by others. Kernels without keys have none to leak. */
int child_op_keyring(struct child *c, const struct plan_op *op, struct err *err)
{
	int errnum;

	(void)c;
	(void)op;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0 || errno == ENOSYS)
		return 0;
	errnum = errno;
	if (errnum == EPERM && keys_are_filtered())
		return 0;
	errnum = err_sys(err, errnum, "cannot begin a session keyring");
	if (errnum == -EDQUOT)
		return err_hint(err, errnum,
			"each running container of a user counts: sysctl -w "
			"kernel.keys.maxkeys=2000");
	return errnum;
}

/* "self" is a link of procfs, and our procfs may be a clone of the caller's. */
int child_op_oom_score(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int fd = openat_resolve(child_slot(c, PLAN_SLOT_PROC), "self/oom_score_adj",
		O_WRONLY, 0, OPENAT_BENEATH | OPENAT_NO_MAGICLINKS);
	size_t len = strlen(op->source);
	int r = fd < 0 ? fd : 0;

	if (r >= 0 && write(fd, op->source, len) != (ssize_t)len)
		r = -errno;
	if (r >= 0)
		return 0;
	r = err_sys(err, -r, "cannot set the OOM score adjustment to %s", op->source);
	return r == -EACCES ? err_hint(err, r, "only root may go below the value of the caller")
			    : r;
}

/* Through our own procfs: nothing of the image can be in the way (CVE-2025-52881). */
int child_op_sysctl(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int fd = openat_strict(child_slot(c, op->into), op->path, O_WRONLY, 0);
	size_t len = strlen(op->source);
	bool optional = op->flags & PLAN_OPTIONAL;

	if (fd < 0)
		return optional ? 0 : err_sys(err, -fd, "sysctl %s", op->path);
	if (write(fd, op->source, len) != (ssize_t)len)
		return optional ? 0 : err_sys(err, errno, "sysctl %s", op->path);
	return 0;
}

int child_op_loopback(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	(void)c;
	(void)op;
	if (fd < 0)
		return err_sys(err, errno, "cannot open a socket for the loopback interface");
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(err, errno, "cannot bring the loopback interface up");
	return 0;
}

int child_op_hostname(struct child *c, const struct plan_op *op, struct err *err)
{
	(void)c;
	if (sethostname(op->path, strlen(op->path)) < 0)
		return err_sys(err, errno, "cannot set the host name %s", op->path);
	return 0;
}

int child_op_domainname(struct child *c, const struct plan_op *op, struct err *err)
{
	(void)c;
	if (setdomainname(op->path, strlen(op->path)) < 0)
		return err_sys(err, errno, "cannot set the domain name %s", op->path);
	return 0;
}

/*
 * By descriptor inside the root, no magic link on the way: "/proc/self/fd/N" cannot lead out
 * (CVE-2024-21626). getcwd of the kernel says "(unreachable)" when it did all the same.
 */
int child_op_workdir(struct child *c, const struct plan_op *op, struct err *err)
{
	autofd int fd = openat_make_dirs(child_slot(c, PLAN_SLOT_ROOT), op->path, 0755);
	char where[PATH_MAX];

	if (fd < 0)
		return err_exit(err, err_sys(err, -fd, "working directory %s", op->path), 126);
	if (fchdir(fd) < 0)
		return err_exit(err, err_sys(err, errno, "working directory %s", op->path), 126);
	if (syscall(SYS_getcwd, where, sizeof(where)) < 0 || where[0] != '/')
		return err_exit(err,
			err_set(err, ERR_DENIED,
				"the working directory %s is outside of the container", op->path),
			126);
	return 0;
}

int child_op_rlimit(struct child *c, const struct plan_op *op, struct err *err)
{
	const struct spec_rlimit *l = &c->spec->rlimits[op->index];
	const struct rlimit rl = {
		.rlim_cur = l->soft == UINT64_MAX ? RLIM_INFINITY : l->soft,
		.rlim_max = l->hard == UINT64_MAX ? RLIM_INFINITY : l->hard,
	};

	if (setrlimit(l->resource, &rl) < 0)
		return err_sys(err, errno, "cannot set resource limit %d to %llu:%llu", l->resource,
			(unsigned long long)l->soft, (unsigned long long)l->hard);
	return 0;
}
