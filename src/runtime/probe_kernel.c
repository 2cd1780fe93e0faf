/* Probes of what the kernel lets this user do: namespaces, file systems in them, confinement. */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "runtime/probe_priv.h"
#include "runtime/seccomp_profile.h"
#include "sys/landlock.h"
#include "sys/mount.h"
#include "sys/seccomp.h"

#define FLOOR_MAJOR   5
#define FLOOR_MINOR   14
#define LANDLOCK_NEED 2

#define USERNS_SYSCTL	"/proc/sys/user/max_user_namespaces"
#define DEBIAN_SYSCTL	"/proc/sys/kernel/unprivileged_userns_clone"
#define APPARMOR_SYSCTL "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

static void probe_kernel(const struct probe_env *env, struct probe_result *r)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	const char *p;

	(void)env;
	(void)uname(&u);
	for (p = u.release; *p >= '0' && *p <= '9'; p++)
		major = major * 10 + (unsigned)(*p - '0');
	for (p += *p == '.'; *p >= '0' && *p <= '9'; p++)
		minor = minor * 10 + (unsigned)(*p - '0');
	probe_detail(r, "%s %s", u.sysname, u.release);
	if (major > FLOOR_MAJOR || (major == FLOOR_MAJOR && minor >= FLOOR_MINOR))
		return;
	probe_missing(r, "nothing runs: proa needs %d.%d", FLOOR_MAJOR, FLOOR_MINOR);
	probe_fix(r, "install a newer kernel (Debian: sudo apt install -t bookworm-backports "
		     "linux-image-amd64)");
}

/* Which of the known locks keeps user namespaces away. */
static void explain_userns(struct probe_result *r, int errnum)
{
	int64_t n;

	probe_call(r, errnum, "unshare(CLONE_NEWUSER)");
	if (probe_read_number(USERNS_SYSCTL, &n) && n == 0)
		probe_fix(r, "sudo sysctl -w user.max_user_namespaces=15000");
	else if (probe_read_number(DEBIAN_SYSCTL, &n) && n == 0)
		probe_fix(r, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	else if (errnum == ENOSPC || errnum == EUSERS)
		probe_fix(r, "sudo sysctl -w user.max_user_namespaces=15000");
	else if (errnum == ENOSYS || errnum == EPERM)
		probe_fix(r, "start the outer container with --security-opt seccomp=unconfined");
}

static void probe_userns(const struct probe_env *env, struct probe_result *r)
{
	int64_t limit = 0;
	int k;

	(void)env;
	if (geteuid() == 0) {
		probe_detail(r, "not needed: root's containers run without one");
		return;
	}
	k = probe_unshare(CLONE_NEWUSER);
	if (k < 0) {
		explain_userns(r, -k);
		probe_missing(r, "nothing runs for users: only root can start containers");
		return;
	}
	if (probe_read_number(USERNS_SYSCTL, &limit))
		probe_detail(r, "at most %lld", (long long)limit);
}

/* Ubuntu since 23.10: the namespace is made, and everything in it is refused. */
static void probe_apparmor_userns(const struct probe_env *env, struct probe_result *r)
{
	int64_t restricted = 0;
	int k;

	(void)env;
	if (geteuid() == 0 || !probe_read_number(APPARMOR_SYSCTL, &restricted) || !restricted) {
		probe_detail(r, "no restriction");
		return;
	}
	k = probe_unshare(CLONE_NEWUSER | CLONE_NEWNS);
	if (k == 0 && mount("none", "/tmp", "tmpfs", 0, NULL) < 0)
		k = -errno;
	if (k == 0) {
		probe_detail(r, "restricted, and allowed for this program");
		return;
	}
	probe_detail(r, "user namespaces have no rights (AppArmor)");
	probe_call(r, -k, "mount(tmpfs)");
	probe_missing(r, "nothing runs for users");
	probe_fix(r, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

/* One file system of a kind in fresh namespaces. 0 or -errno. */
static int mount_fresh(const char *type, int namespaces)
{
	int k = probe_unshare(namespaces | CLONE_NEWNS);
	autofd int fs = -EBADF, mnt = -EBADF;

	if (k < 0)
		return k;
	fs = mount_fs_open(type);
	if (fs < 0)
		return fs;
	mnt = mount_fs_mount(fs, MATTR_NOSUID | MATTR_NODEV | MATTR_NOEXEC);
	return mnt < 0 ? mnt : 0;
}

/* A pid namespace holds for children, so proc has to be mounted by one. */
static int mount_fresh_proc(void)
{
	int k = probe_unshare(CLONE_NEWPID | CLONE_NEWNS), status = 0;
	pid_t pid;

	if (k < 0)
		return k;
	pid = fork();
	if (pid == 0) {
		int fs = mount_fs_open("proc");
		int mnt = fs < 0 ? fs : mount_fs_mount(fs, MATTR_NOSUID | MATTR_NODEV);

		_exit(mnt < 0 ? -mnt : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static void probe_proc(const struct probe_env *env, struct probe_result *r)
{
	int k = mount_fresh_proc();

	(void)env;
	if (k == 0) {
		probe_detail(r, "a fresh one can be mounted");
		return;
	}
	probe_call(r, -k, "fsmount(proc)");
	probe_degraded(r, "containers get a copy of the outer /proc, with the outer processes");
	probe_fix(r, "start the outer container with --security-opt systempaths=unconfined");
}

static void probe_sysfs(const struct probe_env *env, struct probe_result *r)
{
	int k = mount_fresh("sysfs", CLONE_NEWNET);

	(void)env;
	if (k == 0) {
		probe_detail(r, "a fresh one can be mounted");
		return;
	}
	probe_call(r, -k, "fsmount(sysfs)");
	probe_degraded(r, "containers get a read-only copy of the outer /sys");
	probe_fix(r, "start the outer container with --security-opt systempaths=unconfined");
}

static void probe_mqueue(const struct probe_env *env, struct probe_result *r)
{
	int k = mount_fresh("mqueue", CLONE_NEWIPC);

	(void)env;
	if (k == 0) {
		probe_detail(r, "can be mounted");
		return;
	}
	probe_call(r, -k, "fsmount(mqueue)");
	probe_degraded(r, "containers start without /dev/mqueue");
	probe_fix(r, "use a kernel built with CONFIG_POSIX_MQUEUE");
}

/* Loaded for real, in this child. */
static void probe_seccomp(const struct probe_env *env, struct probe_result *r)
{
	AUTO(seccomp_program) struct seccomp_program p = { 0 };
	struct err err = { 0 };
	int k = seccomp_probe();

	(void)env;
	if (k > 0)
		k = seccomp_profile_choose(0, NULL, &p, &err);
	if (k == 0 && !p.n_insns) {
		probe_missing(r, "start with --security-opt seccomp=unconfined, at your own risk");
		probe_detail(r, "the kernel takes no filters");
		probe_fix(r, "use a kernel built with CONFIG_SECCOMP_FILTER");
		return;
	}
	probe_detail(r, "filters are loaded, %u instructions by default", seccomp_default_count);
}

static void probe_landlock(const struct probe_env *env, struct probe_result *r)
{
	int abi = landlock_abi();

	(void)env;
	probe_detail(r, "ABI %d", abi);
	if (abi >= LANDLOCK_ABI_SCOPE)
		return;
	if (abi >= LANDLOCK_NEED) {
		probe_degraded(
			r, "with --network host, abstract sockets of the host stay in reach");
		probe_fix(r, "use Linux 6.12 or newer");
		return;
	}
	probe_degraded(r, "the unpacker of images is confined by namespace and filter only");
	if (abi == 0)
		probe_fix(r, "add landlock to lsm= on the kernel's command line");
	else
		probe_fix(r, "use Linux 5.19 or newer");
}

static void probe_keyring(const struct probe_env *env, struct probe_result *r)
{
	(void)env;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) >= 0) {
		probe_detail(r, "each container gets its own");
		return;
	}
	if (errno == EDQUOT) {
		probe_missing(r, "end other containers of this user first");
		probe_call(r, errno, "keyctl");
		probe_fix(r, "sudo sysctl -w kernel.keys.maxkeys=2000");
		return;
	}
	probe_call(r, errno, "keyctl");
	probe_degraded(r, "there are no keyrings here, and none is in a container's reach");
}

static void probe_lsm(const struct probe_env *env, struct probe_result *r)
{
	char list[96];

	(void)env;
	if (!probe_read_line("/sys/kernel/security/lsm", list, sizeof(list))) {
		probe_detail(r, "no list in /sys/kernel/security");
		return;
	}
	probe_detail(r, "%s", list);
}

static void probe_core_pattern(const struct probe_env *env, struct probe_result *r)
{
	char line[100];

	(void)env;
	if (!probe_read_line("/proc/sys/kernel/core_pattern", line, sizeof(line)) ||
		line[0] != '|') {
		probe_detail(r, "core dumps stay in the container");
		return;
	}
	probe_detail(r, "%s", line);
	probe_degraded(r, "a crash in a container starts this program on the host: the kernel does "
			  "not ask the container's limits");
	probe_fix(r, "sudo sysctl -w kernel.core_pattern=core");
}

const struct probe probes_kernel[] = {
	{ "kernel", "kernel", "Kernel", true, probe_kernel },
	{ "userns", "user namespaces", "Kernel", true, probe_userns },
	{ "apparmor_userns", "AppArmor on namespaces", "Kernel", true, probe_apparmor_userns },
	{ "proc", "new /proc", "Kernel", false, probe_proc },
	{ "sysfs", "new /sys", "Kernel", false, probe_sysfs },
	{ "mqueue", "message queues", "Kernel", false, probe_mqueue },
	{ "seccomp", "system call filters", "Confinement", true, probe_seccomp },
	{ "landlock", "Landlock", "Confinement", false, probe_landlock },
	{ "keyring", "session keyrings", "Confinement", false, probe_keyring },
	{ "lsm", "security modules", "Confinement", false, probe_lsm },
	{ "core_pattern", "core dumps", "Confinement", false, probe_core_pattern },
	{ NULL },
};
