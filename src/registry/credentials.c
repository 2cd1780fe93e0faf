#include "registry/credentials.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "registry/credentials_priv.h"

#define FILE_ROOM (64 * 1024) /* of a file of secrets that is read in one place */

struct credentials {
	char *username, *password;
};

static void free_secret(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

int credentials_parse(const char *text, struct credentials **ret, struct err *err)
{
	const char *colon = strchr(text, ':');
	struct credentials *c;

	if (!*text || colon == text)
		return err_set(err, ERR_USAGE, "credentials have no user name (USER[:PASSWORD])");
	c = NEW(struct credentials);
	c->username = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	c->password = xstrdup(colon ? colon + 1 : "");
	*ret = c;
	return 0;
}

struct credentials *credentials_new(const char *username, const char *password)
{
	struct credentials *c = NEW(struct credentials);

	c->username = xstrdup(username);
	c->password = xstrdup(password);
	return c;
}

void credentials_free(struct credentials *c)
{
	free(c->username);
	free_secret(c->password);
	free(c);
}

void credentials_copy(const struct credentials *c, struct auth_credential *ret)
{
	*ret = (struct auth_credential){
		.username = xstrdup(c->username),
		.password = xstrdup(c->password),
	};
}

void credential_room(struct buf *b, size_t size)
{
	autofree char *zeros = xcalloc(1, size);

	buf_append(b, zeros, size);
	buf_truncate(b, 0);
}

/* --- files --- */

static char *join_env(const char *variable, const char *rest)
{
	autofree char *dir = path_env(variable);

	return dir ? path_join(dir, rest) : NULL;
}

static char *first_of(char *a, char *b)
{
	if (!a)
		return b;
	free(b);
	return a;
}

void credential_files_find(const char *authfile, struct credential_files *ret)
{
	const char *named = authfile ? authfile : getenv("REGISTRY_AUTH_FILE");
	const char *docker = getenv("DOCKER_CONFIG");
	char *run;

	*ret = (struct credential_files){ .named = !str_empty(named) };
	if (ret->named) {
		ret->v[0].path = xstrdup(named);
		return;
	}
	run = xasprintf("/run/containers/%u/auth.json", (unsigned)geteuid());
	ret->v[CREDENTIAL_RUN].path =
		first_of(join_env("XDG_RUNTIME_DIR", "containers/auth.json"), run);
	ret->v[CREDENTIAL_CONFIG].path =
		first_of(join_env("XDG_CONFIG_HOME", "containers/auth.json"),
			join_env("HOME", ".config/containers/auth.json"));
	ret->v[CREDENTIAL_DOCKER].path = str_empty(docker) ? join_env("HOME", ".docker/config.json")
							   : path_join(docker, "config.json");
	ret->v[CREDENTIAL_LEGACY].path = join_env("HOME", ".dockercfg");
	ret->v[CREDENTIAL_LEGACY].flags = AUTH_FILE_LEGACY;
}

void credential_files_done(struct credential_files *f)
{
	for (size_t i = 0; i < CREDENTIAL_FILES; i++)
		free(f->v[i].path);
	*f = (struct credential_files){ 0 };
}

int credential_file_read(const struct credential_file *file, bool must_exist,
	struct auth_file **ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(AUTH_FILE_BYTES_MAX);
	autofd int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	int r;

	*ret = NULL;
	if (fd < 0 && !must_exist && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "open %s", file->path);
	credential_room(&b, FILE_ROOM);
	r = buf_read_fd(&b, fd, err);
	/* docker takes an empty file for one without entries. */
	if (r >= 0 && b.len == 0)
		*ret = auth_file_new();
	else if (r >= 0)
		r = auth_file_parse(buf_str(&b), b.len, file->flags, ret, err);
	if (b.data)
		explicit_bzero(b.data, b.cap);
	return r < 0 ? err_ctx(err, r, "%s", file->path) : 0;
}

/* --- lookup --- */

/* For whom credentials are looked up. */
struct wanted {
	const char *domain, *path;
};

/* Some tools gave the helper a URL to store by, and helpers compare word for word. */
static int ask_helper(
	const char *helper, const char *server, struct auth_credential *ret, struct err *err)
{
	autofree char *url = xasprintf("https://%s", server);
	int r = credentials_ask_helper(helper, server, ret, err);

	return r != 0 || strstr(server, "://") ? r : credentials_ask_helper(helper, url, ret, err);
}

static int find_in_auth_file(const struct auth_file *file, const struct wanted *w,
	struct auth_credential *ret, struct err *err)
{
	autofree char *repository = xasprintf("%s%s%s", w->domain, *w->path ? "/" : "", w->path);
	const char *server, *helper = auth_file_helper(file, w->domain, &server);

	if (helper) {
		int r = ask_helper(helper, server, ret, err);

		/* A desktop's configuration copied to a server is no reason to refuse public images. */
		if (r == -ERR_NOT_FOUND)
			log_warn("credential helper docker-credential-%s is not installed", helper);
		else if (r != 0)
			return r;
	}
	return auth_file_find(file, repository, ret, err);
}

static int find_in_file(const struct credential_file *place, bool must_exist,
	const struct wanted *w, struct auth_credential *ret, struct err *err)
{
	AUTO(auth_file) struct auth_file *file = NULL;
	int r = credential_file_read(place, must_exist, &file, err);

	if (r < 0 || !file)
		return r;
	r = find_in_auth_file(file, w, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", place->path) : r;
}

static int find_in_variable(const struct wanted *w, struct auth_credential *ret, struct err *err)
{
	AUTO(auth_file) struct auth_file *file = NULL;
	const char *text = getenv("DOCKER_AUTH_CONFIG");
	int r;

	if (str_empty(text))
		return 0;
	r = auth_file_parse(text, strlen(text), 0, &file, err);
	if (r >= 0)
		r = find_in_auth_file(file, w, ret, err);
	return r < 0 ? err_ctx(err, r, "$DOCKER_AUTH_CONFIG") : r;
}

int credentials_find(const char *authfile, const char *domain, const char *path,
	struct auth_credential *ret, struct err *err)
{
	AUTO(credential_files) struct credential_files files;
	struct wanted wanted = { domain, path };
	int r = 0;

	credential_files_find(authfile, &files);
	for (size_t i = 0; r == 0 && i < CREDENTIAL_FILES; i++) {
		if (i == CREDENTIAL_DOCKER && !files.named)
			r = find_in_variable(&wanted, ret, err);
		if (r == 0 && files.v[i].path)
			r = find_in_file(&files.v[i], files.named, &wanted, ret, err);
	}
	return r;
}
