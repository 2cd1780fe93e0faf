#include "image/policy.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/strv.h"
#include "codec/policy_json.h"
#include "sys/file.h"

#define SYSTEM_FILE "/etc/containers/policy.json"

/* 1 with *ret (the caller's), 0 when there is no such file. */
static int read_policy(const char *path, struct policy **ret, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(POLICY_BYTES_MAX);
	int r = file_load(AT_FDCWD, path, &text, err);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r >= 0)
		r = policy_parse(buf_str(&text), text.len, ret, err);
	return r < 0 ? err_ctx(err, r, "%s", path) : 1;
}

static char *user_file(void)
{
	autofree char *config = path_env("XDG_CONFIG_HOME"), *home = path_env("HOME");

	if (config)
		return path_join(config, "containers/policy.json");
	return home ? path_join(home, ".config/containers/policy.json") : NULL;
}

static int check(const char *transport, char *const *scopes, struct err *err)
{
	AUTO(policy) struct policy *policy = NULL;
	autofree char *user = user_file();
	const char *file = user;
	int r = user ? read_policy(user, &policy, err) : 0;

	if (r == 0) {
		file = SYSTEM_FILE;
		r = read_policy(file, &policy, err);
	}
	if (r <= 0)
		return r;
	r = policy_check(policy, transport, scopes, err);
	return r < 0 ? err_hint(err, r, "%s says so for %s", file,
			       scopes && *scopes ? *scopes : transport)
		     : 0;
}

int policy_check_pull(const struct reference *ref, struct err *err)
{
	AUTO(strv) char **scopes = policy_scopes_of_reference(ref);

	return check("docker", scopes, err);
}

int policy_check_file(const char *transport, const char *path, struct err *err)
{
	autofree char *real = path ? realpath(path, NULL) : NULL;
	AUTO(strv) char **scopes = real ? policy_scopes_of_path(real) : NULL;

	return check(transport, scopes, err);
}
