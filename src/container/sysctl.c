#include "container/sysctl.h"

#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"

static const struct {
	const char *path; /* one that ends in '/' stands for all below */
	unsigned needs;	  /* enum sysctl_flags */
	const char *shared;
} known[] = {
	{ "kernel/msgmax", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/msgmnb", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/msgmni", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/sem", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/shmall", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/shmmax", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/shmmni", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/shm_rmid_forced", SYSCTL_OWN_IPC, "--ipc host" },
	{ "kernel/domainname", SYSCTL_OWN_UTS, "--uts host" },
	{ "fs/mqueue/", SYSCTL_OWN_IPC, "--ipc host" },
	{ "net/", SYSCTL_OWN_NETWORK, "--network host" },
};

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == '/';
}

/* sysctl(8)'s rule: the separator that comes first is one, the other kind stands for itself. */
static char *key_to_path(const char *key)
{
	char *path = xstrdup(key);
	size_t first = strcspn(path, "./");

	if (path[first] != '.')
		return path;
	for (char *p = path; *p; p++) {
		if (*p == '.')
			*p = '/';
		else if (*p == '/')
			*p = '.';
	}
	return path;
}

static bool is_clean(const char *path)
{
	for (const char *s = path; s; s = strchr(s, '/')) {
		size_t n;

		s += s != path;
		n = strcspn(s, "/");
		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return false;
	}
	return true;
}

static bool is_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' && *s != '\t')
			return false;
	return true;
}

static int check(const char *arg, const char *path, unsigned flags, struct err *err)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *rest = str_after(path, known[i].path);

		if (!rest || (*rest && rest[-1] != '/') || (!*rest && rest[-1] == '/'))
			continue;
		if (flags & known[i].needs)
			return 0;
		return err_set(
			err, ERR_USAGE, "sysctl '%s' is not allowed with %s", arg, known[i].shared);
	}
	return err_set(err, ERR_USAGE, "sysctl '%s' is not allowed", arg);
}

int sysctl_parse(const char *arg, unsigned flags, char **ret, struct err *err)
{
	const char *eq = strchr(arg, '=');
	autofree char *key = eq ? xstrndup(arg, (size_t)(eq - arg)) : NULL, *path = NULL;
	int r;

	if (!eq || eq == arg || !is_text(eq + 1))
		return err_set(err, ERR_USAGE, "invalid sysctl '%s': not KEY=VALUE", arg);
	for (const char *p = key; *p; p++)
		if (!is_key_char(*p))
			return err_set(err, ERR_USAGE, "sysctl '%s' is not allowed", arg);
	path = key_to_path(key);
	if (!is_clean(path))
		return err_set(err, ERR_USAGE, "sysctl '%s' is not allowed", arg);
	r = check(arg, path, flags, err);
	if (r < 0)
		return r;
	*ret = xasprintf("%s=%s", path, eq + 1);
	return 0;
}
