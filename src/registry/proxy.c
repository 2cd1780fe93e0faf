#include "registry/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"

static const char *env_either(const char *upper, const char *lower)
{
	const char *v = getenv(upper);

	return str_empty(v) ? getenv(lower) : v;
}

/* 4 or 16 address bytes, 0 when the text is no address. */
static size_t parse_address(const char *s, uint8_t ret[16])
{
	if (inet_pton(AF_INET, s, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, s, ret) == 1 ? 16 : 0;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

/* "10.0.0.0/8" */
static bool matches_cidr(const char *entry, const char *slash, const char *host)
{
	autofree char *net = xstrndup(entry, (size_t)(slash - entry));
	uint8_t want[16], have[16];
	size_t n = parse_address(net, want);
	uint64_t bits;

	if (n == 0 || parse_address(host, have) != n ||
		parse_u64(slash + 1, n * 8, &bits, NULL) < 0)
		return false;
	return same_prefix(want, have, (unsigned)bits);
}

static bool matches_name(const char *entry, const char *host)
{
	size_t hl = strlen(host), el;
	bool only_below;

	if (entry[0] == '*' && entry[1] == '.')
		entry++;
	only_below = entry[0] == '.';
	if (only_below)
		entry++;
	el = strlen(entry);
	if (el == 0 || el > hl || !str_eq_nocase(host + hl - el, entry))
		return false;
	return el == hl ? !only_below : host[hl - el - 1] == '.';
}

/* Cut ":port" (or "]:port") off; false when it names another port. */
static bool take_port(char *entry, const struct url *url)
{
	char *colon = strrchr(entry, ':');
	uint64_t port;

	if (entry[0] == '[') {
		char *end = strchr(entry, ']');

		if (!end)
			return false;
		colon = end[1] == ':' ? end + 1 : NULL;
		*end = '\0';
		memmove(entry, entry + 1, strlen(entry));
	} else if (colon && strchr(entry, ':') != colon) {
		return true; /* a bare IPv6 address */
	}
	if (!colon)
		return true;
	if (parse_u64(colon + 1, 65535, &port, NULL) < 0)
		return false;
	*colon = '\0';
	return port == url->port;
}

static bool matches_entry(char *entry, const struct url *url)
{
	uint8_t want[16], have[16];
	const char *slash;
	size_t n;

	if (str_eq(entry, "*"))
		return true;
	slash = strchr(entry, '/');
	if (slash)
		return matches_cidr(entry, slash, url->host);
	if (!take_port(entry, url))
		return false;
	n = parse_address(entry, want);
	if (n > 0)
		return parse_address(url->host, have) == n && memcmp(want, have, n) == 0;
	return matches_name(entry, url->host);
}

bool proxy_is_excluded(const char *no_proxy, const struct url *url)
{
	AUTO(strv) char **entries = strv_split(no_proxy, ',');

	for (char **p = entries; *p; p++) {
		char *entry = *p + strspn(*p, " \t");

		entry[strcspn(entry, " \t")] = '\0';
		if (*entry && matches_entry(entry, url))
			return true;
	}
	return false;
}

char *proxy_find(const struct url *url)
{
	const char *proxy, *no_proxy = env_either("NO_PROXY", "no_proxy");

	if (url->https)
		proxy = env_either("HTTPS_PROXY", "https_proxy");
	else
		proxy = getenv("REQUEST_METHOD") ? NULL : env_either("HTTP_PROXY", "http_proxy");
	if (str_empty(proxy) || url_host_class(url) == URL_HOST_LOOPBACK)
		return NULL;
	if (!str_empty(no_proxy) && proxy_is_excluded(no_proxy, url))
		return NULL;
	return xstrdup(proxy);
}
