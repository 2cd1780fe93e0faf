#include "image/owners.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"

#define OWNERS_MAX (256 * 1024 * 1024)

static void path_escape(struct buf *b, const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p > 0x20 && *p < 0x7f && *p != '\\')
			buf_putc(b, (char)*p);
		else
			buf_printf(b, "\\%03o", (unsigned)*p);
	}
}

void owners_format(struct buf *b, const struct owner *o)
{
	buf_printf(b, "%u %u %o %c ", o->uid, o->gid, o->mode, o->type);
	if (o->type == 'c' || o->type == 'b')
		buf_printf(b, "%u:%u ", o->major, o->minor);
	path_escape(b, o->path);
	buf_putc(b, '\n');
}

/* In place; false on a bad escape. */
static bool path_unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		for (int i = 1; i <= 3; i++)
			if (s[i] < '0' || s[i] > (i == 1 ? '3' : '7'))
				return false;
		*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
		if (!*out++)
			return false;
		s += 4;
	}
	*out = '\0';
	return true;
}

/* The next word of the line; NULL at its end. */
static char *word(char **line)
{
	char *s = *line, *blank;

	if (!s)
		return NULL;
	blank = strchr(s, ' ');
	if (blank)
		*blank = '\0';
	*line = blank ? blank + 1 : NULL;
	return s;
}

static bool number(char *s, uint32_t *ret)
{
	uint64_t v;

	if (!s || parse_u64(s, UINT32_MAX, &v, NULL) < 0)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool line_parse(char *line, struct owner *o)
{
	char *uid = word(&line), *gid = word(&line), *mode = word(&line), *type = word(&line);

	if (!number(uid, &o->uid) || !number(gid, &o->gid))
		return false;
	if (!mode || parse_mode(mode, &o->mode, NULL) < 0)
		return false;
	if (!type || strlen(type) != 1 || !strchr("fdlpcb", *type))
		return false;
	o->type = *type;
	if (o->type == 'c' || o->type == 'b') {
		char *device = word(&line), *colon = device ? strchr(device, ':') : NULL;

		if (!colon)
			return false;
		*colon = '\0';
		if (!number(device, &o->major) || !number(colon + 1, &o->minor))
			return false;
	}
	if (!line || !*line || strchr(line, ' ') || !path_unescape(line))
		return false;
	o->path = line;
	return true;
}

/* One line with its place in the file, since later ones win. */
struct line {
	struct owner o;
	size_t number;
	bool gone;
};

/* '/' sorts below everything, so that what is below a directory follows it at once. */
static int path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int line_compare(const void *va, const void *vb)
{
	const struct line *a = va, *b = vb;
	int c = path_compare(a->o.path, b->o.path);

	if (c)
		return c;
	return a->number < b->number ? -1 : 1;
}

static bool is_at_or_below(const char *path, const char *dir)
{
	const char *rest = str_after(path, dir);

	return rest && (*rest == '/' || *rest == '\0');
}

/*
 * Of the lines of one path the last counts. A line that is no directory voids earlier ones below
 * its path; `voids` is the chain of such lines above the current path.
 */
static size_t settle(struct line *v, size_t n)
{
	size_t out = 0, n_voids = 0, cap = 0;
	autofree size_t *voids = NULL;

	for (size_t i = 0; i < n; i++) {
		while (n_voids && !is_at_or_below(v[i].o.path, v[voids[n_voids - 1]].o.path))
			n_voids--;
		for (size_t k = 0; k < n_voids; k++)
			v[i].gone |= v[voids[k]].number > v[i].number; /* never itself */
		/* One for each path, or a hostile file would make this quadratic. */
		if (v[i].o.type != 'd' && n_voids &&
			str_eq(v[i].o.path, v[voids[n_voids - 1]].o.path)) {
			voids[n_voids - 1] = i;
		} else if (v[i].o.type != 'd') {
			GROW(voids, n_voids, cap);
			voids[n_voids++] = i;
		}
		if (i + 1 < n && str_eq(v[i].o.path, v[i + 1].o.path))
			v[i].gone = true;
	}
	for (size_t i = 0; i < n; i++)
		if (!v[i].gone)
			v[out++] = v[i];
	return out;
}

static int lines_read(char *text, struct line **ret, size_t *ret_n, struct err *err)
{
	autofree struct line *v = NULL;
	size_t n = 0, cap = 0;

	for (char *s = text, *end; *s; s = end + 1) {
		end = strchr(s, '\n');
		if (end)
			*end = '\0';
		GROW(v, n, cap);
		v[n] = (struct line){ .number = n + 1 };
		if (!end || !line_parse(s, &v[n].o))
			return err_set(
				err, ERR_FORMAT, "owners file: line %zu is malformed", n + 1);
		n++;
	}
	*ret_n = n;
	*ret = TAKE_PTR(v);
	return 0;
}

int owners_read(int fd, struct owners *ret, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(OWNERS_MAX);
	autofree struct line *v = NULL;
	struct owners o = { 0 };
	size_t n;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, errno, "read the owners file");
	r = buf_read_fd(&text, fd, err);
	if (r < 0)
		return err_ctx(err, r, "owners file");
	if (text.len && strlen(text.data) != text.len)
		return err_set(err, ERR_FORMAT, "owners file: it contains a NUL byte");
	if (!text.len) {
		*ret = o;
		return 0;
	}
	r = lines_read(text.data, &v, &n, err);
	if (r < 0)
		return r;
	qsort(v, n, sizeof(*v), line_compare);
	o.n = settle(v, n);
	o.v = NEW_ARRAY(struct owner, o.n ? o.n : 1);
	for (size_t i = 0; i < o.n; i++) {
		o.v[i] = v[i].o;
		o.v[i].path = xstrdup(v[i].o.path);
	}
	*ret = o;
	return 0;
}

const struct owner *owners_find(const struct owners *o, const char *path)
{
	size_t lo = 0, hi = o->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = path_compare(path, o->v[mid].path);

		if (c == 0)
			return &o->v[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

void owners_done(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->v[i].path);
	free(o->v);
	*o = (struct owners){ 0 };
}
