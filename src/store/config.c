#include "store/config.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/toml.h"
#include "sys/file.h"

#define SYSTEM_FILE "/etc/proa/config.toml"

/* A text under examination: for the line of what is wrong. */
struct source {
	const char *name, *text, *end;
};

/* Where a key or a table of that name is first written. */
static size_t line_of(const struct source *src, const char *key)
{
	size_t line = 1, len = strlen(key);

	for (const char *p = src->text; p < src->end; line++) {
		const char *eol = memchr(p, '\n', (size_t)(src->end - p));

		if (!eol)
			eol = src->end;
		while (p < eol && strchr(" \t[\"'", *p))
			p++;
		if ((size_t)(eol - p) > len && memcmp(p, key, len) == 0 &&
			strchr(" \t=.]\"'", p[len]))
			return line;
		p = eol < src->end ? eol + 1 : eol;
	}
	return 0;
}

static int bad(const struct source *src, const char *key, const char *what, struct err *err)
{
	return err_set(
		err, ERR_FORMAT, "%s: line %zu: %s: %s", src->name, line_of(src, key), key, what);
}

static int set_durability(
	const struct source *src, const struct json *v, struct store_config *c, struct err *err)
{
	const char *text = json_string(v);

	if (text && str_eq(text, "full"))
		c->durability = STORE_FULL;
	else if (text && str_eq(text, "fast"))
		c->durability = STORE_FAST;
	else
		return bad(src, json_key(v), "\"full\" or \"fast\" is wanted", err);
	return 0;
}

static int set_max_size(
	const struct source *src, const struct json *v, struct store_config *c, struct err *err)
{
	const char *text = json_string(v);
	int64_t n;

	if (json_int(v, &n) && n >= 0)
		c->max_size = (uint64_t)n;
	else if (!text || parse_bytes(text, &c->max_size, NULL) < 0)
		return bad(src, json_key(v), "a size as \"20g\" is wanted", err);
	return 0;
}

static const struct {
	const char *name;
	int (*set)(const struct source *, const struct json *, struct store_config *, struct err *);
} keys[] = {
	{ "durability", set_durability },
	{ "max-size", set_max_size },
};

static int set_key(
	const struct source *src, const struct json *v, struct store_config *c, struct err *err)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_eq(json_key(v), keys[i].name))
			return keys[i].set(src, v, c, err);
	return bad(src, json_key(v), "no such key: [store] has durability and max-size", err);
}

int store_config_parse(
	const char *text, size_t len, const char *name, struct store_config *ret, struct err *err)
{
	const struct source src = { name, text, text + len };
	AUTO(json) struct json *doc = NULL;
	struct store_config c = *ret;
	int r = toml_parse(text, len, &doc, err);

	if (r < 0)
		return err_ctx(err, r, "%s", name);
	JSON_FOREACH(table, doc)
	{
		if (!str_eq(json_key(table), "store") || !json_is_object(table))
			return bad(&src, json_key(table), "only the table [store] is known", err);
		JSON_FOREACH(v, table)
		{
			r = set_key(&src, v, &c, err);
			if (r < 0)
				return r;
		}
	}
	*ret = c;
	return 0;
}

static int load_file(const char *path, struct store_config *ret, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(TOML_BYTES_MAX);
	int r = file_load(AT_FDCWD, path, &b, err);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return r < 0 ? r : store_config_parse(buf_str(&b), b.len, path, ret, err);
}

int store_config_load(struct store_config *ret, struct err *err)
{
	autofree char *base = path_env("XDG_CONFIG_HOME"), *home = path_env("HOME");
	autofree char *path = NULL;
	struct store_config c = { 0 };
	int r = load_file(SYSTEM_FILE, &c, err);

	if (base)
		path = path_join(base, "proa/config.toml");
	else if (home)
		path = path_join(home, ".config/proa/config.toml");
	if (r >= 0 && path)
		r = load_file(path, &c, err);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}
