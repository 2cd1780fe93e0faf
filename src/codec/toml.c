#include "codec/toml.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/json_priv.h"
#include "codec/toml_priv.h"

/* Of a header's name. Each may be an array of tables: two levels; values have what is left. */
#define HEADER_PARTS 15

/*
 * A table that may still be added to: by sub-tables always, by a [header] of its own when it only
 * came into being on the way to another, by dotted keys when dotted keys made it. Inline tables
 * and plain arrays have no node, and so are closed. For an array of tables, `object` is its last
 * element and `children` belong to that.
 */
struct table {
	struct table *next, *children;
	char *key;
	struct json *object;
	struct json *array; /* [[header]], else NULL */
	bool defined;	    /* by [header] */
	bool dotted;	    /* by a key a.b = */
};

/* --- the cursor --- */

int toml_fail(const struct toml_cursor *c, const char *what, struct err *err)
{
	return err_set(err, ERR_FORMAT, "line %zu: %s", c->line, what);
}

int toml_count(struct toml_cursor *c, struct err *err)
{
	if (c->n_items == TOML_ITEMS_MAX)
		return err_set(err, ERR_LIMIT, "line %zu: more than %u keys and values", c->line,
			TOML_ITEMS_MAX);
	c->n_items++;
	return 0;
}

void toml_skip_blanks(struct toml_cursor *c)
{
	while (toml_at(c, ' ') || toml_at(c, '\t'))
		c->p++;
}

static void skip_comment(struct toml_cursor *c)
{
	while (c->p < c->end && toml_line_break(c) == 0)
		c->p++;
}

void toml_skip_lines(struct toml_cursor *c)
{
	for (;;) {
		size_t n;

		toml_skip_blanks(c);
		if (toml_at(c, '#'))
			skip_comment(c);
		n = toml_line_break(c);
		if (n == 0)
			return;
		c->p += n;
		c->line++;
	}
}

static bool is_bare(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '-';
}

int toml_key(struct toml_cursor *c, struct buf *ret, struct err *err)
{
	const char *start = c->p;

	if (toml_at(c, '"') || toml_at(c, '\''))
		return toml_string(c, true, ret, err);
	while (c->p < c->end && is_bare(*c->p))
		c->p++;
	if (c->p == start)
		return toml_fail(c, "key wanted", err);
	buf_append(ret, start, (size_t)(c->p - start));
	return 0;
}

/* --- tables --- */

static void free_tables(struct table *t)
{
	while (t) {
		struct table *next = t->next;

		free_tables(t->children);
		free(t->key);
		free(t);
		t = next;
	}
}

static struct table *find_child(const struct table *t, const char *key)
{
	struct table *child = t->children;

	while (child && !str_eq(child->key, key))
		child = child->next;
	return child;
}

static struct table *add_child(struct table *t, const char *key, bool is_array)
{
	struct table *child = NEW(struct table);

	child->key = xstrdup(key);
	if (is_array) {
		child->array = json_set(t->object, key, json_array_new());
		child->object = json_append(child->array, json_object_new());
	} else {
		child->object = json_set(t->object, key, json_object_new());
	}
	child->next = t->children;
	t->children = child;
	return child;
}

/* The table on the way to a header's last key. */
static int enter(const struct toml_cursor *c, struct table **t, const char *key, struct err *err)
{
	struct table *child = find_child(*t, key);

	if (!child && json_get((*t)->object, key))
		return toml_fail(c, "a part of the table's name is a value already", err);
	*t = child ? child : add_child(*t, key, false);
	return 0;
}

static int define_table(
	const struct toml_cursor *c, struct table **t, const char *key, struct err *err)
{
	struct table *child = find_child(*t, key);

	if (child ? child->array || child->defined || child->dotted
		  : json_get((*t)->object, key) != NULL)
		return toml_fail(c, "the table is defined twice", err);
	*t = child ? child : add_child(*t, key, false);
	(*t)->defined = true;
	return 0;
}

static int define_element(
	const struct toml_cursor *c, struct table **t, const char *key, struct err *err)
{
	struct table *child = find_child(*t, key);

	if (child ? !child->array : json_get((*t)->object, key) != NULL)
		return toml_fail(c, "the name is no array of tables", err);
	if (child) {
		free_tables(TAKE_PTR(child->children));
		child->object = json_append(child->array, json_object_new());
	}
	*t = child ? child : add_child(*t, key, true);
	return 0;
}

/* One key of a dotted name; *ret_more: a dot followed. */
static int name_part(struct toml_cursor *c, struct buf *key, bool *ret_more, struct err *err)
{
	int r = toml_count(c, err);

	buf_reset(key);
	toml_skip_blanks(c);
	if (r >= 0)
		r = toml_key(c, key, err);
	if (r < 0)
		return r;
	toml_skip_blanks(c);
	*ret_more = toml_at(c, '.');
	c->p += *ret_more;
	return 0;
}

/* [a.b] or [[a.b]]; *ret is the table that the lines below it are about. */
static int header(struct toml_cursor *c, struct table *root, struct table **ret, struct err *err)
{
	AUTO(buf) struct buf key = BUF_INIT(TOML_BYTES_MAX);
	bool is_array = c->end - c->p >= 2 && c->p[1] == '[', more = true;
	struct table *t = root;
	int r;

	c->p += is_array ? 2 : 1;
	for (unsigned parts = 0; more; parts++) {
		if (parts == HEADER_PARTS)
			return toml_fail(c, "nested too deeply", err);
		r = name_part(c, &key, &more, err);
		if (r >= 0 && more)
			r = enter(c, &t, buf_str(&key), err);
		if (r < 0)
			return r;
	}
	if (c->end - c->p < 1 + is_array || *c->p != ']' || (is_array && c->p[1] != ']'))
		return toml_fail(c, is_array ? "']]' wanted" : "']' wanted", err);
	c->p += is_array ? 2 : 1;
	r = is_array ? define_element(c, &t, buf_str(&key), err)
		     : define_table(c, &t, buf_str(&key), err);
	if (r >= 0)
		*ret = t;
	return r;
}

/* --- keys and values --- */

static int enter_dotted(
	const struct toml_cursor *c, struct table **t, const char *key, struct err *err)
{
	struct table *child = find_child(*t, key);

	if (child ? !child->dotted : json_get((*t)->object, key) != NULL)
		return toml_fail(c, "a key is defined twice", err);
	*t = child ? child : add_child(*t, key, false);
	(*t)->dotted = true;
	return 0;
}

static int assignment(struct toml_cursor *c, struct table *t, struct err *err)
{
	AUTO(buf) struct buf key = BUF_INIT(TOML_BYTES_MAX);
	unsigned depth = 2 * HEADER_PARTS;
	struct json *value;
	bool more = true;
	int r;

	while (more) {
		if (++depth >= JSON_DEPTH_MAX)
			return toml_fail(c, "nested too deeply", err);
		r = name_part(c, &key, &more, err);
		if (r >= 0 && more)
			r = enter_dotted(c, &t, buf_str(&key), err);
		if (r < 0)
			return r;
	}
	if (json_get(t->object, buf_str(&key)))
		return toml_fail(c, "a key is defined twice", err);
	if (!toml_at(c, '='))
		return toml_fail(c, "'=' wanted", err);
	c->p++;
	toml_skip_blanks(c);
	r = toml_value(c, depth, &value, err);
	if (r >= 0)
		json_set(t->object, buf_str(&key), value);
	return r;
}

/* --- the document --- */

static int end_line(struct toml_cursor *c, struct err *err)
{
	toml_skip_blanks(c);
	if (toml_at(c, '#'))
		skip_comment(c);
	if (c->p < c->end && toml_line_break(c) == 0)
		return toml_fail(c, "something follows on the line", err);
	return 0;
}

static int parse_lines(struct toml_cursor *c, struct table *root, struct err *err)
{
	struct table *t = root;

	for (toml_skip_lines(c); c->p < c->end; toml_skip_lines(c)) {
		int r = toml_at(c, '[') ? header(c, root, &t, err) : assignment(c, t, err);

		if (r >= 0)
			r = end_line(c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* UTF-8 and no control characters, so that nobody behind has to look. */
static int check_bytes(const char *text, size_t len, struct err *err)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	struct toml_cursor at = { .line = 1 };

	while (p < end) {
		size_t n = utf8_sequence(p, (size_t)(end - p));

		if (n == 0)
			return toml_fail(&at, "not UTF-8", err);
		if (*p == '\r' && (end - p < 2 || p[1] != '\n'))
			return toml_fail(&at, "carriage return without a line feed", err);
		if ((*p < ' ' && !strchr("\t\r\n", *p)) || *p == 0x7f || *p == '\0')
			return toml_fail(&at, "control character", err);
		at.line += *p == '\n';
		p += n;
	}
	return 0;
}

int toml_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	struct toml_cursor c = { .p = text, .end = text + len, .line = 1 };
	struct table root = { 0 };
	int r;

	if (len > TOML_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u bytes", TOML_BYTES_MAX);
	r = check_bytes(text, len, err);
	if (r < 0)
		return r;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		c.p += 3;
	doc = json_object_new();
	root.object = doc;
	r = parse_lines(&c, &root, err);
	free_tables(root.children);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(doc);
	return 0;
}
