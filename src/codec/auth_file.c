#include "codec/auth_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/auth_file_priv.h"

/* Not optimised away, unlike a memset before free. */
void auth_wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void auth_credential_done(struct auth_credential *c)
{
	free(c->username);
	auth_wipe(c->password);
	auth_wipe(c->identity_token);
	auth_wipe(c->registry_token);
	*c = (struct auth_credential){ 0 };
}

void auth_file_free(struct auth_file *f)
{
	json_free_secret(f->doc);
	free(f);
}

int auth_file_parse(
	const char *bytes, size_t len, unsigned flags, struct auth_file **ret, struct err *err)
{
	AUTO(auth_file) struct auth_file *f = NEW(struct auth_file);
	struct json *auths = NULL;
	int r;

	if (len > AUTH_FILE_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "credential file is larger than %u bytes",
			AUTH_FILE_BYTES_MAX);
	r = json_parse(bytes, len, &f->doc, err);
	if (r >= 0 && !json_is_object(f->doc))
		r = err_set(err, ERR_FORMAT, "not an object");
	if (r >= 0 && !(flags & AUTH_FILE_LEGACY))
		r = json_want_object(f->doc, "auths", &auths, err);
	if (r < 0)
		return err_ctx(err, r, "credential file");
	f->auths = flags & AUTH_FILE_LEGACY ? f->doc : auths;
	*ret = TAKE_PTR(f);
	return 0;
}

const char *auth_canonical_host(const char *host)
{
	if (str_eq(host, "registry-1.docker.io") || str_eq(host, "index.docker.io"))
		return "docker.io";
	return host;
}

char *auth_key_host(const char *key)
{
	const char *s = str_after(key, "https://");
	size_t n;

	if (!s)
		s = str_after(key, "http://");
	if (!s)
		s = key;
	n = strcspn(s, "/");
	return xstrndup(s, n);
}

/* "user:password" of `auth`; docker ends some of them in NULs. */
static int decode_auth(const char *auth, struct auth_credential *c, struct err *err)
{
	char *text = NULL;
	const char *colon;
	size_t len = 0;
	int r;

	r = base64_decode(auth, strlen(auth), &text, &len, err);
	if (r < 0)
		return r;
	/* What follows a NUL has to be NULs. */
	colon = memchr(text, ':', strlen(text));
	for (size_t i = strlen(text); i < len && colon; i++)
		if (text[i])
			colon = NULL;
	if (colon) {
		c->username = xstrndup(text, (size_t)(colon - text));
		c->password = xstrdup(colon + 1);
	}
	explicit_bzero(text, len);
	free(text);
	return colon ? 0 : err_set(err, ERR_FORMAT, "not user:password in base64");
}

static void copy_string(const struct json *entry, const char *key, char **ret)
{
	const char *s = json_get_string(entry, key);

	if (!str_empty(s) && !*ret)
		*ret = xstrdup(s);
}

/* 1 when the entry holds something to log in with. */
static int read_entry(const struct json *entry, struct auth_credential *ret, struct err *err)
{
	AUTO(auth_credential) struct auth_credential c = { 0 };
	const char *auth = json_get_string(entry, "auth");
	int r;

	if (!str_empty(auth)) {
		r = decode_auth(auth, &c, err);
		if (r < 0)
			return err_ctx(err, r, "credential of %.200s", json_key(entry));
	}
	copy_string(entry, "username", &c.username);
	copy_string(entry, "password", &c.password);
	copy_string(entry, "identitytoken", &c.identity_token);
	copy_string(entry, "registrytoken", &c.registry_token);
	if (!c.identity_token && !c.registry_token && (!c.username || !c.password))
		return 0;
	*ret = c;
	c = (struct auth_credential){ 0 };
	return 1;
}

/* Exact key first: the repository, then each shorter namespace, down to the host. */
static int find_namespace(const struct json *auths, const char *repository,
	struct auth_credential *ret, struct err *err)
{
	autofree char *name = xstrdup(repository);

	for (;;) {
		struct json *entry = json_get(auths, name);
		int r = json_is_object(entry) ? read_entry(entry, ret, err) : 0;
		char *slash;

		if (r != 0)
			return r;
		slash = strrchr(name, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

bool auth_key_is_host(const char *key)
{
	const char *slash;

	if (str_after(key, "https://") || str_after(key, "http://"))
		return true;
	slash = strchr(key, '/');
	return !slash || str_eq(slash, "/v1/") || str_eq(slash, "/v2/") || str_eq(slash, "/");
}

static int find_host(
	const struct json *auths, const char *host, struct auth_credential *ret, struct err *err)
{
	JSON_FOREACH(entry, auths)
	{
		const char *key = json_key(entry);
		autofree char *stored = auth_key_host(key);
		int r;

		if (!auth_key_is_host(key))
			continue;
		if (!json_is_object(entry) || !str_eq(auth_canonical_host(stored), host))
			continue;
		r = read_entry(entry, ret, err);
		if (r != 0)
			return r;
	}
	return 0;
}

int auth_file_find(const struct auth_file *f, const char *repository, struct auth_credential *ret,
	struct err *err)
{
	autofree char *host = auth_key_host(repository);
	int r = find_namespace(f->auths, repository, ret, err);

	return r != 0 ? r : find_host(f->auths, auth_canonical_host(host), ret, err);
}

const char *auth_file_helper(const struct auth_file *f, const char *domain, const char **ret_key)
{
	const struct json *helpers = json_get(f->doc, "credHelpers");
	const char *suffix = json_get_string(helpers, domain);
	const char *host = auth_canonical_host(domain);

	*ret_key = str_eq(host, "docker.io") ? AUTH_HUB_KEY : domain;
	if (!str_empty(suffix))
		return suffix;
	JSON_FOREACH(helper, helpers)
	{
		autofree char *stored = auth_key_host(json_key(helper));

		suffix = json_string(helper);
		if (!str_empty(suffix) && str_eq(auth_canonical_host(stored), host))
			return suffix;
	}
	suffix = json_get_string(f->doc, "credsStore");
	return str_empty(suffix) ? NULL : suffix;
}

char *auth_basic(const char *username, const char *password)
{
	char *plain = xasprintf("%s:%s", username, password);
	char *text = base64_encode(plain, strlen(plain));

	auth_wipe(plain);
	return text;
}

static int helper_failure(const char *out, size_t len, int status, struct err *err)
{
	static const char missing[] = "credentials not found in native keychain";
	autofree char *line = NULL;
	size_t n = 0;

	while (len > 0 && strchr(" \t\r\n", *out))
		out++, len--;
	while (n < len && n < 300 && out[n] && out[n] != '\n' && out[n] != '\r')
		n++;
	line = xstrndup(out, n);
	if (str_eq(line, missing))
		return 0;
	str_make_printable(line);
	return err_set(err, ERR_AUTH, "credential helper failed with status %d: %s", status,
		*line ? line : "it said nothing");
}

int auth_helper_parse(
	const char *out, size_t len, int exit_status, struct auth_credential *ret, struct err *err)
{
	const char *user, *secret;
	struct json *doc = NULL;
	int r;

	if (exit_status != 0)
		return helper_failure(out, len, exit_status, err);
	r = json_parse(out, len, &doc, err);
	if (r < 0)
		return err_ctx(err, r, "credential helper's answer");
	user = json_get_string(doc, "Username");
	secret = json_get_string(doc, "Secret");
	if (!str_empty(secret)) {
		*ret = (struct auth_credential){ 0 };
		if (user && str_eq(user, AUTH_TOKEN_USER)) {
			ret->identity_token = xstrdup(secret);
		} else {
			ret->username = xstrdup(user ? user : "");
			ret->password = xstrdup(secret);
		}
		r = 1;
	}
	json_free_secret(doc);
	return r;
}

int auth_helper_done_parse(const char *out, size_t len, int exit_status, struct err *err)
{
	return exit_status == 0 ? 0 : helper_failure(out, len, exit_status, err);
}

int auth_helper_list_parse(
	const char *out, size_t len, int exit_status, char ***ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r;

	*ret = NULL;
	if (exit_status != 0)
		return helper_failure(out, len, exit_status, err);
	r = json_parse(out, len, &doc, err);
	if (r < 0)
		return err_ctx(err, r, "credential helper's answer");
	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "credential helper's answer: not an object");
	JSON_FOREACH(server, doc)
	strv_push(ret, json_key(server));
	return 0;
}
