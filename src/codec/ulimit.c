#include "codec/ulimit.h"

#include <stddef.h>
#include <string.h>
#include <sys/resource.h>

#include "base/parse.h"
#include "base/str.h"

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static int parse_number(const char *s, size_t len, const char *arg, uint64_t *ret, struct err *err)
{
	char text[32];

	if (len >= sizeof(text))
		return err_set(err, ERR_USAGE, "invalid ulimit argument: %s", arg);
	memcpy(text, s, len);
	text[len] = '\0';
	if (str_eq(text, "-1") || str_eq(text, "unlimited")) {
		*ret = ULIMIT_UNLIMITED;
		return 0;
	}
	if (parse_u64(text, INT64_MAX, ret, NULL) < 0)
		return err_set(err, ERR_USAGE, "invalid ulimit argument: %s", arg);
	return 0;
}

int ulimit_parse(const char *arg, struct ulimit *ret, struct err *err)
{
	const char *eq = strchr(arg, '='), *value, *colon;
	struct ulimit u = { 0 };
	int r;

	if (!eq || eq == arg)
		return err_set(err, ERR_USAGE, "invalid ulimit argument: %s", arg);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (strlen(limits[i].name) != (size_t)(eq - arg) ||
			memcmp(limits[i].name, arg, (size_t)(eq - arg)) != 0)
			continue;
		u.name = limits[i].name;
		u.resource = limits[i].resource;
	}
	if (!u.name)
		return err_set(err, ERR_USAGE, "invalid ulimit type: %.*s", (int)(eq - arg), arg);
	value = eq + 1;
	colon = strchr(value, ':');
	if (colon && strchr(colon + 1, ':'))
		return err_set(err, ERR_USAGE,
			"too many limit value arguments - %s, can only have up to two, "
			"`soft[:hard]`",
			value);
	r = parse_number(value, colon ? (size_t)(colon - value) : strlen(value), arg, &u.soft, err);
	if (r < 0)
		return r;
	u.hard = u.soft;
	if (colon) {
		r = parse_number(colon + 1, strlen(colon + 1), arg, &u.hard, err);
		if (r < 0)
			return r;
	}
	if (u.soft > u.hard)
		return err_set(err, ERR_USAGE,
			"ulimit soft limit must be less than or equal to hard limit: %s", value);
	*ret = u;
	return 0;
}
