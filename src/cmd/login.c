#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "cmd/context.h"
#include "cmd/registry_options.h"
#include "cmd/server_name.h"
#include "registry/credentials.h"
#include "registry/login.h"
#include "registry/reach.h"
#include "sys/tty.h"

#define PASSWORD_MAX (64 * 1024)

struct login_opts {
	struct registry_options registry;
	const char *username, *password;
	bool password_given, password_stdin, get_login;
};

static const struct login_opts defaults = { .registry = REGISTRY_OPTIONS_INIT };

static const struct option_spec login_options[] = {
	OPT_STRING(struct login_opts, username, 'u', "username", "NAME", "User name"),
	OPT_STRING(struct login_opts, password, 'p', "password", "PASSWORD", "Password",
		.seen = OPT_SEEN(struct login_opts, password_given),
		.detail = "Other users can see it in the process list, and it stays in the "
			  "shell's history: use --password-stdin."),
	OPT_FLAG(struct login_opts, password_stdin, 0, "password-stdin",
		"Read the password from standard input"),
	OPT_FLAG(struct login_opts, get_login, 0, "get-login",
		"Print the user name that is stored for the registry, and do nothing else"),
	OPT_AUTHFILE(struct login_opts, registry),
	OPT_TLS(struct login_opts, registry),
	OPTION_END,
};

/* --- what is known already --- */

/* 1 with *ret when something is stored. A named file need not be there yet. */
static int find_stored(const struct login_opts *o, const struct server_name *server,
	struct auth_credential *ret, struct err *err)
{
	const char *file = o->registry.authfile;

	if (!file)
		file = getenv("REGISTRY_AUTH_FILE");
	if (!str_empty(file) && access(file, F_OK) < 0)
		return 0;
	return credentials_find(
		o->registry.authfile, server->domain, server->path ? server->path : "", ret, err);
}

static int print_login(
	const struct login_opts *o, const struct server_name *server, struct err *err)
{
	AUTO(auth_credential) struct auth_credential stored = { 0 };
	int r = find_stored(o, server, &stored, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "not logged into %s", server->name);
	printf("%s\n", stored.username ? stored.username : AUTH_TOKEN_USER);
	return 0;
}

/* --- asking --- */

static int refuse_without_terminal(struct err *err)
{
	if (tty_is_terminal(STDIN_FILENO))
		return 0;
	return err_hint(err,
		err_set(err, ERR_USAGE,
			"Cannot perform an interactive login from a non TTY device"),
		"--username NAME --password-stdin reads the password from standard input");
}

static int ask_username(const char *known, struct buf *ret, struct err *err)
{
	autofree char *shown = NULL;
	const char *prompt = "Username: ";
	int r = refuse_without_terminal(err);

	if (r < 0)
		return r;
	if (!str_empty(known))
		prompt = shown = xasprintf("Username (%s): ", known);
	r = tty_read_line(STDIN_FILENO, prompt, TTY_ECHO, ret, err);
	if (r >= 0 && ret->len == 0)
		buf_puts(ret, known ? known : "");
	return r;
}

static int ask_password(struct buf *ret, struct err *err)
{
	int r = refuse_without_terminal(err);

	return r < 0 ? r : tty_read_line(STDIN_FILENO, "Password: ", TTY_NO_ECHO, ret, err);
}

/* All of standard input, without the one line break that echo puts behind it. */
static int read_password(struct buf *ret, struct err *err)
{
	int r = buf_read_fd(ret, STDIN_FILENO, err);

	if (r < 0)
		return err_ctx(err, r, "standard input");
	if (ret->len > 0 && ret->data[ret->len - 1] == '\n')
		buf_truncate(ret, ret->len - 1);
	if (ret->len > 0 && ret->data[ret->len - 1] == '\r')
		buf_truncate(ret, ret->len - 1);
	if (strlen(buf_str(ret)) != ret->len)
		return err_set(err, ERR_USAGE, "the password holds a NUL byte");
	return 0;
}

static int get_password(const struct login_opts *o, struct buf *ret, struct err *err)
{
	int r = 0;

	if (o->password_given)
		buf_puts(ret, o->password);
	else if (o->password_stdin)
		r = read_password(ret, err);
	else
		r = ask_password(ret, err);
	if (r < 0)
		return r;
	if (ret->len == 0)
		return err_set(err, ERR_USAGE, "password is empty");
	return 0;
}

/* --- trying and keeping --- */

static int try_login(const struct login_opts *o, const struct server_name *server,
	const struct credentials *c, char **ret_identity_token, struct err *err)
{
	autofree char *name = xasprintf("%s/%s", server->domain, server->path ? server->path : "x");
	AUTO(reference) struct reference ref = { 0 };
	AUTO(credentials) struct credentials *none = NULL;
	AUTO(client) struct client *client = NULL;
	struct client_options options = CLIENT_OPTIONS_INIT;
	int r = reference_parse(name, &ref, err);

	if (r >= 0)
		r = registry_options_apply(&o->registry, &options, &none, err);
	if (r < 0)
		return r;
	options.credentials = c;
	options.login = true;
	r = registry_reach(&options, &ref, &client, err);
	return r < 0 ? r : client_login(client, ret_identity_token, err);
}

static int keep(const struct login_opts *o, const struct server_name *server,
	const struct auth_credential *c, struct err *err)
{
	AUTO(credentials_place) struct credentials_place place = { 0 };
	int r = credentials_store(o->registry.authfile, server->name, c, &place, err);

	if (r < 0)
		return err_ctx(err, r, "Error saving credentials");
	if (!place.helper)
		fprintf(stderr,
			"WARNING! Your credentials are stored unencrypted in '%s'.\n"
			"Configure a credential helper (credsStore, credHelpers) to remove this "
			"warning.\n",
			place.path);
	return 0;
}

static int login_as(const struct login_opts *o, const struct server_name *server,
	const char *username, const char *password, struct err *err)
{
	AUTO(credentials) struct credentials *given = credentials_new(username, password);
	AUTO(auth_credential) struct auth_credential c = { 0 };
	int r;

	credentials_copy(given, &c);
	r = try_login(o, server, given, &c.identity_token, err);
	if (r >= 0)
		r = keep(o, server, &c, err);
	if (r < 0)
		return r;
	printf("Login Succeeded\n");
	return 0;
}

static int ask_and_login(const struct login_opts *o, const struct server_name *server,
	const char *known_user, struct err *err)
{
	AUTO(buf) struct buf username = BUF_INIT(PASSWORD_MAX), password = BUF_INIT(PASSWORD_MAX);
	int r = 0;

	if (o->username)
		buf_puts(&username, o->username);
	else
		r = ask_username(known_user, &username, err);
	if (r >= 0 && username.len == 0)
		r = err_set(err, ERR_USAGE, "username is empty");
	if (r >= 0 && strchr(buf_str(&username), ':'))
		r = err_set(err, ERR_USAGE, "a user name cannot hold a colon");
	if (r >= 0)
		r = get_password(o, &password, err);
	if (r >= 0)
		r = login_as(o, server, buf_str(&username), buf_str(&password), err);
	if (password.data)
		explicit_bzero(password.data, password.cap);
	return r;
}

/* Neither name nor password was given: what is stored may do. */
static int login_with_stored(const struct login_opts *o, const struct server_name *server,
	const struct auth_credential *stored, struct err *err)
{
	char *token = NULL;
	int r;

	fprintf(stderr, "Authenticating with existing credentials...\n");
	r = try_login(o, server, NULL, &token, err);
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
	if (r >= 0) {
		printf("Login Succeeded\n");
		return 0;
	}
	if (r != -ERR_AUTH || !tty_is_terminal(STDIN_FILENO))
		return r;
	fprintf(stderr, "Login did not succeed, error: %s\n", err->msg);
	err_clear(err);
	return ask_and_login(o, server, stored->username, err);
}

static int check_options(const struct login_opts *o, struct err *err)
{
	if (o->password_given && o->password_stdin)
		return err_set(
			err, ERR_USAGE, "--password and --password-stdin are mutually exclusive");
	if (o->password_stdin && str_empty(o->username))
		return err_set(err, ERR_USAGE, "Must provide --username with --password-stdin");
	if (o->password_given)
		fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use "
				"--password-stdin.\n");
	return 0;
}

static int login_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	const struct login_opts *o = opts;
	AUTO(server_name) struct server_name server = { 0 };
	AUTO(auth_credential) struct auth_credential stored = { 0 };
	int r = server_name_parse(argc > 0 ? argv[0] : NULL, &server, err);

	(void)ctx;
	if (r < 0)
		return r;
	if (o->get_login)
		return print_login(o, &server, err);
	r = check_options(o, err);
	if (r < 0)
		return r;
	if (o->username || o->password_given)
		return ask_and_login(o, &server, NULL, err);
	r = find_stored(o, &server, &stored, err);
	if (r < 0)
		return r;
	return r > 0 ? login_with_stored(o, &server, &stored, err)
		     : ask_and_login(o, &server, NULL, err);
}

const struct command cmd_login = {
	.name = "login",
	.group = COMMAND_IMAGES,
	.summary = "Log in to a registry",
	.usage = "[OPTIONS] [SERVER]",
	.description =
		"The registry (Docker Hub when none is given) is asked whether it takes the "
		"credentials before they are stored: in the file that --authfile or "
		"$REGISTRY_AUTH_FILE names; else where there is an entry for the registry "
		"already; else in config.json of $DOCKER_CONFIG or ~/.docker. When that file "
		"names a credential helper for the registry, the helper keeps the secret.\n\n"
		"Without a user name and a password, stored credentials are tried first, then "
		"both are asked for.",
	.max_operands = 1,
	.options = login_options,
	.options_size = sizeof(struct login_opts),
	.defaults = &defaults,
	.examples =
		(const struct command_example[]){
			{ "Log in from a script:",
				"proa login -u ci --password-stdin registry.lan:5000 < token" },
			{ NULL, NULL },
		},
	.run = login_run,
};
