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

/* --- files --- */

/* Where to look: each entry with the flags of its format. NULL entries are skipped. */
struct place {
	char *path;
	unsigned flags;
};

enum { MAX_PLACES = 5 };

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

static void find_places(struct place places[MAX_PLACES])
{
	const char *docker = getenv("DOCKER_CONFIG");
	char *run = xasprintf("/run/containers/%u/auth.json", (unsigned)geteuid());

	places[0].path = first_of(join_env("XDG_RUNTIME_DIR", "containers/auth.json"), run);
	places[1].path = first_of(join_env("XDG_CONFIG_HOME", "containers/auth.json"),
		join_env("HOME", ".config/containers/auth.json"));
	/* [2] is $DOCKER_AUTH_CONFIG's turn. */
	places[3].path = str_empty(docker) ? join_env("HOME", ".docker/config.json")
					   : path_join(docker, "config.json");
	places[4].path = join_env("HOME", ".dockercfg");
	places[4].flags = AUTH_FILE_LEGACY;
}

/* For whom credentials are looked up. */
struct wanted {
	const char *domain, *path;
};

static int find_in_text(const char *text, size_t len, unsigned flags, const struct wanted *w,
	struct auth_credential *ret, struct err *err)
{
	AUTO(auth_file) struct auth_file *file = NULL;
	autofree char *repository = xasprintf("%s/%s", w->domain, w->path);
	const char *helper, *server;
	int r;

	r = auth_file_parse(text, len, flags, &file, err);
	if (r < 0)
		return r;
	helper = auth_file_helper(file, w->domain, &server);
	if (helper) {
		r = credentials_ask_helper(helper, server, ret, err);
		/* A desktop's configuration copied to a server is no reason to refuse public images. */
		if (r == -ERR_NOT_FOUND)
			log_warn("credential helper docker-credential-%s is not installed", helper);
		else if (r != 0)
			return r;
	}
	return auth_file_find(file, repository, ret, err);
}

/* `must_exist`: the user named this file. */
static int find_in_file(const struct place *place, bool must_exist, const struct wanted *w,
	struct auth_credential *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(AUTH_FILE_BYTES_MAX);
	autofd int fd = open(place->path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0 && !must_exist && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "open %s", place->path);
	r = buf_read_fd(&b, fd, err);
	if (r >= 0)
		r = find_in_text(buf_str(&b), b.len, place->flags, w, ret, err);
	if (b.data)
		explicit_bzero(b.data, b.cap);
	return r < 0 ? err_ctx(err, r, "%s", place->path) : r;
}

static int find_in_places(const struct place places[MAX_PLACES], const struct wanted *w,
	struct auth_credential *ret, struct err *err)
{
	const char *text = getenv("DOCKER_AUTH_CONFIG");
	int r = 0;

	for (size_t i = 0; r == 0 && i < MAX_PLACES; i++) {
		if (i == 2 && !str_empty(text)) {
			r = find_in_text(text, strlen(text), 0, w, ret, err);
			if (r < 0)
				return err_ctx(err, r, "$DOCKER_AUTH_CONFIG");
		} else if (places[i].path) {
			r = find_in_file(&places[i], false, w, ret, err);
		}
	}
	return r;
}

int credentials_find(const char *authfile, const char *domain, const char *path,
	struct auth_credential *ret, struct err *err)
{
	struct wanted wanted = { domain, path };
	struct place places[MAX_PLACES] = { 0 };
	int r;

	if (!authfile && !str_empty(getenv("REGISTRY_AUTH_FILE")))
		authfile = getenv("REGISTRY_AUTH_FILE");
	if (authfile) {
		struct place named = { .path = (char *)authfile };

		return find_in_file(&named, true, &wanted, ret, err);
	}
	find_places(places);
	r = find_in_places(places, &wanted, ret, err);
	for (size_t i = 0; i < MAX_PLACES; i++)
		free(places[i].path);
	return r;
}
