/*
 * Options of run that are text: OPTION 0xff FILE. The option is tried as -e, --ulimit, --hostname,
 * --add-host and --entrypoint, the file as an env file and as a resolv.conf.
 */
#include "fuzz.h"

#include "base/strv.h"
#include "codec/env.h"
#include "codec/resolv.h"
#include "codec/run_command.h"
#include "codec/ulimit.h"

/* The canary of the host may only come in under its own name. */
static void try_env(const char *option, const char *file, size_t size)
{
	char **host = strv_split("CANARY=secret", '|'), **user = NULL, **env;
	struct env_build in = { .hostname = "h", .tty = true };
	int r;

	r = env_file_parse(file, size, host, &user, NULL);
	fuzz_want(r == 0 || r == -ERR_USAGE);
	r = env_option_parse(option, host, &user, NULL);
	fuzz_want(r == 0 || r == -ERR_USAGE);
	in.user = user;
	env = env_build(&in, NULL);
	STRV_FOREACH (s, user)
		fuzz_want(s[0] && s[0] != '=');
	STRV_FOREACH (s, env)
		fuzz_want(strchr(s, '=') && s[0] != '=');
	strv_free(env);
	strv_free(user);
	strv_free(host);
}

static void try_resolv(const char *bytes, size_t size)
{
	const struct resolv_options o = { .flags = RESOLV_DROP_LOOPBACK | RESOLV_DEFAULT_SERVERS };
	struct buf out = BUF_INIT(RESOLV_BYTES_MAX);

	resolv_filter(bytes, size, &o, &out);
	if (!buf_failed(&out))
		fuzz_want(out.len > 0 && out.data[out.len - 1] == '\n');
	for (size_t i = 0; i < out.len; i++)
		fuzz_want((unsigned char)out.data[i] >= ' ' || strchr("\n\t\r", out.data[i]));
	buf_done(&out);
}

static void try_options(const char *s)
{
	char **command = NULL, **extra = NULL;
	struct buf hosts = BUF_INIT(65536);
	struct ulimit u;

	if (ulimit_parse(s, &u, NULL) == 0)
		fuzz_want(u.soft <= u.hard && u.name);
	if (hostname_check(s, NULL) == 0)
		fuzz_want(strlen(s) <= 64 && !strchr(s, '\n') && !strchr(s, ' '));
	if (hosts_check_extra(s, NULL) == 0) {
		const struct hosts_options o = { .hostname = "h", .address = "1.2.3.4" };
		struct hosts_options with = o;

		strv_push(&extra, s);
		with.extra = extra;
		hosts_format(&with, &hosts);
		fuzz_want(!buf_failed(&hosts) || strlen(s) > 60000);
	}
	if (run_command_merge(NULL, NULL, s, NULL, &command, NULL) == 0)
		fuzz_want(strv_len(command) > 0);
	strv_free(command);
	strv_free(extra);
	buf_done(&hosts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *option = fuzz_part(&data, &size), *file = fuzz_bytes(data, size);

	try_env(option, file, size);
	try_resolv(file, size);
	try_options(option);
	free(option);
	free(file);
	return 0;
}
