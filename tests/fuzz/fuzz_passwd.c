/*
 * User specifications against hostile files: SPEC 0xff PASSWD 0xff GROUP.
 * Above all: what is a number is that number, whatever the files say.
 */
#include "fuzz.h"

#include "base/str.h"
#include "codec/passwd.h"

static uint64_t number(const char *s)
{
	uint64_t v = 0;

	for (; *s >= '0' && *s <= '9' && v <= PASSWD_ID_MAX; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	return v;
}

static void check(const char *spec, const struct passwd_user *u)
{
	size_t n = strspn(spec, "0123456789");
	const char *colon = strchr(spec, ':');

	fuzz_want(u->n_groups >= 1 && u->n_groups <= PASSWD_GROUPS_MAX && u->groups[0] == u->gid);
	fuzz_want(u->uid <= PASSWD_ID_MAX && u->gid <= PASSWD_ID_MAX && u->home[0] == '/');
	fuzz_want(!strchr(u->home, '\n') && !strchr(u->name, ':'));
	if (n > 0 && (!spec[n] || spec[n] == ':'))
		fuzz_want(u->uid == number(spec));
	if (colon && colon[1] && str_is_digits(colon + 1))
		fuzz_want(u->gid == number(colon + 1) && u->n_groups == 1);
	fuzz_want(*spec != ':' && *spec != '-' && *spec != '+' && *spec != ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct passwd_user u;
	char *spec = fuzz_part(&data, &size);
	const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
	size_t n = cut ? (size_t)(cut - data) : size;
	size_t n_group = cut ? size - n - 1 : 0;
	char *passwd = fuzz_bytes(data, n), *group = fuzz_bytes(cut ? cut + 1 : data, n_group);
	const struct passwd_files files = { passwd, n, group, n_group };
	uint32_t gid;
	int r = passwd_resolve(spec, &files, &u, NULL);

	if (r == 0)
		check(spec, &u);
	fuzz_want(r >= 0 || r == -ERR_FORMAT || r == -ERR_NOT_FOUND || r == -ERR_LIMIT);
	fuzz_want((passwd_check_spec(spec, NULL) == -ERR_FORMAT) == (r == -ERR_FORMAT));
	if (passwd_resolve_group(spec, &files, &gid, NULL) == 0 && str_is_digits(spec))
		fuzz_want(gid == number(spec));
	free(spec);
	free(passwd);
	free(group);
	return 0;
}
