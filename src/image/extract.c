/*
 * Main of the extractor: from "a copy of this program with a few descriptors" to three processes
 * that can do nothing but their part of the work: inflate, hash, untar.
 *
 * What keeps a parser bug harmless, outermost first:
 *	namespace	uid 0 of the layer's own user namespace (not for root, who makes devices)
 *	mounts		the trees are detached copies of mounts (nodev, nosuid, noexec; parents
 *			read-only), so that ".." of them leads nowhere, and the root is the tree
 *	capabilities	those that restore owners and modes; none for the two before
 *	landlock	the tree read-write, parents read-only; nothing for the two before
 *	filter		some 45 system calls; some 15 for the two before. No sockets, so a
 *			network or IPC namespace (a millisecond each) would add nothing
 *	limits		memory, CPU, file size, descriptors
 *
 * A kernel or container that lacks one of these leaves the others; only the filter is required.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/hash.h"
#include "base/str.h"
#include "image/unpack_priv.h"
#include "sys/landlock.h"
#include "sys/mount.h"
#include "sys/sandbox.h"
#include "sys/xattr.h"

#define PIPE_SIZE      (1024 * 1024)
#define OWNERS_BUF     (1024 * 1024)
#define DIRS_BUF       (160 * 1024 * 1024)
#define CPU_SECONDS    7200
#define UNTAR_MEMORY   (224ULL << 20) /* DIRS_BUF is nearly all of it, and only for a hostile layer */
#define INFLATE_MEMORY (160ULL << 20) /* a zstd window of 128 MiB */
#define HASH_MEMORY    (32ULL << 20)
#define CAP_MASK(cap)  (1ULL << (cap))
#define FCHMODAT2      452

/* Numbers of calls that not every architecture has. */
#ifdef __NR_renameat
#define NR_RENAMEAT __NR_renameat
#else
#define NR_RENAMEAT (-1)
#endif

/* clang-format off */
#define CALLS_OF_EVERY_PROCESS \
	__NR_read, __NR_write, __NR_close, __NR_mmap, __NR_munmap, __NR_mremap, __NR_mprotect, \
	__NR_brk, __NR_madvise, __NR_exit_group, __NR_exit, __NR_rt_sigreturn, \
	__NR_restart_syscall, __NR_getrandom
/* clang-format on */

static const int inflate_calls[] = { CALLS_OF_EVERY_PROCESS, __NR_pread64 };

static const int hash_calls[] = { CALLS_OF_EVERY_PROCESS, __NR_tee };

static const int untar_calls[] = {
	CALLS_OF_EVERY_PROCESS,
	__NR_openat,
	__NR_utimensat,
	__NR_fchown,
	__NR_fchownat,
	__NR_fchmod,
	__NR_fchmodat,
	FCHMODAT2,
	__NR_mkdirat,
	__NR_symlinkat,
	__NR_linkat,
	__NR_unlinkat,
	__NR_mknodat,
	__NR_openat2,
	__NR_newfstatat,
	__NR_fstat,
	__NR_statx,
	__NR_fstatfs,
	__NR_readlinkat,
	__NR_pwrite64,
	__NR_pread64,
	__NR_ftruncate,
	__NR_sync_file_range,
	__NR_lseek,
	__NR_getdents64,
	__NR_fcntl,
	NR_RENAMEAT,
	__NR_renameat2,
	__NR_fsetxattr,
	__NR_lsetxattr,
	__NR_fgetxattr,
	__NR_flistxattr,
	__NR_fremovexattr,
};

struct child {
	struct extract_config config;
	int tree_fd;
	bool tree_is_nodev;
	int *lower;
	int tar_out, tar_in;   /* pipe of the stream, from inflate to hash */
	int sink_out, sink_in; /* the same stream, from hash to untar */
	struct extract_shared *shared;
};

bool extract_is_me(char *const *argv)
{
	return argv[0] && str_eq(argv[0], EXTRACT_ARGV0);
}

static void report(const struct child *c, const struct extract *x, int r, const struct err *err)
{
	struct extract_report rep = { .magic = EXTRACT_MAGIC, .r = r };

	(void)c;
	if (r < 0)
		rep.err = *err;
	else
		rep.result = x->result;
	/* When nobody reads any more there is nobody to tell. */
	(void)!write(EXTRACT_FD_REPORT, &rep, sizeof(rep));
}

static int config_read(struct extract_config *config, struct err *err)
{
	ssize_t n;

	do {
		n = read(EXTRACT_FD_FEED, config, sizeof(*config));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*config) || config->magic != EXTRACT_MAGIC)
		return err_set(err, EPROTO, "started by something that is not proa");
	return 0;
}

/* --- what can be seen --------------------------------------------------------------------- */

/*
 * The same directory as fd, as a detached mount. A mount namespace of our own has copies of the
 * mounts, and only through these may they be cloned: the way there is the path, which the kernel
 * knows, and which has to lead to the same inode. Before any byte of the layer is read.
 */
static int tree_detach(int fd, uint64_t attrs)
{
	char link[32], path[4096];
	autofd int tree = -EBADF;
	struct stat want, have;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return -ENOENT;
	path[n] = '\0';
	tree = mount_tree_clone(AT_FDCWD, path, MOUNT_TREE_NOFOLLOW);
	if (tree < 0)
		return tree;
	if (fstat(fd, &want) < 0 || fstat(tree, &have) < 0)
		return -errno;
	if (want.st_dev != have.st_dev || want.st_ino != have.st_ino)
		return -ESTALE;
	if (mount_tree_setattr(tree, false, attrs, 0, 0) < 0)
		return -EPERM;
	return TAKE_FD(tree);
}

static bool detach_onto(int fd, uint64_t attrs)
{
	autofd int tree = tree_detach(fd, attrs | MATTR_NODEV | MATTR_NOSUID | MATTR_NOEXEC);

	return tree >= 0 && dup3(tree, fd, O_CLOEXEC) == fd;
}

/*
 * In a container without rights to mounts, Landlock is what remains; but the tree is then no nodev
 * mount, and whoever makes a device node in it could open it: untar_confine keeps CAP_MKNOD only
 * when it is.
 */
static int confine_view(struct child *c, struct err *err)
{
	if (unshare(CLONE_NEWNS) == 0) {
		c->tree_is_nodev = detach_onto(c->tree_fd, 0);
		for (uint32_t i = 0; i < c->config.n_lower; i++)
			(void)detach_onto(c->lower[i], MATTR_RDONLY);
	}
	if (fchdir(c->tree_fd) < 0)
		return err_sys(err, errno, "enter the tree");
	if (chroot(".") < 0 && errno != EPERM)
		return err_sys(err, errno, "make the tree the root");
	return 0;
}

/* --- limits ------------------------------------------------------------------------------- */

static int limit(int resource, uint64_t value, struct err *err)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl) < 0)
		return err_sys(err, errno, "read a resource limit");
	if (rl.rlim_max == RLIM_INFINITY || rl.rlim_max > value)
		rl.rlim_max = value;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(resource, &rl) < 0)
		return err_sys(err, errno, "set a resource limit");
	return 0;
}

static int limits_common(const struct child *c, struct err *err)
{
	int r = limit(RLIMIT_CORE, 0, err);

	if (r >= 0)
		r = limit(RLIMIT_CPU, CPU_SECONDS, err);
	if (r >= 0)
		r = limit(RLIMIT_FSIZE, c->config.limits.bytes, err);
	if (r >= 0)
		r = limit(RLIMIT_NOFILE, 128 + c->config.n_lower, err);
	return r;
}

/* --- the two halves ----------------------------------------------------------------------- */

/* For the two that need no path, no right and no descriptor but their own. */
static int confine_all(const int *calls, size_t n, uint64_t memory, struct err *err)
{
	int r = sandbox_is_strict() ? limit(RLIMIT_DATA, memory, err) : 0;

	if (r >= 0)
		r = sandbox_keep_caps(0, err);
	if (r >= 0)
		r = landlock_restrict(NULL, 0, err);
	return r < 0 ? r : sandbox_allow(calls, n, err);
}

static void close_tree(struct child *c)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)fd_close(c->tree_fd);
	(void)fd_close(EXTRACT_FD_REPORT);
	(void)fd_close(EXTRACT_FD_OWNERS);
	for (uint32_t i = 0; i < c->config.n_lower; i++)
		(void)fd_close(c->lower[i]);
}

static void close_blob(void)
{
	(void)fd_close(EXTRACT_FD_BLOB);
	(void)fd_close(EXTRACT_FD_FEED);
}

static void inflate_main(struct child *c)
{
	int r;

	close_tree(c);
	(void)fd_close(EXTRACT_FD_DIGEST);
	(void)fd_close(c->tar_in);
	(void)fd_close(c->sink_in);
	(void)fd_close(c->sink_out);
	r = confine_all(inflate_calls, sizeof(inflate_calls) / sizeof(inflate_calls[0]),
		INFLATE_MEMORY, &c->shared->err);
	if (r < 0)
		atomic_store(&c->shared->done, r);
	else
		r = extract_inflate(&c->config, c->tar_out, c->shared);
	_exit(r < 0 ? 1 : 0);
}

/* Its failures are seen by what is missing: a stream that ends early, no digest. */
static void hash_main(struct child *c)
{
	struct hash *hash = hash_new(); /* reads files and asks for memory when it is used first */
	struct err err = { 0 };
	int r;

	close_tree(c);
	close_blob();
	(void)fd_close(c->tar_out);
	(void)fd_close(c->sink_in);
	r = confine_all(hash_calls, sizeof(hash_calls) / sizeof(hash_calls[0]), HASH_MEMORY, &err);
	if (r < 0 || !extract_hash(hash, c->tar_in, c->sink_out))
		_exit(1);
	atomic_store(&c->shared->hashed, 1);
	_exit(0);
}

static int make_pipe(int *ret_out, int *ret_in, struct err *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	*ret_in = fds[0];
	*ret_out = fds[1];
	/* Refused past the user's quota of pipe memory: then it is smaller. */
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
	return 0;
}

static int fork_into(void (*fn)(struct child *c), struct child *c, struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0)
		fn(c);
	return 0;
}

static int sources_start(struct child *c, struct err *err)
{
	int r;

	c->shared = mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->shared == MAP_FAILED)
		return err_sys(err, errno, "share memory");
	r = make_pipe(&c->tar_out, &c->tar_in, err);
	if (r >= 0)
		r = make_pipe(&c->sink_out, &c->sink_in, err);
	if (r >= 0)
		r = fork_into(inflate_main, c, err);
	if (r >= 0)
		r = fork_into(hash_main, c, err);
	if (r < 0)
		return r;
	(void)fd_close(c->tar_out);
	(void)fd_close(c->tar_in);
	(void)fd_close(c->sink_out);
	(void)fd_close(EXTRACT_FD_DIGEST);
	close_blob();
	return 0;
}

/* Returns 1 when Landlock is in force. */
static int untar_landlock(const struct child *c, struct err *err)
{
	size_t n = 1 + c->config.n_lower;
	autofree struct landlock_rule *rules = NEW_ARRAY(struct landlock_rule, n);

	rules[0] = (struct landlock_rule){ c->tree_fd,
		LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_MAKE };
	for (size_t i = 1; i < n; i++)
		rules[i] = (struct landlock_rule){ c->lower[i - 1], LANDLOCK_READ };
	return landlock_restrict(rules, n, err);
}

/* It would be inherited and override modes. tree_fd may be O_PATH, which has no attributes. */
static void drop_default_acl(int tree_fd)
{
	autofd int fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)xattr_remove(fd, "system.posix_acl_default");
}

static int untar_confine(const struct child *c, struct extract *x, struct err *err)
{
	uint64_t caps = CAP_MASK(CAP_CHOWN) | CAP_MASK(CAP_DAC_OVERRIDE) | CAP_MASK(CAP_FOWNER) |
			CAP_MASK(CAP_FSETID) | CAP_MASK(CAP_SETFCAP);
	int r;

	/* trusted.* attributes want CAP_SYS_ADMIN; what else it is good for, the filter refuses. */
	if (c->config.map_kind == IDMAP_NONE)
		caps |= CAP_MASK(CAP_SYS_ADMIN);
	if (c->config.map_kind == IDMAP_NONE && c->tree_is_nodev)
		caps |= CAP_MASK(CAP_MKNOD);
	drop_default_acl(c->tree_fd);
	r = sandbox_is_strict() ? limit(RLIMIT_DATA, UNTAR_MEMORY, err) : 0;
	if (r >= 0)
		r = untar_landlock(c, err);
	if (r == 0)
		x->result.warnings |= UNPACK_WARN_NO_LANDLOCK;
	if (r >= 0)
		r = sandbox_keep_caps(caps, err);
	if (r >= 0)
		r = sandbox_allow(untar_calls, sizeof(untar_calls) / sizeof(untar_calls[0]), err);
	return r;
}

static int child_prepare(struct child *c, struct err *err)
{
	int r = config_read(&c->config, err);

	if (r < 0)
		return r;
	c->lower = NEW_ARRAY(int, c->config.n_lower + 1);
	for (uint32_t i = 0; i < c->config.n_lower; i++)
		c->lower[i] = EXTRACT_FD_LOWER + (int)i;
	(void)umask(0);
	r = limits_common(c, err);
	if (r >= 0)
		r = confine_view(c, err);
	return r < 0 ? r : sources_start(c, err);
}

int extract_main(int argc, char **argv)
{
	struct child c = { .tree_fd = EXTRACT_FD_TREE };
	struct extract x = {
		.config = &c.config,
		.tree_fd = EXTRACT_FD_TREE,
		.owners_fd = EXTRACT_FD_OWNERS,
		.file_fd = -EBADF,
		.dirs = BUF_INIT(DIRS_BUF),
		.owners = BUF_INIT(OWNERS_BUF),
	};
	struct err err = { 0 };
	int r;

	(void)argc;
	(void)argv;
	r = child_prepare(&c, &err);
	x.lower = c.lower;
	if (r >= 0)
		r = untar_confine(&c, &x, &err);
	if (r >= 0)
		r = extract_untar(&x, c.sink_in, c.shared, &err);
	report(&c, &x, r, &err);
	_exit(r < 0 ? 1 : 0);
}
