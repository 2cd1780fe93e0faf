#include "codec/resolv.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"

/* One line of the host's file: its first word and what follows. */
struct line {
	const char *text;
	size_t len;
	const char *key, *value;
	size_t key_len, value_len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void split_line(const char *text, size_t len, struct line *ret)
{
	const char *p = text, *end = text + len;

	*ret = (struct line){ .text = text, .len = len };
	while (p < end && is_blank(*p))
		p++;
	ret->key = p;
	while (p < end && !is_blank(*p))
		p++;
	ret->key_len = (size_t)(p - ret->key);
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	ret->value = p;
	ret->value_len = (size_t)(end - p);
}

static bool has_key(const struct line *l, const char *key)
{
	return l->key_len == strlen(key) && memcmp(l->key, key, l->key_len) == 0;
}

static bool is_printable(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++) {
		unsigned char c = (unsigned char)l->text[i];

		if ((c < ' ' && c != '\t' && c != '\r') || c == 0x7f)
			return false;
	}
	return true;
}

/* 127.0.0.0/8, ::1 and the same mapped into IPv6; a zone does not change it. */
static bool is_loopback(const char *s, size_t len)
{
	unsigned char six[16];
	struct in_addr four;
	char text[64];

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	text[strcspn(text, "% \t")] = '\0';
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, text, six) != 1)
		return false;
	if (memcmp(six, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0)
		return six[12] == 127;
	return memcmp(six, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0;
}

static bool keep_line(const struct line *l, const struct resolv_options *o)
{
	if (!is_printable(l))
		return false;
	if (has_key(l, "nameserver"))
		return !o->servers &&
		       !(o->flags & RESOLV_DROP_LOOPBACK && is_loopback(l->value, l->value_len));
	if (has_key(l, "search") || has_key(l, "domain"))
		return !o->search;
	if (has_key(l, "options"))
		return !o->options;
	return true;
}

static void append_words(struct buf *out, const char *key, char *const *words)
{
	if (strv_len(words) == 0)
		return;
	buf_puts(out, key);
	STRV_FOREACH (word, words)
		buf_printf(out, " %s", word);
	buf_putc(out, '\n');
}

static void append_options(const struct resolv_options *o, struct buf *out)
{
	STRV_FOREACH (server, o->servers)
		buf_printf(out, "nameserver %s\n", server);
	if (!(strv_len(o->search) == 1 && str_eq(o->search[0], ".")))
		append_words(out, "search", o->search);
	append_words(out, "options", o->options);
}

void resolv_filter(const char *bytes, size_t len, const struct resolv_options *o, struct buf *out)
{
	bool has_server = strv_len(o->servers) > 0;

	while (len > 0) {
		const char *nl = memchr(bytes, '\n', len);
		size_t n = nl ? (size_t)(nl - bytes) : len;
		struct line line;

		split_line(bytes, n, &line);
		if (keep_line(&line, o)) {
			has_server |= has_key(&line, "nameserver");
			buf_append(out, bytes, n);
			buf_putc(out, '\n');
		}
		bytes += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
	append_options(o, out);
	if (!has_server && o->flags & RESOLV_DEFAULT_SERVERS)
		buf_puts(out, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static bool is_address(const char *s)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

int resolv_check_server(const char *s, struct err *err)
{
	return is_address(s) ? 0 : err_set(err, ERR_USAGE, "%s is not an ip address", s);
}

/* Where NAME:ADDRESS is parted: the first ':' or '=', since an address has colons of its own. */
static const char *extra_separator(const char *arg)
{
	size_t n = strcspn(arg, ":=");

	return arg[n] ? arg + n : NULL;
}

/* The address behind the separator, without the brackets that IPv6 may have; the caller's. */
static char *extra_address(const char *s)
{
	size_t n = strlen(s);

	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		return xstrndup(s + 1, n - 2);
	return xstrdup(s);
}

int hosts_check_extra(const char *arg, struct err *err)
{
	const char *sep = extra_separator(arg);
	autofree char *address = NULL;

	if (!sep || sep == arg)
		return err_set(err, ERR_USAGE, "bad format for add-host: \"%s\"", arg);
	for (const char *p = arg; p < sep; p++)
		if ((unsigned char)*p <= ' ' || *p == '#' || *p == 0x7f)
			return err_set(err, ERR_USAGE, "bad format for add-host: \"%s\"", arg);
	address = extra_address(sep + 1);
	if (!is_address(address))
		return err_set(err, ERR_USAGE, "invalid IP address in add-host: \"%s\"", sep + 1);
	return 0;
}

void hosts_append_extra(char *const *extra, struct buf *out)
{
	STRV_FOREACH (arg, extra) {
		const char *sep = extra_separator(arg);
		autofree char *address = sep ? extra_address(sep + 1) : NULL;

		if (sep)
			buf_printf(out, "%s\t%.*s\n", address, (int)(sep - arg), arg);
	}
}

void hosts_format(const struct hosts_options *o, struct buf *out)
{
	buf_puts(out, "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::\tip6-localnet\n"
		      "ff00::\tip6-mcastprefix\n"
		      "ff02::1\tip6-allnodes\n"
		      "ff02::2\tip6-allrouters\n");
	hosts_append_extra(o->extra, out);
	if (!o->address || !o->hostname)
		return;
	buf_printf(out, "%s\t", o->address);
	if (!str_empty(o->domainname))
		buf_printf(out, "%s.%s ", o->hostname, o->domainname);
	buf_printf(out, "%s\n", o->hostname);
}

int hostname_check(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > 64)
		return err_set(err, ERR_USAGE,
			"invalid hostname \"%.100s\": want 1 to 64 characters", name);
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		bool edge = i == 0 || i + 1 == len || name[i - 1] == '.' || name[i + 1] == '.';

		if (!alnum && (edge || (c != '-' && c != '.' && c != '_')))
			return err_set(err, ERR_USAGE, "invalid hostname format: %s", name);
	}
	return 0;
}
