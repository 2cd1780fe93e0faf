/* Finding, making and opening the store and the run directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define STORE_VERSION "1"

/* Parents before children. */
const char *const store_skeleton[] = {
	"locks",
	"trash",
	"tmp",
	"ingest",
	"blobs",
	"blobs/sha256",
	"layers",
	"images",
	"containers",
	"names",
	"volumes",
	"networks",
	"cache",
	NULL,
};

static int data_home(char **ret, struct err *err)
{
	autofree char *base = path_env("XDG_DATA_HOME");

	if (!base) {
		autofree char *home = path_env("HOME");

		if (!home)
			return err_set(err, ERR_NOT_FOUND,
				"HOME is not set, so there is no place for images: use --root DIR");
		base = path_join(home, ".local/share");
	}
	*ret = path_join(base, "proa");
	return 0;
}

/* The file system that `path`, which does not exist yet, would be made in. */
static bool would_be_on_network(const char *path)
{
	autofree char *at = xstrdup(path);
	enum file_fs_kind kind;
	char *slash;

	while ((slash = strrchr(at, '/'))) {
		autofd int fd = -EBADF;

		*slash = '\0';
		fd = open(*at ? at : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			return file_fs_kind(fd, &kind, NULL) >= 0 && kind == FILE_FS_NETWORK;
		if (errno != ENOENT)
			return false;
	}
	return false;
}

/*
 * Homes on NFS and its kin carry neither overlay's upper directory nor files of subordinate ids. A
 * store that is there already (made by hand) is taken as it is; a new one goes to a local disk.
 */
static int default_root(char **ret, struct err *err)
{
	autofree char *path = NULL;
	int r;

	if (geteuid() == 0) {
		*ret = xstrdup("/var/lib/proa");
		return 0;
	}
	r = data_home(&path, err);
	if (r < 0)
		return r;
	if (access(path, F_OK) < 0 && errno == ENOENT && would_be_on_network(path)) {
		*ret = path_env("PROA_LOCAL");
		if (!*ret)
			*ret = xasprintf("/var/tmp/proa-%u", (unsigned)geteuid());
		log_debug("store: %s would be on a network file system; using %s", path, *ret);
		return 0;
	}
	*ret = TAKE_PTR(path);
	return 0;
}

static int absolute_path(const char *path, char **ret, struct err *err)
{
	autofree char *cwd = NULL;

	if (!path_is_absolute(path)) {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return err_sys(err, errno, "current directory");
	}
	*ret = path_clean(cwd ? cwd : "/", path);
	return 0;
}

bool store_knows_name(const char *name)
{
	for (size_t i = 0; store_skeleton[i]; i++)
		if (str_eq(store_skeleton[i], name))
			return true;
	return str_eq(name, "version") || file_is_temporary(name);
}

/* A directory without `version` becomes a store only when nothing foreign is in it. */
static int check_unused(const struct store *s, struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r = file_list_dir(s->fd, ".", &names, err);

	if (r < 0)
		return r;
	STRV_FOREACH (name, names)
		if (!store_knows_name(name))
			return err_set(err, ERR_DENIED, "%s is not a proa store and not empty (%s)",
				s->path, name);
	return 0;
}

/* Every step may be repeated by another process at the same time; `version` comes last. */
static int make_skeleton(struct store *s, struct err *err)
{
	const struct file_content version = {
		.data = STORE_VERSION "\n", .len = sizeof(STORE_VERSION), .mode = 0600
	};
	const struct file_content boot = {
		.data = store_boot(s), .len = STORE_BOOT_LEN, .mode = 0600
	};
	autofd int blobs = -EBADF;
	int r = check_unused(s, err);

	if (r < 0)
		return r;
	if (fchmod(s->fd, 0700) < 0)
		return err_sys(err, errno, "chmod %s", s->path);
	for (size_t i = 0; store_skeleton[i]; i++) {
		r = file_mkdir(s->fd, store_skeleton[i], 0700, err);
		if (r < 0)
			return err_ctx(err, r, "%s", s->path);
	}
	/* Nothing is here of an earlier boot: see sweep.c. */
	r = file_write_atomic(s->fd, "locks/boot", &boot, FILE_NO_SYNC, err);
	if (r < 0)
		return err_ctx(err, r, "%s", s->path);
	/* What stands beside `version` becomes durable with it; this lies one deeper. */
	r = file_open_dir(s->fd, "blobs", &blobs, err);
	if (r >= 0)
		r = file_sync(blobs, "blobs", err);
	if (r >= 0)
		r = file_write_atomic(s->fd, "version", &version, 0, err);
	return r < 0 ? err_ctx(err, r, "%s", s->path) : 0;
}

/* 1: there is a version and we know it; 0: there is none. */
static int check_version(const struct store *s, struct err *err)
{
	autofd int fd = openat(s->fd, "version", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[16] = "";
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "open %s/version", s->path);
	n = file_read(fd, text, sizeof(text) - 1, err);
	if (n < 0)
		return err_ctx(err, (int)n, "%s/version", s->path);
	text[strcspn(text, "\n")] = '\0';
	if (!str_eq(text, STORE_VERSION)) {
		str_make_printable(text);
		return err_set(err, ERR_UNSUPPORTED,
			"%s has store format \"%s\"; this proa knows only " STORE_VERSION, s->path,
			text);
	}
	return 1;
}

static int open_or_make_dir(const char *path, int *ret_fd, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(path, flags);
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = file_mkdir_path(AT_FDCWD, path, 0700, err);
		if (r < 0)
			return r;
		fd = open(path, flags);
	}
	if (fd < 0)
		return err_sys(err, errno, "open %s", path);
	*ret_fd = fd;
	return 0;
}

static int open_root(struct store *s, struct err *err)
{
	struct stat st;
	int r = open_or_make_dir(s->path, &s->fd, err);

	if (r < 0)
		return r;
	if (fstat(s->fd, &st) < 0)
		return err_sys(err, errno, "stat %s", s->path);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_DENIED, "%s belongs to user %u, not to user %u", s->path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	r = check_version(s, err);
	if (r < 0)
		return r;
	if (r == 0)
		return make_skeleton(s, err);
	if (st.st_mode & 0077) {
		r = err_set(err, ERR_DENIED, "%s is open to others (mode %04o)", s->path,
			(unsigned)(st.st_mode & 07777));
		return err_hint(err, r, "chmod 0700 %s", s->path);
	}
	return 0;
}

int store_open(const char *root, const char *runroot, struct store **ret, struct err *err)
{
	AUTO(store) struct store *s = NEW(struct store);
	int r;

	s->fd = -EBADF;
	s->run_fd = -EBADF;
	s->lease.fd = -EBADF;
	s->runroot = xstrdup(runroot);
	r = root ? absolute_path(root, &s->path, err) : default_root(&s->path, err);
	if (r < 0)
		return r;
	r = open_root(s, err);
	if (r >= 0)
		r = store_unsynced_recover(s, err);
	if (r < 0)
		r = err_ctx(err, r, "store");
	if (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOTDIR)
		return err_hint(err, r, "choose a place of your own: --root DIR, or XDG_DATA_HOME");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_lease_end(s);
	(void)fd_close(s->fd);
	(void)fd_close(s->run_fd);
	free(s->path);
	free(s->runroot);
	free(s->run_path);
	strv_free(s->pending);
	strv_free(s->leased);
	free(s);
}

void store_configure(struct store *s, const struct store_config *config)
{
	s->config = *config;
}

const struct store_config *store_configuration(const struct store *s)
{
	return &s->config;
}

int store_dirfd(const struct store *s)
{
	return s->fd;
}

const char *store_path(const struct store *s)
{
	return s->path;
}

/* $XDG_RUNTIME_DIR counts only when it is there and ours; it may be another user's after su. */
static char *runtime_dir(void)
{
	autofree char *dir = path_env("XDG_RUNTIME_DIR");
	struct stat st;

	if (!dir || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return NULL;
	return TAKE_PTR(dir);
}

static int choose_run_path(struct store *s, struct err *err)
{
	autofree char *dir = NULL;

	if (s->runroot)
		return absolute_path(s->runroot, &s->run_path, err);
	if (geteuid() == 0) {
		s->run_path = xstrdup("/run/proa");
		return 0;
	}
	dir = runtime_dir();
	s->run_path = dir ? path_join(dir, "proa") : xasprintf("/tmp/proa-%u", (unsigned)geteuid());
	return 0;
}

int store_rundir(struct store *s, int *ret_fd, struct err *err)
{
	int r;

	if (s->run_fd >= 0) {
		*ret_fd = s->run_fd;
		return 0;
	}
	if (!s->run_path) {
		r = choose_run_path(s, err);
		if (r < 0)
			return r;
	}
	r = open_or_make_dir(s->run_path, &s->run_fd, err);
	/* Somebody else may have made /tmp/proa-UID first. */
	if (r >= 0)
		r = file_check_private_dir(s->run_fd, s->run_path, err);
	if (r < 0) {
		s->run_fd = fd_close(s->run_fd);
		return err_hint(err, err_ctx(err, r, "run directory"),
			"choose a place of your own: --runroot DIR, or XDG_RUNTIME_DIR");
	}
	*ret_fd = s->run_fd;
	return 0;
}

const char *store_rundir_path(const struct store *s)
{
	return s->run_path;
}

bool store_is_read_only(const struct store *s)
{
	return faccessat(s->fd, ".", W_OK, 0) < 0 && errno == EROFS;
}

int store_explain(const struct store *s, int r, struct err *err)
{
	if (r != -EROFS)
		return r;
	return err_set(err, EROFS, "the store %s is on a read-only file system", s->path);
}

/* A lock needs no right to write; a store that was read-only from the start has no such file. */
static int open_lock(const struct store *s)
{
	int fd = openat(s->fd, "locks/store", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EROFS)
		fd = openat(s->fd, "locks/store", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fd = openat(s->fd, "locks", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd;
}

int store_lock(struct store *s, unsigned lock_flags, struct lock *ret, struct err *err)
{
	/* Never unlinked, so that the inode need not be looked at again as lock_file does. */
	autofd int fd = open_lock(s);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "open store lock");
	r = lock_fd(fd, lock_flags, err);
	if (r < 0)
		return err_ctx(err, r, "store");
	ret->fd = TAKE_FD(fd);
	return 0;
}
