#include "registry/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"

#define URL_MAX (16 * 1024)

void url_done(struct url *u)
{
	free(u->host);
	free(u->path);
	free(u->query);
	*u = (struct url){ 0 };
}

/* The text up to its query (or to what no terminal should get): what may be shown. */
static int bad_url(struct err *err, const char *text, const char *why)
{
	int max = (int)strcspn(text, "?#"), n = 0;

	while (n < max && n < 200 && (unsigned char)text[n] >= ' ')
		n++;
	return err_set(err, ERR_FORMAT, "URL \"%.*s\": %s", n, text, why);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Names as DNS has them plus '_'. A name whose last label begins with a digit would be read as a
 * number by some resolvers ("127.1", "0x7f.1", "2130706433"), so only a.b.c.d may be one.
 */
static bool host_name_ok(const char *host)
{
	const char *last = strrchr(host, '.');
	struct in_addr in;

	if (!*host || strlen(host) > 253 || str_has_suffix(host, "."))
		return false;
	for (const char *p = host; *p; p++) {
		bool alnum = is_digit(*p) || (*p >= 'a' && *p <= 'z');

		if (!alnum && *p != '-' && *p != '_' && *p != '.')
			return false;
	}
	last = last ? last + 1 : host;
	return !is_digit(*last) || inet_pton(AF_INET, host, &in) == 1;
}

static int parse_port(const char *text, const char *s, struct url *u, struct err *err)
{
	uint64_t port;

	if (!*s) {
		u->port = u->https ? 443 : 80;
		return 0;
	}
	if (parse_u64(s, 65535, &port, NULL) < 0 || port == 0)
		return bad_url(err, text, "bad port");
	u->port = (uint16_t)port;
	return 0;
}

static int parse_authority(
	const char *text, const char *s, size_t len, struct url *u, struct err *err)
{
	autofree char *a = xstrndup(s, len);
	struct in6_addr in6;
	char *end;

	for (char *p = a; *p; p++)
		*p = lower(*p);
	if (strchr(a, '@'))
		return bad_url(err, text, "a user name in it is not accepted");
	if (a[0] != '[') {
		end = strchr(a, ':');
		if (end)
			*end++ = '\0';
		if (!host_name_ok(a))
			return bad_url(err, text, "bad host name");
		u->host = xstrdup(a);
		return parse_port(text, end ? end : "", u, err);
	}
	end = strchr(a, ']');
	if (!end || (end[1] && end[1] != ':'))
		return bad_url(err, text, "bad host name");
	*end++ = '\0';
	if (inet_pton(AF_INET6, a + 1, &in6) != 1)
		return bad_url(err, text, "bad IPv6 address");
	u->host = xstrdup(a + 1);
	return parse_port(text, *end ? end + 1 : "", u, err);
}

/*
 * Path and query: blanks and bytes above 0x7e are encoded, as servers that forget to are known;
 * everything else stays as it came, because signatures cover it.
 */
static char *clean_part(const char *s, size_t len)
{
	AUTO(buf) struct buf b = BUF_INIT(4 * URL_MAX);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '\\')
			buf_printf(&b, "%%%02X", c);
		else
			buf_putc(&b, (char)c);
	}
	return buf_take(&b);
}

static int set_path(const char *text, const char *s, struct url *u, struct err *err)
{
	size_t path = strcspn(s, "?#");

	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return bad_url(err, text, "control character in it");
	u->path = path ? clean_part(s, path) : xstrdup("/");
	if (s[path] == '?')
		u->query = clean_part(s + path + 1, strcspn(s + path + 1, "#"));
	return 0;
}

static int parse_into(const char *text, struct url *u, struct err *err)
{
	const char *s, *end;
	int r;

	if (strlen(text) > URL_MAX)
		return bad_url(err, text, "too long");
	if (strncasecmp(text, "https://", 8) == 0)
		u->https = true;
	else if (strncasecmp(text, "http://", 7) != 0)
		return bad_url(err, text, "neither http nor https");
	s = strchr(text, '/') + 2;
	end = s + strcspn(s, "/?#");
	r = parse_authority(text, s, (size_t)(end - s), u, err);
	if (r < 0)
		return r;
	return set_path(text, end, u, err);
}

int url_parse(const char *text, struct url *ret, struct err *err)
{
	AUTO(url) struct url u = { 0 };
	int r = parse_into(text, &u, err);

	if (r < 0)
		return r;
	if (u.path[0] != '/') /* "http://host?query" */
		return bad_url(err, text, "no path");
	*ret = u;
	u = (struct url){ 0 };
	return 0;
}

void url_copy(const struct url *u, struct url *ret)
{
	*ret = (struct url){
		.https = u->https,
		.host = xstrdup(u->host),
		.port = u->port,
		.path = xstrdup(u->path),
		.query = xstrdup(u->query),
	};
}

static bool has_scheme(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return n > 0 && s[n] == ':' && !is_digit(s[0]);
}

/* RFC 3986 5.2.4 on an absolute path. */
static char *remove_dots(const char *path)
{
	AUTO(buf) struct buf out = BUF_INIT(4 * URL_MAX);
	const char *p = path;

	while (*p) {
		size_t n = 1 + strcspn(p + 1, "/");
		bool last = p[n] == '\0';

		if (n == 3 && p[1] == '.' && p[2] == '.') {
			const char *slash = strrchr(buf_str(&out), '/');

			buf_truncate(&out, slash ? (size_t)(slash - buf_str(&out)) : 0);
		}
		if ((n == 3 && p[1] == '.' && p[2] == '.') || (n == 2 && p[1] == '.')) {
			if (last)
				buf_putc(&out, '/');
		} else {
			buf_append(&out, p, n);
		}
		p += n;
	}
	if (out.len == 0)
		buf_putc(&out, '/');
	return buf_take(&out);
}

int url_resolve(const struct url *base, const char *location, struct url *ret, struct err *err)
{
	AUTO(url) struct url u = { 0 };
	autofree char *merged = NULL;
	int r;

	if (has_scheme(location))
		return url_parse(location, ret, err);
	if (location[0] == '/' && location[1] == '/') {
		merged = xasprintf("%s:%s", base->https ? "https" : "http", location);
		return url_parse(merged, ret, err);
	}
	url_copy(base, &u);
	if (location[0] == '/') {
		merged = xstrdup(location);
	} else if (location[0] == '?' || location[0] == '#' || location[0] == '\0') {
		merged = xasprintf("%s%s", base->path, location);
	} else {
		int dir = (int)(strrchr(base->path, '/') - base->path) + 1;

		merged = xasprintf("%.*s%s", dir, base->path, location);
	}
	free(u.path);
	u.path = NULL;
	if (location[0] != '#' && location[0] != '\0') {
		free(u.query);
		u.query = NULL;
	}
	r = set_path(merged, merged, &u, err);
	if (r < 0)
		return r;
	free(merged);
	merged = u.path;
	u.path = remove_dots(merged);
	*ret = u;
	u = (struct url){ 0 };
	return 0;
}

char *url_authority(const struct url *u)
{
	bool v6 = strchr(u->host, ':');
	const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";

	if (u->port == (u->https ? 443 : 80))
		return xasprintf("%s%s%s", open, u->host, close);
	return xasprintf("%s%s%s:%u", open, u->host, close, u->port);
}

char *url_display(const struct url *u)
{
	autofree char *authority = url_authority(u);

	return xasprintf("%s://%s%s", u->https ? "https" : "http", authority, u->path);
}

char *url_format(const struct url *u)
{
	autofree char *shown = url_display(u);

	if (!u->query)
		return TAKE_PTR(shown);
	return xasprintf("%s?%s", shown, u->query);
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port == b->port && str_eq(a->host, b->host);
}

static enum url_host class_of_v4(uint32_t a)
{
	if (a >> 24 == 127 || a >> 24 == 0)
		return URL_HOST_LOOPBACK;
	if (a >> 16 == 0xa9fe)
		return URL_HOST_LINK_LOCAL;
	if (a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191)
		return URL_HOST_PRIVATE;
	return URL_HOST_PUBLIC;
}

static enum url_host class_of_v6(const struct in6_addr *in6)
{
	const uint8_t *b = in6->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(in6) || IN6_IS_ADDR_V4COMPAT(in6)) {
		uint32_t v4 = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 |
			      b[15];

		if (v4 == 1 || v4 == 0) /* ::1 and :: */
			return URL_HOST_LOOPBACK;
		return class_of_v4(v4);
	}
	if (IN6_IS_ADDR_LOOPBACK(in6) || IN6_IS_ADDR_UNSPECIFIED(in6))
		return URL_HOST_LOOPBACK;
	if (IN6_IS_ADDR_LINKLOCAL(in6))
		return URL_HOST_LINK_LOCAL;
	if ((b[0] & 0xfe) == 0xfc)
		return URL_HOST_PRIVATE;
	return URL_HOST_PUBLIC;
}

enum url_host url_host_class(const struct url *u)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, u->host, &in) == 1)
		return class_of_v4(ntohl(in.s_addr));
	if (inet_pton(AF_INET6, u->host, &in6) == 1)
		return class_of_v6(&in6);
	if (str_eq(u->host, "localhost") || str_has_suffix(u->host, ".localhost"))
		return URL_HOST_LOOPBACK;
	return URL_HOST_NAME;
}

static void append_encoded(struct buf *b, const char *s)
{
	for (; *s; s++) {
		bool alnum = is_digit(*s) || (lower(*s) >= 'a' && lower(*s) <= 'z');

		if (alnum || *s == '-' || *s == '.' || *s == '_' || *s == '~')
			buf_putc(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

void url_form_add(struct buf *b, const char *key, const char *value)
{
	if (b->len > 0)
		buf_putc(b, '&');
	append_encoded(b, key);
	buf_putc(b, '=');
	append_encoded(b, value);
}

void url_add_query(struct url *u, const char *key, const char *value)
{
	AUTO(buf) struct buf b = BUF_INIT(8 * URL_MAX);

	if (u->query)
		buf_puts(&b, u->query);
	url_form_add(&b, key, value);
	free(u->query);
	u->query = buf_take(&b);
}
