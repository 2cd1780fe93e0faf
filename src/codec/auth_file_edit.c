#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/auth_file_priv.h"

struct auth_file *auth_file_new(void)
{
	struct auth_file *f = NEW(struct auth_file);

	f->doc = json_object_new();
	return f;
}

const char *auth_file_key(const char *server)
{
	return str_eq(auth_canonical_host(server), "docker.io") ? AUTH_HUB_KEY : server;
}

/* A host is itself in any spelling, a namespace only word for word. */
static bool is_entry_of(const char *key, const char *server)
{
	autofree char *host = NULL, *wanted = NULL;

	if (!auth_key_is_host(server))
		return str_eq(key, server);
	if (!auth_key_is_host(key))
		return false;
	host = auth_key_host(key);
	wanted = auth_key_host(server);
	return str_eq(auth_canonical_host(host), auth_canonical_host(wanted));
}

static const char *find_key(const struct auth_file *f, const char *server)
{
	JSON_FOREACH(entry, f->auths)
	if (is_entry_of(json_key(entry), server))
		return json_key(entry);
	return NULL;
}

bool auth_file_has(const struct auth_file *f, const char *server)
{
	return find_key(f, server) != NULL;
}

size_t auth_file_remove(struct auth_file *f, const char *server)
{
	const char *key;
	size_t n = 0;

	for (; (key = find_key(f, server)); n++) {
		/* The key is freed with the member that it names. */
		autofree char *own = xstrdup(key);

		json_remove(f->auths, own);
	}
	return n;
}

static struct json *make_entry(const struct auth_credential *c)
{
	struct json *entry = json_object_new();
	char *basic;

	if (!c)
		return entry;
	basic = auth_basic(c->username ? c->username : "",
		c->identity_token || !c->password ? "" : c->password);
	json_set_string(entry, "auth", basic);
	auth_wipe(basic);
	if (c->identity_token)
		json_set_string(entry, "identitytoken", c->identity_token);
	return entry;
}

void auth_file_set(struct auth_file *f, const char *server, const struct auth_credential *c)
{
	(void)auth_file_remove(f, server);
	if (!f->auths)
		f->auths = json_set(f->doc, "auths", json_object_new());
	json_set(f->auths, auth_file_key(server), make_entry(c));
}

char **auth_file_servers(const struct auth_file *f)
{
	char **list = NULL;

	JSON_FOREACH(entry, f->auths)
	strv_push(&list, json_key(entry));
	return list;
}

static void add_helper(char ***list, const char *name)
{
	if (!str_empty(name) && !strv_contains(*list, name))
		strv_push(list, name);
}

char **auth_file_helpers(const struct auth_file *f)
{
	char **list = NULL;

	JSON_FOREACH(helper, json_get(f->doc, "credHelpers"))
	add_helper(&list, json_string(helper));
	add_helper(&list, json_get_string(f->doc, "credsStore"));
	return list;
}

char *auth_file_print(const struct auth_file *f)
{
	char *text = json_print(f->doc, true), *line = xasprintf("%s\n", text);

	auth_wipe(text);
	return line;
}

char *auth_helper_store_text(const char *server, const struct auth_credential *c)
{
	struct json *doc = json_object_new();
	bool is_token = c->identity_token != NULL;
	char *text;

	json_set_string(doc, "ServerURL", server);
	json_set_string(doc, "Username", is_token ? AUTH_TOKEN_USER : c->username);
	json_set_string(doc, "Secret", is_token ? c->identity_token : c->password);
	text = json_print(doc, false);
	json_free_secret(doc);
	return text;
}
