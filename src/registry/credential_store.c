#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "registry/credentials.h"
#include "registry/credentials_priv.h"
#include "sys/file.h"
#include "sys/lock.h"

void credentials_place_done(struct credentials_place *p)
{
	free(p->path);
	free(p->helper);
	*p = (struct credentials_place){ 0 };
}

/* --- changing a file --- */

/* A file that is being changed: its directory is locked as long as `dirfd` is open. */
struct change {
	char *path; /* where a symbolic link leads */
	int dirfd;
	struct auth_file *file;
};

static void change_done(struct change *c)
{
	free(c->path);
	c->dirfd = fd_close(c->dirfd);
	if (c->file)
		auth_file_free(c->file);
}
DEFINE_AUTO(change, struct change, change_done)

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
}

/* Two logins at once must not lose one of them: read and replace under a lock. */
static int open_change(const struct credential_file *place, struct change *c, struct err *err)
{
	autofree char *real = realpath(place->path, NULL), *dir = NULL;
	struct credential_file file = *place;
	int r;

	c->path = real ? TAKE_PTR(real) : xstrdup(place->path);
	file.path = c->path;
	dir = directory_of(c->path);
	r = file_mkdir_path(AT_FDCWD, dir, 0700, err);
	if (r < 0)
		return r;
	c->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dirfd < 0)
		return err_sys(err, errno, "open %s", dir);
	r = lock_fd(c->dirfd, LOCK_EXCLUSIVE, err);
	if (r >= 0)
		r = credential_file_read(&file, false, &c->file, err);
	if (r >= 0 && !c->file)
		c->file = auth_file_new();
	return r;
}

/* sudo with the user's home: the file stays the user's. */
static void keep_owner(const struct change *c, const struct stat *before)
{
	if (geteuid() == 0 && before->st_uid != 0)
		(void)!fchownat(c->dirfd, path_base(c->path), before->st_uid, before->st_gid,
			AT_SYMLINK_NOFOLLOW);
}

static int write_change(const struct change *c, struct err *err)
{
	char *text = auth_file_print(c->file);
	struct file_content content = { .data = text, .len = strlen(text), .mode = 0600 };
	struct stat before = { 0 };
	int r;

	(void)!fstatat(c->dirfd, path_base(c->path), &before, AT_SYMLINK_NOFOLLOW);
	r = file_write_atomic(c->dirfd, path_base(c->path), &content, 0, err);
	if (r >= 0)
		keep_owner(c, &before);
	explicit_bzero(text, content.len);
	free(text);
	return r < 0 ? err_ctx(err, r, "%s", c->path) : 0;
}

/* --- store --- */

/* The first file that has an entry for the server already, else docker's. */
static const struct credential_file *choose_file(
	const struct credential_files *files, const char *server)
{
	if (files->named)
		return &files->v[0];
	for (size_t i = 0; i < CREDENTIAL_DOCKER; i++) {
		AUTO(auth_file) struct auth_file *file = NULL;

		if (files->v[i].path &&
			credential_file_read(&files->v[i], false, &file, NULL) >= 0 && file &&
			auth_file_has(file, server))
			return &files->v[i];
	}
	return &files->v[CREDENTIAL_DOCKER];
}

/* Helpers know hosts only: what is for a namespace stays in the file. */
static const char *helper_of(const struct auth_file *f, const char *server, const char **ret_key)
{
	return strchr(server, '/') ? NULL : auth_file_helper(f, server, ret_key);
}

int credentials_store(const char *authfile, const char *server, const struct auth_credential *c,
	struct credentials_place *ret, struct err *err)
{
	AUTO(credential_files) struct credential_files files;
	AUTO(change) struct change change = { .dirfd = -EBADF };
	const struct credential_file *place;
	const char *helper, *key;
	int r;

	credential_files_find(authfile, &files);
	place = choose_file(&files, server);
	if (!place->path)
		return err_hint(err,
			err_set(err, ERR_NOT_FOUND, "no place for credentials: $HOME is not set"),
			"use --authfile or set DOCKER_CONFIG");
	r = open_change(place, &change, err);
	if (r < 0)
		return r;
	helper = helper_of(change.file, server, &key);
	if (helper)
		r = credentials_helper_store(helper, key, c, err);
	if (r < 0)
		return r;
	/* `helper` is inside the document, which set changes elsewhere only. */
	auth_file_set(change.file, server, helper ? NULL : c);
	r = write_change(&change, err);
	if (r < 0)
		return r;
	ret->path = xstrdup(place->path);
	ret->helper = xstrdup(helper);
	return 0;
}

/* --- erase --- */

/* 1 when the helper knew the server by this very key. */
static int erase_key(const char *helper, const char *key, struct err *err)
{
	AUTO(auth_credential) struct auth_credential known = { 0 };
	int r = credentials_ask_helper(helper, key, &known, err);

	if (r <= 0)
		return r;
	r = credentials_helper_erase(helper, key, err);
	return r < 0 ? r : 1;
}

/* By each spelling under which a lookup, or an older tool, may have it. */
static int erase_in_helper(const char *helper, const char *key, struct err *err)
{
	static const char *const prefixes[] = { "", "https://", "http://" };
	size_t n = strstr(key, "://") ? 1 : sizeof(prefixes) / sizeof(prefixes[0]);
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		autofree char *spelling = xasprintf("%s%s", prefixes[i], key);
		int r = erase_key(helper, spelling, err);

		if (r == -ERR_NOT_FOUND) {
			log_warn("credential helper docker-credential-%s is not installed", helper);
			return 0;
		}
		if (r < 0)
			return r;
		found |= r;
	}
	return found;
}

/* `server` is NULL for all of them. Returns how many were forgotten. */
typedef int erase_fn(struct auth_file *f, const char *server, bool *ret_changed, struct err *err);

static int erase_one(struct auth_file *f, const char *server, bool *ret_changed, struct err *err)
{
	const char *key, *helper = helper_of(f, server, &key);
	int r = helper ? erase_in_helper(helper, key, err) : 0;

	if (r < 0)
		return r;
	*ret_changed = auth_file_remove(f, server) > 0;
	return r > 0 || *ret_changed;
}

static int erase_all_of_helper(const char *helper, struct err *err)
{
	AUTO(strv) char **servers = NULL;
	int r = credentials_helper_list(helper, &servers, err), n = 0;

	if (r == -ERR_NOT_FOUND) {
		log_warn("credential helper docker-credential-%s is not installed", helper);
		return 0;
	}
	STRV_FOREACH (server, servers) {
		if (r >= 0)
			r = credentials_helper_erase(helper, server, err);
		n += r >= 0;
	}
	return r < 0 ? r : n;
}

static int erase_everything(
	struct auth_file *f, const char *server, bool *ret_changed, struct err *err)
{
	AUTO(strv) char **helpers = auth_file_helpers(f), **servers = auth_file_servers(f);
	int n = 0;

	(void)server;
	STRV_FOREACH (helper, helpers) {
		int r = erase_all_of_helper(helper, err);

		if (r < 0)
			return r;
		n += r;
	}
	STRV_FOREACH (entry, servers)
		*ret_changed = auth_file_remove(f, entry) > 0 || *ret_changed;
	return n > 0 || !*ret_changed ? n : (int)strv_len(servers);
}

static int erase_in_file(const struct credential_file *place, bool must_exist, erase_fn *erase,
	const char *server, struct err *err)
{
	AUTO(auth_file) struct auth_file *there = NULL;
	AUTO(change) struct change change = { .dirfd = -EBADF };
	bool changed = false;
	int n, r = credential_file_read(place, must_exist, &there, err);

	/* Nothing is made or locked where nothing is. */
	if (r < 0 || !there)
		return r;
	r = open_change(place, &change, err);
	if (r < 0)
		return r;
	n = erase(change.file, server, &changed, err);
	if (n < 0)
		return err_ctx(err, n, "%s", place->path);
	r = changed ? write_change(&change, err) : 0;
	return r < 0 ? r : n;
}

static int erase_in_files(
	const char *authfile, erase_fn *erase, const char *server, struct err *err)
{
	AUTO(credential_files) struct credential_files files;
	int n = 0;

	credential_files_find(authfile, &files);
	for (size_t i = 0; i < CREDENTIAL_FILES; i++) {
		int r;

		if (!files.v[i].path)
			continue;
		r = erase_in_file(&files.v[i], files.named, erase, server, err);
		if (r < 0)
			return r;
		n += r;
	}
	return n;
}

int credentials_erase(const char *authfile, const char *server, struct err *err)
{
	int n = erase_in_files(authfile, erase_one, server, err);

	return n > 0 ? 1 : n;
}

int credentials_erase_all(const char *authfile, struct err *err)
{
	return erase_in_files(authfile, erase_everything, NULL, err);
}
