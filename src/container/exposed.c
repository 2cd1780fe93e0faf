#include "container/exposed.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

#define PORT_MAX 65535

static int invalid(const char *arg, struct err *err)
{
	return err_set(err, ERR_USAGE, "invalid range format for --expose: %s", arg);
}

static bool port(const char *text, uint64_t *ret)
{
	return str_is_digits(text) && parse_u64(text, PORT_MAX, ret, NULL) >= 0;
}

static bool range(char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	char *dash = strchr(text, '-');

	if (!dash) {
		if (!port(text, ret_first))
			return false;
		*ret_last = *ret_first;
		return true;
	}
	*dash = '\0';
	return port(text, ret_first) && port(dash + 1, ret_last) && *ret_first <= *ret_last;
}

int exposed_add(char ***list, const char *arg, struct err *err)
{
	const char *slash = strchr(arg, '/'), *protocol = slash ? slash + 1 : "tcp";
	autofree char *ports = slash ? xstrndup(arg, (size_t)(slash - arg)) : xstrdup(arg);
	uint64_t first, last;

	if (!str_eq_nocase(protocol, "tcp") && !str_eq_nocase(protocol, "udp") &&
		!str_eq_nocase(protocol, "sctp"))
		return err_set(err, ERR_USAGE, "invalid proto: %s", protocol);
	if (!range(ports, &first, &last))
		return invalid(arg, err);
	for (uint64_t n = first; n <= last; n++) {
		autofree char *text = xasprintf("%u/%s", (unsigned)n,
			str_eq_nocase(protocol, "tcp")	 ? "tcp"
			: str_eq_nocase(protocol, "udp") ? "udp"
							 : "sctp");

		if (!strv_contains(*list, text))
			strv_push(list, text);
	}
	return 0;
}
