/*
 * The environment of a container: the image's list, changed by --env-file and -e (registry.md 6).
 * It is built from nothing: only `-e KEY` and a bare KEY in an env file read the caller's
 * environment, which is passed in. An image's entry that is not KEY=value is dropped.
 *
 *	AUTO(strv) char **user = NULL;
 *	env_file_parse(bytes, len, environ, &user, err);	each --env-file, in order
 *	env_option_parse("KEY=v", environ, &user, err);		each -e, in order, behind them
 *	env = env_build(&(struct env_build){ .image = cfg.env, .user = user, ... }, &dropped);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define ENV_PATH_DEFAULT   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_FILE_BYTES_MAX (4U << 20)
#define ENV_FILE_LINE_MAX  65536

/*
 * One -e. "KEY=value" is added to *list as it is; "KEY" takes host's value, or is added as the
 * bare KEY when host has none, which makes env_build drop the image's. -ERR_USAGE for no key.
 */
int env_option_parse(const char *arg, char *const *host, char ***list, struct err *err) must_check;

/*
 * The content of one --env-file: a line each, raw (no quotes, no escapes), '#' and empty lines
 * skipped, blanks before the key cut, "KEY" as above except that nothing is added when host has
 * none. -ERR_USAGE with docker's words: "variable 'a b' contains whitespaces", "no variable name
 * on line '=x'", invalid UTF-8 (line number).
 */
int env_file_parse(
	const char *bytes, size_t len, char *const *host, char ***list, struct err *err) must_check;

struct env_build {
	char *const *image;   /* of the image's config */
	char *const *user;    /* of env_file_parse and env_option_parse */
	const char *hostname; /* HOSTNAME, NULL = leave it out */
	bool tty;	      /* TERM=xterm */
};

/*
 * PATH, HOSTNAME and TERM come first as defaults, then the image's, then the user's; a key keeps
 * the position where it first appeared. HOME is not set here: it needs the user's row in passwd;
 * add it when strv_env_get(env, "HOME") is NULL. The result is the caller's (strv_free).
 * *ret_dropped (may be NULL): how many entries of the image were no KEY=value.
 */
char **env_build(const struct env_build *in, size_t *ret_dropped) must_check;
