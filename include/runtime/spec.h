/*
 * What one container is to be: the input of runtime/plan.h, filled in by the floor above from
 * options and image configuration. Pure data, owns its strings (not its descriptors), knows
 * nothing of images, the store or the command line.
 *
 *	AUTO(spec) struct spec s;
 *	spec_init(&s);
 *	strv_push(&s.argv, "/bin/true"); ...
 *	runtime_start(&s, &process, err);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/auto.h"
#include "base/err.h"
#include "sys/seccomp.h"
#include "userns/idmap.h"

enum spec_flags {
	SPEC_READ_ONLY = 1 << 0, /* the root file system */
	SPEC_NO_NEW_PRIVS = 1 << 1,
	SPEC_INIT = 1 << 2,	       /* our own pid 1 between the kernel and argv */
	SPEC_TERMINAL = 1 << 3,	       /* stdio is a new pty of the container; see console_fd */
	SPEC_VOLATILE = 1 << 4,	       /* nothing of the upper directory must survive a crash */
	SPEC_DIE_WITH_PARENT = 1 << 5, /* SIGKILL when the process that called start ends */
	SPEC_NESTED = 1 << 6,	       /* may make user namespaces; masked outer /proc accepted */
	SPEC_PRIVILEGED = 1 << 7,      /* /sys and cgroup writable, nothing masked or read-only */
	SPEC_HOST_IPC = 1 << 9,	       /* System V IPC, queues and /dev/shm are the caller's */
	SPEC_HOST_UTS = 1 << 10,       /* host and domain name are the caller's */
	SPEC_NO_SHM = 1 << 11,	       /* no /dev/shm */
	SPEC_NO_SCOPE = 1 << 8,	       /* abstract sockets of the caller's network stay in reach */
};

enum spec_network {
	SPEC_NETWORK_HOST, /* the caller's */
	SPEC_NETWORK_NONE, /* own network namespace, loopback only */
};

enum spec_mount_kind { SPEC_MOUNT_BIND, SPEC_MOUNT_TMPFS };

enum spec_mount_flags {
	SPEC_MOUNT_RDONLY = 1 << 0,
	SPEC_MOUNT_SUID = 1 << 1, /* leave nosuid off */
	SPEC_MOUNT_DEV = 1 << 2,  /* leave nodev off */
	SPEC_MOUNT_NOEXEC = 1 << 3,
	SPEC_MOUNT_NO_RECURSIVE = 1 << 4, /* bind: only this mount, not those below it */
	SPEC_MOUNT_NOSYMFOLLOW = 1 << 5,
	SPEC_MOUNT_CREATE_SOURCE = 1 << 6, /* bind: a missing source is made, as docker's -v */
};

struct spec_mount {
	enum spec_mount_kind kind;
	unsigned flags;	   /* enum spec_mount_flags */
	char *source;	   /* bind: absolute path on the host, a directory or any other file */
	char *target;	   /* absolute path in the container */
	uint64_t size;	   /* tmpfs: bytes, 0 = the kernel's default */
	uint32_t mode;	   /* tmpfs: 0 = 01777 */
	uint32_t uid, gid; /* tmpfs: owner inside */
	uint64_t inodes;   /* tmpfs: most files and directories, 0 = the kernel's default */
};

struct spec_rlimit {
	int resource;	     /* RLIMIT_* */
	uint64_t soft, hard; /* UINT64_MAX = unlimited */
};

enum spec_root_kind { SPEC_ROOT_OVERLAY, SPEC_ROOT_DIRECTORY };

/*
 * Where the root file system comes from. OVERLAY: descriptors of the layers' directories (top
 * first) and of upper and work, which must be on one file system; any O_PATH or O_RDONLY
 * directory descriptors, owned by the caller and kept open until runtime_start returns.
 * DIRECTORY: an absolute path on the host, used in place.
 */
struct spec_root {
	enum spec_root_kind kind;
	const int *lower_fds;
	size_t n_lower;
	int upper_fd, work_fd; /* -1, -1: read-only stack of layers */
	char *directory;
};

/* A file of the host shown read-write at a path of the container (resolv.conf, hosts ...). */
struct spec_file {
	char *source; /* absolute path on the host, regular */
	char *target; /* absolute path in the container; created when missing */
};

struct spec {
	unsigned flags; /* enum spec_flags */
	struct spec_root root;
	struct idmap map;
	enum spec_network network;

	char **argv;   /* argv[0] without a slash is searched in PATH of env, inside */
	char **env;    /* complete but for HOME, which is added from passwd when missing */
	char *cwd;     /* absolute; created when missing; NULL = "/" */
	char *user;    /* docker's grammar: "", "u", "u:g", numbers or names; NULL = root */
	char **groups; /* additional groups, names or numbers */

	char *hostname; /* NULL = left as it is */
	char *domainname;

	struct spec_mount *mounts; /* order does not matter: applied by depth of target */
	size_t n_mounts;
	struct spec_file *files;
	size_t n_files;
	uint64_t shm_size; /* bytes of /dev/shm; 0 = 64 MiB */

	/* Absolute, clean, below /proc or /sys: security_options_paths gives the defaults. */
	char **masked;
	char **readonly;

	uint64_t capabilities; /* bounding set, and what uid 0 gets: bit n = capability n */
	struct seccomp_program seccomp; /* owned; n_insns 0 = unconfined */

	char **sysctls; /* "net/ipv4/ip_forward=1", checked by sysctl_parse; in this order */

	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	mode_t umask;	   /* 022 */
	int oom_score_adj; /* INT32_MIN = inherited */

	/*
	 * Without SPEC_TERMINAL: descriptors for 0, 1, 2, borrowed; -1 = /dev/null. Pipes without
	 * a name become the container user's, so that /dev/stdout can be reopened. A directory
	 * and a terminal are refused (a terminal would let the container push input into it).
	 */
	int stdio[3];
};

/*
 * Defaults: umask 022, /dev/null for stdio, map NONE, root, no capabilities, no filter, nothing
 * masked. The floor above decides policy, so that it can be seen in one place.
 */
void spec_init(struct spec *s);
void spec_done(struct spec *s);
DEFINE_AUTO(spec, struct spec, spec_done)

/* Append; strings are copied. */
void spec_add_bind(struct spec *s, const char *source, const char *target, unsigned flags);
void spec_add_tmpfs(
	struct spec *s, const char *target, unsigned flags, uint64_t size, uint32_t mode);
void spec_add_file(struct spec *s, const char *source, const char *target);
void spec_add_rlimit(struct spec *s, int resource, uint64_t soft, uint64_t hard);

/* Take over a filter (built in ones are static and are not copied); *take is empty then. */
void spec_set_seccomp(struct spec *s, struct seccomp_program *take);

/* What can be wrong without asking the kernel: empty argv, relative paths, bad targets ... */
int spec_check(const struct spec *s, struct err *err) must_check;
