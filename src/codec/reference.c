#include "codec/reference.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_TAG    "latest"

/*
 * The grammar is regular and small enough to be matched by hand. Every matcher takes a range and
 * answers for the whole of it. What is normalised is decided before the grammar is: where the
 * domain ends depends on how the first component looks, not on what it would parse as.
 */

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || is_upper(c);
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*, joined by '/'. */
static bool is_path(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t start = i, sep;

		while (i < len && is_lower_alnum(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == len)
			return true;
		sep = i;
		if (s[i] == '/' || s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			while (i < len && s[i] == '_' && i - sep < 2)
				i++;
		} else if (s[i] == '-') {
			while (i < len && s[i] == '-')
				i++;
		} else {
			return false;
		}
	}
}

/* Digits behind the last ':' that is not inside brackets; the range shrinks to the host. */
static bool cut_port(const char *s, size_t *len)
{
	size_t i = *len;

	while (i > 0 && is_digit(s[i - 1]))
		i--;
	if (i == 0 || s[i - 1] != ':')
		return true;
	if (i == *len)
		return false; /* "host:" */
	*len = i - 1;
	return true;
}

/*
 * The IPv6 literal without brackets: eight groups of up to four hex digits, or fewer around one
 * "::". No zone and no dotted quad, as in the reference grammar.
 */
static bool is_ipv6(const char *s, size_t len)
{
	unsigned groups = 0;
	bool gap = false;
	size_t i = 0;

	if (len >= 2 && s[0] == ':' && s[1] == ':') {
		gap = true;
		i = 2;
	}
	while (i < len) {
		size_t start = i;

		while (i < len && is_hex(s[i]))
			i++;
		if (i == start || i - start > 4)
			return false;
		groups++;
		if (i == len)
			break;
		if (s[i++] != ':' || i == len)
			return false;
		if (s[i] != ':')
			continue;
		if (gap)
			return false;
		gap = true;
		i++;
	}
	return gap ? groups < 8 : groups == 8;
}

static bool is_domain(const char *s, size_t len)
{
	size_t start = 0;

	if (!cut_port(s, &len) || len == 0)
		return false;
	if (s[0] == '[')
		return s[len - 1] == ']' && is_ipv6(s + 1, len - 2);
	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			if (!is_alnum(s[i]) && s[i] != '-')
				return false;
			continue;
		}
		if (i == start || s[start] == '-' || s[i - 1] == '-')
			return false;
		start = i + 1;
	}
	return true;
}

static bool is_tag(const char *s, size_t len)
{
	if (len == 0 || len > REFERENCE_TAG_MAX || (!is_alnum(s[0]) && s[0] != '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '.' && s[i] != '-')
			return false;
	return true;
}

/* How many bytes of s are a domain, by the look of the first component; 0 for none. */
static size_t domain_length(const char *s, size_t len)
{
	const char *slash = memchr(s, '/', len);
	bool domain = false;
	size_t n;

	if (!slash)
		return 0;
	n = (size_t)(slash - s);
	if (n == strlen("localhost") && memcmp(s, "localhost", n) == 0)
		return n;
	for (size_t i = 0; i < n; i++)
		domain |= s[i] == '.' || s[i] == ':' || is_upper(s[i]);
	return domain ? n : 0;
}

static int invalid(struct err *err)
{
	return err_set(err, ERR_FORMAT, "invalid reference format");
}

/* Name and domain of the first len bytes of s. */
static int parse_name(const char *s, size_t len, struct reference *ref, struct err *err)
{
	size_t n = domain_length(s, len);
	const char *path = n ? s + n + 1 : s;
	size_t path_len = (size_t)(s + len - path);
	bool hub;

	if (n && !is_domain(s, n))
		return invalid(err);
	for (size_t i = 0; i < path_len; i++)
		if (is_upper(path[i]))
			return err_set(err, ERR_FORMAT,
				"invalid reference format: repository name (%.*s) must be "
				"lowercase",
				(int)(path_len < 300 ? path_len : 300), path);
	if (!is_path(path, path_len))
		return invalid(err);
	ref->domain = n ? xstrndup(s, n) : xstrdup(DEFAULT_DOMAIN);
	if (str_eq(ref->domain, "index.docker.io")) {
		free(ref->domain);
		ref->domain = xstrdup(DEFAULT_DOMAIN);
	}
	hub = str_eq(ref->domain, DEFAULT_DOMAIN) && !memchr(path, '/', path_len);
	ref->path = xasprintf("%s%.*s", hub ? "library/" : "", (int)path_len, path);
	if (strlen(ref->path) > REFERENCE_PATH_MAX)
		return err_set(err, ERR_FORMAT,
			"invalid reference format: repository name must not be more than %d "
			"characters",
			REFERENCE_PATH_MAX);
	return 0;
}

/* [name, name + len) ends in ":tag"? A ':' before the last '/' is a port. */
static const char *find_tag(const char *name, size_t len)
{
	for (size_t i = len; i > 0; i--) {
		if (name[i - 1] == '/')
			return NULL;
		if (name[i - 1] == ':')
			return name + i;
	}
	return NULL;
}

static int parse(const char *s, struct reference *ref, struct err *err)
{
	const char *at = strchr(s, '@');
	size_t len = at ? (size_t)(at - s) : strlen(s);
	const char *tag;
	int r;

	/* Otherwise every name would have to be tried as an id as well, and the other way round. */
	if (strlen(s) == DIGEST_HEX_LEN && str_is_hex_lower(s, DIGEST_HEX_LEN))
		return err_set(err, ERR_FORMAT,
			"invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
			s);
	if (len == 0 || len > 4096)
		return invalid(err);
	if (at) {
		r = digest_parse(at + 1, &ref->digest, err);
		if (r < 0)
			return r == -ERR_FORMAT ? err_ctx(err, r, "invalid reference format") : r;
		ref->has_digest = true;
	}
	tag = find_tag(s, len);
	if (tag) {
		size_t tag_len = (size_t)(s + len - tag);

		if (!is_tag(tag, tag_len))
			return invalid(err);
		ref->tag = xstrndup(tag, tag_len);
		len -= tag_len + 1;
	} else if (!at) {
		ref->tag = xstrdup(DEFAULT_TAG);
		ref->tag_implied = true;
	}
	return parse_name(s, len, ref, err);
}

int reference_parse(const char *s, struct reference *ret, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	int r;

	r = parse(s, &ref, err);
	if (r < 0)
		return r;
	*ret = ref;
	ref = (struct reference){ 0 };
	return 0;
}

void reference_done(struct reference *ref)
{
	free(ref->domain);
	free(ref->path);
	free(ref->tag);
	*ref = (struct reference){ 0 };
}

void reference_copy(const struct reference *ref, struct reference *ret)
{
	*ret = *ref;
	ret->domain = xstrdup(ref->domain);
	ret->path = xstrdup(ref->path);
	ret->tag = xstrdup(ref->tag);
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

bool reference_equal(const struct reference *a, const struct reference *b)
{
	return same(a->domain, b->domain) && same(a->path, b->path) && same(a->tag, b->tag) &&
	       a->has_digest == b->has_digest &&
	       (!a->has_digest || digest_equal(&a->digest, &b->digest));
}

static char *with_suffix(const struct reference *ref, char *name)
{
	char *text = xasprintf("%s%s%s%s%s", name, ref->tag ? ":" : "", ref->tag ? ref->tag : "",
		ref->has_digest ? "@" : "", ref->has_digest ? ref->digest.text : "");

	free(name);
	return text;
}

char *reference_repository(const struct reference *ref)
{
	return xasprintf("%s/%s", ref->domain, ref->path);
}

char *reference_familiar_name(const struct reference *ref)
{
	const char *official;

	if (!str_eq(ref->domain, DEFAULT_DOMAIN))
		return reference_repository(ref);
	official = str_after(ref->path, "library/");
	/*
	 * Of docker.io's paths only library/NAME is shortened further, and a NAME that would be read
	 * as a domain cannot occur: it has no '/' behind it.
	 */
	if (official && !strchr(official, '/'))
		return xstrdup(official);
	/* "localhost/x" and "a.b/c" on Hub have to keep the domain, or they would name another. */
	if (domain_length(ref->path, strlen(ref->path)) > 0)
		return reference_repository(ref);
	return xstrdup(ref->path);
}

char *reference_format(const struct reference *ref)
{
	return with_suffix(ref, reference_repository(ref));
}

char *reference_familiar(const struct reference *ref)
{
	return with_suffix(ref, reference_familiar_name(ref));
}

int reference_set_tag(struct reference *ref, const char *tag, struct err *err)
{
	char *copy;

	if (!is_tag(tag, strlen(tag)))
		return err_set(err, ERR_FORMAT, "invalid tag format: \"%.200s\"", tag);
	copy = xstrdup(tag); /* tag may be ref's own */
	free(ref->tag);
	ref->tag = copy;
	ref->tag_implied = false;
	ref->has_digest = false;
	ref->digest = (struct digest){ 0 };
	return 0;
}
