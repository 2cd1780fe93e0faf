/* Probes of the host around the kernel: ids, cgroups, devices, network settings, clock. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/str.h"
#include "runtime/probe_priv.h"
#include "userns/idmap.h"
#include "userns/userns.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define CGROUP2_MAGIC	0x63677270
#define BINFMT_DIR	"/proc/sys/fs/binfmt_misc"
#define CLOCK_FLOOR	1704067200 /* 2024-01-01: older than proa, so wrong */
#define NOFILE_WANTED	4096
#define UID_COUNT_USUAL 65536

static const char *user_name(void)
{
	const char *name = getenv("USER");

	return str_empty(name) ? "$USER" : name;
}

static void probe_subids(const struct probe_env *env, struct probe_result *r)
{
	if (geteuid() == 0) {
		probe_detail(r, "not needed: root has all ids");
		return;
	}
	if (env->map && env->map->kind == IDMAP_RANGES) {
		/* The first range is the caller himself. */
		probe_detail(r, "%u ids from %u", idmap_uid_count(env->map) - 1,
			env->map->uids.n > 1 ? env->map->uids.ranges[1].outside : 0);
		return;
	}
	probe_detail(r, "%s",
		env->map_error			   ? env->map_error
		: env->map && env->map->why_single ? env->map->why_single
						   : "none");
	probe_degraded(r, "one id in containers: all files belong to root there, true owners are "
			  "kept in the layer; su and apt fail");
	probe_fix(r, "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s",
		user_name());
}

static bool can_set_ids(const char *path, bool *ret_exists)
{
	struct stat st;

	*ret_exists = stat(path, &st) == 0;
	if (!*ret_exists)
		return false;
	return (st.st_mode & S_ISUID) || getxattr(path, "security.capability", NULL, 0) > 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* Ranges are really written, by the real helpers. */
static bool try_ranges(const struct idmap *map, struct err *err)
{
	pid_t pid = 0;
	int status = 0;

	if (userns_spawn(map, nothing, NULL, &pid, err) < 0)
		return false;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void probe_newuidmap(const struct probe_env *env, struct probe_result *r)
{
	bool has_uid, has_gid, uid_ok = can_set_ids("/usr/bin/newuidmap", &has_uid);
	bool gid_ok = can_set_ids("/usr/bin/newgidmap", &has_gid);
	struct err err = { 0 };

	if (geteuid() == 0) {
		probe_detail(r, "not needed by root");
		return;
	}
	if (!has_uid || !has_gid) {
		probe_detail(r, "not installed");
		probe_fix(r, "sudo apt install uidmap   (Fedora: sudo dnf install shadow-utils)");
	} else if (!uid_ok || !gid_ok) {
		probe_detail(r, "neither setuid nor with file capabilities");
		probe_fix(r, "sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap");
	} else if (env->map && env->map->kind == IDMAP_RANGES && !try_ranges(env->map, &err)) {
		err.msg[strcspn(err.msg, "\n")] = '\0';
		probe_detail(r, "%.120s", err.msg);
		probe_fix(r, "look at the lines of %s in /etc/subuid and /etc/subgid", user_name());
	} else {
		probe_detail(r, "installed, with their rights");
		return;
	}
	probe_degraded(r, "one id in containers, as without subordinate ids");
}

/* Our cgroup of the v2 tree, from a line "0::/path". */
static bool own_cgroup(char *ret, size_t size)
{
	autofd int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	char text[4096], *line;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (n < 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "0::/");
	if (!line)
		return false;
	line[strcspn(line, "\n")] = '\0';
	(void)snprintf(ret, size, "%s", line + 3);
	return true;
}

static void probe_cgroup(const struct probe_env *env, struct probe_result *r)
{
	char own[1024] = "/", path[PATH_MAX], controllers[96] = "";
	const char *root = CGROUP_ROOT;
	struct statfs fs = { 0 };

	(void)env;
	if (statfs(root, &fs) < 0 || (uint32_t)fs.f_type != CGROUP2_MAGIC) {
		root = CGROUP_ROOT "/unified";
		if (statfs(root, &fs) < 0 || (uint32_t)fs.f_type != CGROUP2_MAGIC) {
			probe_detail(r, "no version 2 tree");
			probe_degraded(r, "containers run without limits; options that ask for "
					  "one fail");
			probe_fix(r, "add systemd.unified_cgroup_hierarchy=1 to the kernel's "
				     "command line");
			return;
		}
	}
	(void)own_cgroup(own, sizeof(own));
	(void)snprintf(path, sizeof(path), "%s%s", root, own);
	if (access(path, W_OK) == 0) {
		(void)snprintf(path, sizeof(path), "%s%.1000s/cgroup.controllers", root, own);
		(void)probe_read_line(path, controllers, sizeof(controllers));
		probe_detail(r, "version 2%s, ours to use: %s", root[14] ? " (hybrid)" : "",
			*controllers ? controllers : "no controllers");
		if (*controllers)
			return;
	} else {
		probe_detail(r, "version 2%s, nothing delegated", root[14] ? " (hybrid)" : "");
	}
	probe_degraded(r, "containers run without limits; options that ask for one fail");
	probe_fix(r, "systemd-run --user --scope -p Delegate=yes proa ...");
}

static void probe_nofile(const struct probe_env *env, struct probe_result *r)
{
	struct rlimit limit;

	(void)env;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	probe_detail(r, "hard limit %llu", (unsigned long long)limit.rlim_max);
	if (limit.rlim_max >= NOFILE_WANTED)
		return;
	probe_degraded(r, "containers get no more than this; --ulimit nofile cannot raise it");
	probe_fix(r, "add '%s hard nofile 524288' to /etc/security/limits.conf", user_name());
}

static void probe_inotify(const struct probe_env *env, struct probe_result *r)
{
	int64_t most = 0;
	autofd int fd = inotify_init1(IN_CLOEXEC);

	(void)env;
	(void)probe_read_number("/proc/sys/fs/inotify/max_user_instances", &most);
	probe_detail(r, "at most %lld instances for each user", (long long)most);
	if (fd >= 0 && most >= 128)
		return;
	probe_degraded(r, "programs that watch files may fail; all containers share the number");
	probe_fix(r, "sudo sysctl -w fs.inotify.max_user_instances=1024");
}

static void probe_device(struct probe_result *r, const char *path)
{
	autofd int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		probe_detail(r, "%s can be opened", path);
		return;
	}
	probe_detail(r, "%s: %s", path, err_name(errno));
	probe_call(r, errno, "open");
}

static void probe_tun(const struct probe_env *env, struct probe_result *r)
{
	(void)env;
	probe_device(r, "/dev/net/tun");
	if (!r->errnum)
		return;
	probe_degraded(r, "networks of the host, or none: a private one for users needs it");
	probe_fix(r, r->errnum == ENOENT || r->errnum == ENODEV ? "sudo modprobe tun"
								: "sudo chmod 666 /dev/net/tun");
}

static void probe_fuse(const struct probe_env *env, struct probe_result *r)
{
	(void)env;
	probe_device(r, "/dev/fuse");
	if (!r->errnum)
		return;
	probe_degraded(r, "proa needs none; programs in containers that mount with it fail");
	probe_fix(r, r->errnum == ENOENT || r->errnum == ENODEV ? "sudo modprobe fuse"
								: "sudo chmod 666 /dev/fuse");
}

/* Handlers but the two files of the directory itself. */
static unsigned count_binfmts(void)
{
	DIR *dir = opendir(BINFMT_DIR);
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir))) {
		if (str_after(e->d_name, "qemu-"))
			n++;
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

static void probe_binfmt(const struct probe_env *env, struct probe_result *r)
{
	unsigned n = count_binfmts();

	(void)env;
	if (n > 0) {
		probe_detail(r, "%u emulators", n);
		return;
	}
	probe_detail(r, "no emulators registered");
	probe_degraded(r, "only images of this machine's architecture run");
	probe_fix(r, "sudo apt install qemu-user-static binfmt-support");
}

static bool group_may_ping(unsigned gid)
{
	char line[64];
	uint64_t low, high;
	char *second;

	if (!probe_read_line("/proc/sys/net/ipv4/ping_group_range", line, sizeof(line)))
		return false;
	second = line + strcspn(line, "\t ");
	if (!*second)
		return false;
	*second++ = '\0';
	return parse_u64(line, UINT32_MAX, &low, NULL) == 0 &&
	       parse_u64(second, UINT32_MAX, &high, NULL) == 0 && gid >= low && gid <= high;
}

static void probe_ping(const struct probe_env *env, struct probe_result *r)
{
	unsigned gid = (unsigned)getegid();

	(void)env;
	if (geteuid() == 0 || group_may_ping(gid)) {
		probe_detail(r, "allowed without rights");
		return;
	}
	probe_detail(r, "group %u is not in ping_group_range", gid);
	probe_degraded(r, "ping fails in containers that use the host's network");
	probe_fix(r, "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"");
}

static void probe_ports(const struct probe_env *env, struct probe_result *r)
{
	int64_t first = 1024;

	(void)env;
	(void)probe_read_number("/proc/sys/net/ipv4/ip_unprivileged_port_start", &first);
	if (geteuid() == 0) {
		probe_detail(r, "root may use all");
		return;
	}
	probe_detail(r, "from %lld up", (long long)first);
	if (first <= 80)
		return;
	probe_degraded(r, "servers on lower ports of the host's network fail");
	probe_fix(r, "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80");
}

static void probe_ca(const struct probe_env *env, struct probe_result *r)
{
	static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/ca-bundle.pem",
		"/etc/ssl/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
		"/etc/ca-certificates/extracted/tls-ca-bundle.pem",
		"/var/lib/ca-certificates/openssl", "/etc/ssl/certs" };
	const char *own = getenv("SSL_CERT_FILE");

	(void)env;
	if (own && access(own, R_OK) == 0) {
		probe_detail(r, "%.100s", own);
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], R_OK) == 0) {
			probe_detail(r, "%s", places[i]);
			return;
		}
	}
	probe_detail(r, "none found");
	probe_degraded(r, "no registry over https can be trusted: pulls fail");
	probe_fix(r, "sudo apt install ca-certificates");
}

static void probe_clock(const struct probe_env *env, struct probe_result *r)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)env;
	(void)gmtime_r(&now, &tm);
	probe_detail(r, "%04d-%02d-%02d %02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min);
	if (now >= CLOCK_FLOOR)
		return;
	probe_degraded(r, "certificates of registries look not yet valid: pulls fail");
	probe_fix(r, "sudo timedatectl set-ntp true");
}

const struct probe probes_host[] = {
	{ "subids", "subordinate ids", "Users and limits", false, probe_subids },
	{ "newuidmap", "newuidmap, newgidmap", "Users and limits", false, probe_newuidmap },
	{ "cgroup", "cgroups", "Users and limits", false, probe_cgroup },
	{ "nofile", "open files", "Users and limits", false, probe_nofile },
	{ "inotify", "inotify", "Users and limits", false, probe_inotify },
	{ "tun", "/dev/net/tun", "Network", false, probe_tun },
	{ "ping", "ping", "Network", false, probe_ping },
	{ "ports", "low ports", "Network", false, probe_ports },
	{ "ca", "certificates", "Network", false, probe_ca },
	{ "clock", "clock", "Network", false, probe_clock },
	{ "fuse", "/dev/fuse", "Devices", false, probe_fuse },
	{ "binfmt", "foreign programs", "Devices", false, probe_binfmt },
	{ NULL },
};
