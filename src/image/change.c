/* Dockerfile lines applied to an image's config: see change.h. */
#include "image/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

#define LINE_MAX_LEN (64U << 10)

static const char blanks[] = " \t\r\n";

static void replace(char **field, char *value)
{
	free(*field);
	*field = value;
}

/*
 * One word: blanks end it, quotes of either kind keep blanks, a backslash keeps the next character
 * (not inside single quotes). *s moves behind it. NULL at the end of the line.
 */
static char *next_word(const char **s, struct err *err, int *r)
{
	AUTO(buf) struct buf b = BUF_INIT(LINE_MAX_LEN);
	const char *p = *s + strspn(*s, blanks);
	char quote = 0;

	*r = 0;
	if (!*p)
		return NULL;
	for (; *p && (quote || !strchr(blanks, *p)); p++) {
		if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '\\' && p[1] && quote != '\'')
			buf_putc(&b, *++p);
		else
			buf_putc(&b, *p);
	}
	*s = p;
	if (quote)
		*r = err_set(err, ERR_FORMAT, "a %c is not closed", quote);
	else if (buf_failed(&b))
		*r = err_set(err, ERR_LIMIT, "line too long");
	return *r < 0 ? NULL : buf_take(&b);
}

static int split_words(const char *s, char ***ret, struct err *err)
{
	char *word;
	int r;

	while ((word = next_word(&s, err, &r)))
		strv_push_take(ret, word);
	return r;
}

/* `["a", "b"]`; 0 when it is not one, so that it is a shell's line. */
static int parse_exec_form(const char *s, char ***ret)
{
	AUTO(json) struct json *doc = NULL;

	if (*s != '[' || json_parse(s, strlen(s), &doc, NULL) < 0 || !json_is_array(doc))
		return 0;
	JSON_FOREACH(item, doc)
	{
		if (!json_is_string(item)) {
			strv_free(TAKE_PTR(*ret));
			return 0;
		}
		strv_push(ret, json_string(item));
	}
	if (!*ret)
		*ret = strv_dup(NULL);
	return 1;
}

static int apply_command(char ***field, const struct image_config *c, const char *s)
{
	AUTO(strv) char **v = NULL;

	if (!parse_exec_form(s, &v)) {
		if (c->shell) {
			strv_extend(&v, c->shell);
		} else {
			strv_push(&v, "/bin/sh");
			strv_push(&v, "-c");
		}
		strv_push(&v, s);
	}
	strv_free(*field);
	*field = TAKE_PTR(v);
	return 0;
}

static int apply_cmd(struct image_config *c, const char *s, struct err *err)
{
	(void)err;
	return apply_command(&c->cmd, c, s);
}

static int apply_entrypoint(struct image_config *c, const char *s, struct err *err)
{
	(void)err;
	return apply_command(&c->entrypoint, c, s);
}

/* KEY=VALUE ..., or the old form KEY VALUE, whose value is the rest of the line as it is. */
static int apply_pairs(char ***field, const char *s, struct err *err)
{
	AUTO(strv) char **words = NULL;
	size_t key = strcspn(s, " \t=");
	int r;

	if (s[key] != '=') {
		const char *value = s + key + strspn(s + key, blanks);

		if (!*value)
			return err_set(err, ERR_FORMAT, "%s has no value", s);
		autofree char *pair = xasprintf("%.*s=%s", (int)key, s, value);

		strv_env_set(field, pair);
		return 0;
	}
	r = split_words(s, &words, err);
	if (r < 0)
		return r;
	STRV_FOREACH (word, words) {
		if (!strchr(word, '=') || *word == '=')
			return err_set(err, ERR_FORMAT, "%s is not KEY=VALUE", word);
		strv_env_set(field, word);
	}
	return 0;
}

static int apply_env(struct image_config *c, const char *s, struct err *err)
{
	return apply_pairs(&c->env, s, err);
}

static int apply_label(struct image_config *c, const char *s, struct err *err)
{
	return apply_pairs(&c->labels, s, err);
}

static int apply_workdir(struct image_config *c, const char *s, struct err *err)
{
	(void)err;
	replace(&c->workdir, path_clean(str_empty(c->workdir) ? "/" : c->workdir, s));
	return 0;
}

static int apply_user(struct image_config *c, const char *s, struct err *err)
{
	if (strpbrk(s, blanks))
		return err_set(err, ERR_FORMAT, "one argument is wanted");
	replace(&c->user, xstrdup(s));
	return 0;
}

static int apply_stop_signal(struct image_config *c, const char *s, struct err *err)
{
	if (strpbrk(s, blanks))
		return err_set(err, ERR_FORMAT, "one argument is wanted");
	replace(&c->stop_signal, xstrdup(s));
	return 0;
}

static bool is_port(const char *s, size_t len)
{
	unsigned n = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	return n >= 1 && n <= 65535;
}

/* PORT, PORT-PORT, each with or without /tcp, /udp or /sctp. */
static int add_port(struct image_config *c, const char *s, struct err *err)
{
	const char *proto = strchr(s, '/');
	size_t len = proto ? (size_t)(proto - s) : strlen(s);
	const char *dash = memchr(s, '-', len);
	size_t first = dash ? (size_t)(dash - s) : len;
	autofree char *full = xasprintf("%.*s/%s", (int)len, s, proto ? proto + 1 : "tcp");
	bool good = is_port(s, first) && (!dash || is_port(dash + 1, len - first - 1));

	if (proto && !str_eq(proto, "/tcp") && !str_eq(proto, "/udp") && !str_eq(proto, "/sctp"))
		good = false;
	if (!good)
		return err_set(err, ERR_FORMAT, "invalid port: %s", s);
	if (!strv_contains(c->exposed, full))
		strv_push(&c->exposed, full);
	return 0;
}

static int apply_expose(struct image_config *c, const char *s, struct err *err)
{
	AUTO(strv) char **words = NULL;
	int r = split_words(s, &words, err);

	STRV_FOREACH (word, words)
		if (r >= 0)
			r = add_port(c, word, err);
	return r;
}

static int apply_volume(struct image_config *c, const char *s, struct err *err)
{
	AUTO(strv) char **v = NULL;
	int r = 0;

	if (!parse_exec_form(s, &v))
		r = split_words(s, &v, err);
	STRV_FOREACH (path, v)
		if (!strv_contains(c->volumes, path))
			strv_push(&c->volumes, path);
	return r;
}

static int apply_shell(struct image_config *c, const char *s, struct err *err)
{
	AUTO(strv) char **v = NULL;

	if (!parse_exec_form(s, &v) || !strv_len(v))
		return err_set(err, ERR_FORMAT, "a JSON array is wanted");
	strv_free(c->shell);
	c->shell = TAKE_PTR(v);
	return 0;
}

static int apply_onbuild(struct image_config *c, const char *s, struct err *err)
{
	(void)err;
	strv_push(&c->on_build, s);
	return 0;
}

static const struct {
	const char *name;
	int (*apply)(struct image_config *c, const char *rest, struct err *err);
} instructions[] = {
	{ "CMD", apply_cmd },
	{ "ENTRYPOINT", apply_entrypoint },
	{ "ENV", apply_env },
	{ "EXPOSE", apply_expose },
	{ "LABEL", apply_label },
	{ "ONBUILD", apply_onbuild },
	{ "SHELL", apply_shell },
	{ "STOPSIGNAL", apply_stop_signal },
	{ "USER", apply_user },
	{ "VOLUME", apply_volume },
	{ "WORKDIR", apply_workdir },
};

int change_apply(struct image_config *c, const char *line, struct err *err)
{
	const char *start = line + strspn(line, blanks);
	size_t len = strcspn(start, blanks);
	autofree char *word = xstrndup(start, len);
	const char *rest = start + len + strspn(start + len, blanks);

	for (size_t i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		int r;

		if (!str_eq_nocase(word, instructions[i].name))
			continue;
		if (!*rest)
			return err_set(
				err, ERR_FORMAT, "%s requires an argument", instructions[i].name);
		r = instructions[i].apply(c, rest, err);
		return r < 0 ? err_ctx(err, r, "%s", instructions[i].name) : 0;
	}
	return err_set(err, ERR_FORMAT, "%s is not a valid change command", word);
}
