#include "codec/env.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json_priv.h"

int env_option_parse(const char *arg, char *const *host, char ***list, struct err *err)
{
	const char *value;

	if (!*arg || *arg == '=')
		return err_set(err, ERR_USAGE, "invalid environment variable: %s", arg);
	value = strchr(arg, '=') ? NULL : strv_env_get(host, arg);
	if (value)
		strv_pushf(list, "%s=%s", arg, value);
	else
		strv_push(list, arg);
	return 0;
}

/* unicode.IsSpace of one byte; what is beyond ASCII is left in the key. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int parse_line(const char *line, char *const *host, char ***list, struct err *err)
{
	const char *eq, *value;

	while (is_blank(*line))
		line++;
	if (!*line || *line == '#')
		return 0;
	eq = strchr(line, '=');
	if (eq == line)
		return err_set(err, ERR_USAGE, "no variable name on line '%.200s'", line);
	for (const char *p = line; *p && p != eq; p++)
		if (is_blank(*p))
			return err_set(err, ERR_USAGE, "variable '%.*s' contains whitespaces",
				(int)(eq ? (eq - line < 200 ? eq - line : 200) : 200), line);
	value = eq ? NULL : strv_env_get(host, line);
	if (eq)
		strv_push(list, line);
	else if (value)
		strv_pushf(list, "%s=%s", line, value);
	return 0;
}

static int check_line(const char *p, size_t len, size_t number, struct err *err)
{
	if (len > ENV_FILE_LINE_MAX)
		return err_set(err, ERR_USAGE, "line %zu is longer than %d bytes", number,
			ENV_FILE_LINE_MAX);
	if (memchr(p, '\0', len))
		return err_set(err, ERR_USAGE, "NUL byte at line %zu", number);
	while (len > 0) {
		size_t n = utf8_sequence((const unsigned char *)p, len);

		if (n == 0)
			return err_set(err, ERR_USAGE, "invalid utf8 bytes at line %zu", number);
		p += n;
		len -= n;
	}
	return 0;
}

int env_file_parse(const char *bytes, size_t len, char *const *host, char ***list, struct err *err)
{
	size_t number = 0;
	int r;

	if (len > ENV_FILE_BYTES_MAX)
		return err_set(
			err, ERR_USAGE, "the file is larger than %u bytes", ENV_FILE_BYTES_MAX);
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		len -= 3;
	}
	while (len > 0) {
		const char *nl = memchr(bytes, '\n', len);
		size_t n = nl ? (size_t)(nl - bytes) : len, step = n + (nl != NULL);
		autofree char *line = NULL;

		r = check_line(bytes, n, ++number, err);
		if (r < 0)
			return r;
		if (n > 0 && bytes[n - 1] == '\r')
			n--;
		line = xstrndup(bytes, n);
		r = parse_line(line, host, list, err);
		if (r < 0)
			return r;
		bytes += step;
		len -= step;
	}
	return 0;
}

/* An image's KEY=value with a key. */
static bool is_assignment(const char *s)
{
	const char *eq = strchr(s, '=');

	return eq && eq != s;
}

char **env_build(const struct env_build *in, size_t *ret_dropped)
{
	AUTO(strv) char **env = NULL;
	size_t dropped = 0;

	strv_push(&env, "PATH=" ENV_PATH_DEFAULT);
	if (in->hostname)
		strv_pushf(&env, "HOSTNAME=%s", in->hostname);
	if (in->tty)
		strv_push(&env, "TERM=xterm");
	STRV_FOREACH (s, in->image) {
		if (is_assignment(s))
			strv_env_set(&env, s);
		else
			dropped++;
	}
	STRV_FOREACH (s, in->user) {
		if (strchr(s, '='))
			strv_env_set(&env, s);
		else
			strv_env_unset(env, s);
	}
	if (ret_dropped)
		*ret_dropped = dropped;
	return TAKE_PTR(env);
}
