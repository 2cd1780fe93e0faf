/* Probes of where images and containers live: the store's file system and overlay on it. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/path.h"
#include "runtime/probe_priv.h"
#include "sys/file.h"
#include "sys/mount.h"

#define LOW_SPACE  (1024ULL * 1024 * 1024)
#define LOW_INODES 10000

static const struct {
	uint32_t magic;
	const char *name;
} fs_names[] = {
	{ 0xef53, "ext4" },
	{ 0x58465342, "xfs" },
	{ 0x9123683e, "btrfs" },
	{ 0x01021994, "tmpfs" },
	{ 0x6969, "nfs" },
	{ 0x794c7630, "overlay" },
	{ 0x2fc12fc1, "zfs" },
	{ 0xf2f52010, "f2fs" },
	{ 0x65735546, "fuse" },
	{ 0x01021997, "9p" },
	{ 0xff534d42, "cifs" },
	{ 0xca451a4e, "bcachefs" },
	{ 0x0bd00bd0, "lustre" },
	{ 0x00c36400, "ceph" },
	{ 0xf15f, "ecryptfs" },
};

static const char *fs_name(long magic)
{
	for (size_t i = 0; i < sizeof(fs_names) / sizeof(fs_names[0]); i++) {
		if (fs_names[i].magic == (uint32_t)magic)
			return fs_names[i].name;
	}
	return "another file system";
}

static void judge_space(const struct statfs *fs, uint64_t free_bytes, struct probe_result *r)
{
	if (free_bytes >= LOW_SPACE && (fs->f_files == 0 || fs->f_ffree >= LOW_INODES))
		return;
	probe_degraded(r, "small images only: a pull that does not fit is undone");
	probe_fix(r, "proa rmi IMAGE, or proa --root DIR on a larger disk");
}

static void probe_store(const struct probe_env *env, struct probe_result *r)
{
	autofd int fd = env->store ? open(env->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	enum file_fs_kind kind = FILE_FS_LOCAL;
	uint64_t free_bytes;
	struct statfs fs;
	char size[32];

	if (fd < 0 || fstatfs(fd, &fs) < 0) {
		probe_detail(r, "%s", env->store_error ? env->store_error : "cannot be opened");
		probe_missing(r, "nothing runs: there is no place for images");
		probe_fix(r, "export HOME, or proa --root DIR");
		return;
	}
	free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	clock_human_size(free_bytes, size, sizeof(size));
	probe_detail(r, "%s, %s free, %.80s", fs_name(fs.f_type), size, env->store);
	if (file_fs_kind(fd, &kind, NULL) >= 0 && kind == FILE_FS_NETWORK) {
		probe_degraded(r, "overlay does not work here: containers fail to start");
		probe_fix(r, "proa --root /var/tmp/proa-%u", (unsigned)geteuid());
		return;
	}
	judge_space(&fs, free_bytes, r);
}

static const char *const work_dirs[] = { "lower", "upper", "work" };
#define N_WORK_DIRS (sizeof(work_dirs) / sizeof(work_dirs[0]))

/*
 * In namespaces of its own: overlay with the options of a container. An errno. The directory is
 * opened anew there: overlay takes no descriptor of a mount in another namespace.
 */
static int try_overlay(const char *dir)
{
	autofd int fs = -EBADF, mnt = -EBADF;
	int k = probe_unshare(CLONE_NEWNS);

	if (k < 0)
		return -k;
	if (chdir(dir) < 0)
		return errno;
	fs = mount_fs_open("overlay");
	if (fs < 0)
		return -fs;
	k = mount_fs_set_flag(fs, "userxattr");
	if (k >= 0)
		k = mount_fs_set(fs, "lowerdir", "lower");
	if (k >= 0)
		k = mount_fs_set(fs, "upperdir", "upper");
	if (k >= 0)
		k = mount_fs_set(fs, "workdir", "work");
	if (k < 0)
		return -k;
	mnt = mount_fs_mount(fs, MATTR_NODEV);
	if (mnt < 0)
		return -mnt;
	k = openat(mnt, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return k < 0 ? errno : 0;
}

/* Overlay leaves work/work behind. */
static void remove_work(int parent, int dir, const char *name)
{
	static const char *const inner[] = { "upper/file", "work/work", "work/index" };

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		(void)unlinkat(dir, inner[i], AT_REMOVEDIR);
		(void)unlinkat(dir, inner[i], 0);
	}
	for (size_t i = 0; i < N_WORK_DIRS; i++)
		(void)unlinkat(dir, work_dirs[i], AT_REMOVEDIR);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* fn in a child that sees a scratch directory of the store; an errno. */
static int in_scratch(const char *store, int (*fn)(const char *dir))
{
	autofd int parent = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -EBADF;
	int status = 0;
	char name[40];
	autofree char *path = NULL;
	pid_t pid;

	if (parent < 0)
		return errno;
	(void)snprintf(name, sizeof(name), "tmp/doctor-%d", (int)getpid());
	path = path_join(store, name);
	if (mkdirat(parent, name, 0700) < 0)
		return errno;
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_WORK_DIRS; i++)
		(void)mkdirat(dir, work_dirs[i], 0700);
	pid = fork();
	if (pid == 0)
		_exit(fn(path));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		status = EAGAIN << 8;
	remove_work(parent, dir, name);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void probe_overlay(const struct probe_env *env, struct probe_result *r)
{
	int errnum;

	if (!env->store) {
		probe_detail(r, "not tried: there is no store");
		probe_missing(r, "containers of images fail to start; --rootfs DIR works");
		return;
	}
	errnum = in_scratch(env->store, try_overlay);
	if (errnum == 0) {
		probe_detail(r, "works on the store, with user xattrs");
		return;
	}
	probe_call(r, errnum, "fsmount(overlay)");
	probe_missing(r, "containers of images fail to start; --rootfs DIR works");
	if (errnum == ENODEV)
		probe_fix(r, "sudo modprobe overlay");
	else
		probe_fix(r, "proa --root DIR");
}

/* 6.7 has lowerdir+, 6.13 takes descriptors for it. An errno. */
static int try_layers(const char *dir)
{
	autofd int fs = -EBADF, lower = -EBADF;
	int k = probe_unshare(CLONE_NEWNS);
	char name[40];

	if (k < 0)
		return -k;
	if (chdir(dir) < 0)
		return errno;
	lower = open("lower", O_PATH | O_CLOEXEC);
	fs = mount_fs_open("overlay");
	if (fs < 0)
		return -fs;
	if (mount_fs_set_fd(fs, "lowerdir+", lower) >= 0)
		return 0;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", lower);
	k = mount_fs_set(fs, "lowerdir+", name);
	return k < 0 ? -k : EXFULL;
}

static void probe_layers(const struct probe_env *env, struct probe_result *r)
{
	int errnum = env->store ? in_scratch(env->store, try_layers) : ENOENT;

	if (errnum == 0) {
		probe_detail(r, "by descriptor (lowerdir+), up to 500");
		return;
	}
	if (errnum == EXFULL) {
		probe_detail(r, "by name (lowerdir+), up to 500");
		return;
	}
	probe_call(r, errnum, "fsconfig(lowerdir+)");
	probe_degraded(r, "one mount(2) with all names: images of more than about 150 layers fail");
	probe_fix(r, "use Linux 6.7 or newer");
}

static void probe_run_dir(const struct probe_env *env, struct probe_result *r)
{
	unsigned uid = (unsigned)geteuid();
	struct stat st;

	if (uid == 0) {
		probe_detail(r, "/run/proa");
		return;
	}
	if (env->run_dir && stat(env->run_dir, &st) == 0 && S_ISDIR(st.st_mode) &&
		st.st_uid == uid && !(st.st_mode & 077)) {
		probe_detail(r, "%.100s", env->run_dir);
		return;
	}
	if (env->run_dir)
		probe_detail(r, "%.60s is not a directory of yours with mode 0700", env->run_dir);
	else
		probe_detail(r, "XDG_RUNTIME_DIR is not set");
	probe_degraded(r, "a directory of mode 0700 under /tmp, checked before each use");
	probe_fix(
		r, "sudo loginctl enable-linger %u; export XDG_RUNTIME_DIR=/run/user/%u", uid, uid);
}

const struct probe probes_storage[] = {
	{ "store", "store", "Storage", true, probe_store },
	{ "overlay", "overlay", "Storage", true, probe_overlay },
	{ "layers", "many layers", "Storage", false, probe_layers },
	{ "run_dir", "run directory", "Storage", false, probe_run_dir },
	{ NULL },
};
