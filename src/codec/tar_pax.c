#include "codec/tar_pax.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

/* Later than year 9999, or as long before 1970: no clock wrote that. */
#define PAX_MTIME_MAX 253402300799LL

/* One record: key is NUL-terminated by us in a copy, value is raw bytes. */
struct record {
	const char *key;
	const uint8_t *value;
	size_t len;
	enum tar_pax_scope scope;
};

typedef int (*record_fn)(struct tar_pax *, const struct record *, struct err *);

static int record_bad(const struct record *rec, const char *what, struct err *err)
{
	return err_set(err, ERR_FORMAT, "pax record %.64s: %s", rec->key, what);
}

static void text_set(char **field, const struct record *rec)
{
	free(*field);
	*field = xstrndup((const char *)rec->value, rec->len);
}

static int record_text(const struct record *rec, char **field, struct err *err)
{
	if (rec->len == 0)
		return record_bad(rec, "empty", err);
	if (memchr(rec->value, '\0', rec->len))
		return record_bad(rec, "contains a NUL byte", err);
	text_set(field, rec);
	return 0;
}

static int digits_parse(const uint8_t *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || len > 19)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > INT64_MAX)
		return -1;
	*ret = v;
	return 0;
}

static int record_number(const struct record *rec, uint64_t *ret, struct err *err)
{
	if (digits_parse(rec->value, rec->len, ret) < 0)
		return record_bad(rec, "not a number in range", err);
	return 0;
}

static int on_path(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	return record_text(rec, &pax->path, err);
}

static int on_linkpath(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	return record_text(rec, &pax->linkpath, err);
}

static int on_sparse_name(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	return record_text(rec, &pax->sparse_name, err);
}

static int on_size(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	pax->has |= TAR_PAX_SIZE;
	return record_number(rec, &pax->size, err);
}

static int on_real_size(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	pax->has |= TAR_PAX_REAL_SIZE;
	return record_number(rec, &pax->real_size, err);
}

/* An empty value takes a default of a g header back (POSIX, pax "extended header keywords"). */
static int record_default(
	struct tar_pax *pax, const struct record *rec, unsigned bit, uint64_t *ret, struct err *err)
{
	if (rec->len == 0) {
		pax->has &= ~bit;
		return 0;
	}
	pax->has |= bit;
	return record_number(rec, ret, err);
}

static int on_uid(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	return record_default(pax, rec, TAR_PAX_UID, &pax->uid, err);
}

static int on_gid(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	return record_default(pax, rec, TAR_PAX_GID, &pax->gid, err);
}

/* Digits behind the ninth are cut off, not rounded. */
static int fraction_parse(const uint8_t *s, size_t len, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return -1;
	for (size_t i = 0; i < 9; i++)
		v = v * 10 + (i < len ? (uint32_t)(s[i] - '0') : 0);
	*ret = v;
	return 0;
}

/* [-]seconds[.fraction]; "-1.25" is 1.25 s before 1970: seconds -2, nanoseconds 750,000,000. */
static int on_mtime(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	const uint8_t *s = rec->value, *dot;
	size_t len = rec->len, whole;
	bool negative;
	uint64_t sec;
	uint32_t nsec = 0;

	if (len == 0) {
		pax->has &= ~(unsigned)TAR_PAX_MTIME;
		return 0;
	}
	negative = *s == '-';
	if (negative) {
		s++;
		len--;
	}
	dot = memchr(s, '.', len);
	whole = dot ? (size_t)(dot - s) : len;
	if (digits_parse(s, whole, &sec) < 0 || sec > PAX_MTIME_MAX)
		return record_bad(rec, "not a time in range", err);
	if (dot && fraction_parse(dot + 1, len - whole - 1, &nsec) < 0)
		return record_bad(rec, "not a time in range", err);
	pax->mtime = negative ? -(int64_t)sec : (int64_t)sec;
	if (negative && nsec) {
		pax->mtime--;
		nsec = 1000000000 - nsec;
	}
	pax->mtime_nsec = nsec;
	pax->has |= TAR_PAX_MTIME;
	return 0;
}

static int range_push(
	struct tar_pax *pax, const struct record *rec, uint64_t offset, struct err *err)
{
	if (pax->n_ranges >= TAR_SPARSE_MAX)
		return err_set(err, ERR_LIMIT, "pax record %.64s: more than %d ranges", rec->key,
			TAR_SPARSE_MAX);
	GROW(pax->ranges, pax->n_ranges, pax->cap_ranges);
	pax->ranges[pax->n_ranges++] = (struct tar_sparse_range){ offset, 0 };
	pax->has |= TAR_PAX_SPARSE_RANGES;
	return 0;
}

/* Format 0.0 repeats the pair of keys for each range. */
static int on_sparse_offset(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	uint64_t v;
	int r = record_number(rec, &v, err);

	if (r < 0)
		return r;
	if (pax->range_open)
		return record_bad(rec, "follows another offset", err);
	pax->range_open = true;
	return range_push(pax, rec, v, err);
}

static int on_sparse_numbytes(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	uint64_t v;
	int r = record_number(rec, &v, err);

	if (r < 0)
		return r;
	if (!pax->range_open)
		return record_bad(rec, "has no offset before it", err);
	pax->range_open = false;
	pax->ranges[pax->n_ranges - 1].length = v;
	return 0;
}

/* Format 0.1: "offset,length,offset,length". */
static int on_sparse_map(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	const uint8_t *s = rec->value, *end = s + rec->len;
	bool is_length = false;
	uint64_t v;

	if (pax->has & TAR_PAX_SPARSE_RANGES)
		return record_bad(rec, "second map", err);
	pax->has |= TAR_PAX_SPARSE_RANGES;
	while (s < end) {
		const uint8_t *comma = memchr(s, ',', (size_t)(end - s));
		size_t n = (size_t)((comma ? comma : end) - s);
		int r = 0;

		if (digits_parse(s, n, &v) < 0 || (comma && comma + 1 == end))
			return record_bad(rec, "not a list of numbers", err);
		if (is_length)
			pax->ranges[pax->n_ranges - 1].length = v;
		else
			r = range_push(pax, rec, v, err);
		if (r < 0)
			return r;
		is_length = !is_length;
		s = comma ? comma + 1 : end;
	}
	if (is_length)
		return record_bad(rec, "odd count of numbers", err);
	return 0;
}

static int on_sparse_major(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	uint64_t v;
	int r = record_number(rec, &v, err);

	if (r < 0)
		return r;
	if (v > 1)
		return record_bad(rec, "unknown version of the sparse format", err);
	if (v == 1)
		pax->has |= TAR_PAX_SPARSE_1_0;
	return 0;
}

static int on_sparse_minor(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	uint64_t v;
	int r = record_number(rec, &v, err);

	(void)pax;
	if (r < 0)
		return r;
	if (v > 1)
		return record_bad(rec, "unknown version of the sparse format", err);
	return 0;
}

static int on_ignored(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	(void)pax;
	(void)rec;
	(void)err;
	return 0;
}

static int xattr_check(
	const struct tar_pax *pax, const struct record *rec, size_t name_len, struct err *err)
{
	if (name_len == 0 || name_len > TAR_XATTR_NAME_MAX)
		return err_set(err, name_len ? ERR_LIMIT : ERR_FORMAT,
			"pax record %.64s: attribute name of %zu bytes", rec->key, name_len);
	if (rec->len > TAR_XATTR_VALUE_MAX)
		return err_set(err, ERR_LIMIT, "pax record %.64s: attribute of more than %d bytes",
			rec->key, TAR_XATTR_VALUE_MAX);
	if (pax->n_xattrs >= TAR_XATTR_COUNT_MAX ||
		pax->xattr_bytes + rec->len + name_len > TAR_XATTR_TOTAL_MAX)
		return err_set(err, ERR_LIMIT, "too many extended attributes for one file");
	return 0;
}

/* Takes name and value (both owned by the caller until success). */
static void xattr_put(struct tar_pax *pax, char *name, uint8_t *value, size_t len, bool schily)
{
	struct tar_xattr *x = NULL;

	for (size_t i = 0; i < pax->n_xattrs && !x; i++)
		if (str_eq(pax->xattrs[i].name, name))
			x = &pax->xattrs[i];
	pax->xattr_bytes += len + strlen(name);
	if (x && x->schily && !schily) {
		free(name);
		free(value);
		return;
	}
	if (x) {
		free(x->name);
		free(x->value);
	} else {
		GROW(pax->xattrs, pax->n_xattrs, pax->cap_xattrs);
		x = &pax->xattrs[pax->n_xattrs++];
	}
	*x = (struct tar_xattr){ name, value, len, schily };
}

static int on_xattr_schily(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	const char *name = str_after(rec->key, "SCHILY.xattr.");
	int r = xattr_check(pax, rec, strlen(name), err);

	if (r < 0)
		return r;
	xattr_put(pax, xstrdup(name), xmemdup(rec->value, rec->len), rec->len, true);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place; false on a bad escape or an encoded NUL. */
static bool url_decode(char *s)
{
	char *out = s;

	while (*s) {
		int hi, lo;

		if (*s != '%') {
			*out++ = *s++;
			continue;
		}
		hi = hex_digit(s[1]);
		lo = hi < 0 ? -1 : hex_digit(s[2]);
		if (lo < 0 || (hi == 0 && lo == 0))
			return false;
		*out++ = (char)(hi << 4 | lo);
		s += 3;
	}
	*out = '\0';
	return true;
}

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Padding is optional, as libarchive writes none. ret has room for len bytes. */
static bool base64_decode(const uint8_t *s, size_t len, uint8_t *ret, size_t *ret_len)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	while (len && s[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int d = base64_digit(s[i]);

		if (d < 0)
			return false;
		acc = (acc << 6 | (uint32_t)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			ret[n++] = (uint8_t)(acc >> bits);
		}
	}
	*ret_len = n;
	return len % 4 != 1;
}

static int on_xattr_libarchive(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	autofree char *name = xstrdup(str_after(rec->key, "LIBARCHIVE.xattr."));
	autofree uint8_t *value = NULL;
	size_t len;
	int r;

	if (!url_decode(name))
		return record_bad(rec, "bad URL encoding", err);
	r = xattr_check(pax, rec, strlen(name), err);
	if (r < 0)
		return r;
	value = xmalloc(rec->len + 1);
	if (!base64_decode(rec->value, rec->len, value, &len))
		return record_bad(rec, "bad base64", err);
	xattr_put(pax, TAKE_PTR(name), TAKE_PTR(value), len, false);
	return 0;
}

static const struct {
	const char *key;
	record_fn fn;
	bool prefix;
	bool in_global; /* may a g header set it? */
} known_keys[] = {
	{ "path", on_path, false, false },
	{ "linkpath", on_linkpath, false, false },
	{ "size", on_size, false, false },
	{ "uid", on_uid, false, true },
	{ "gid", on_gid, false, true },
	{ "mtime", on_mtime, false, true },
	{ "SCHILY.xattr.", on_xattr_schily, true, false },
	{ "LIBARCHIVE.xattr.", on_xattr_libarchive, true, false },
	{ "GNU.sparse.name", on_sparse_name, false, false },
	{ "GNU.sparse.size", on_real_size, false, false },
	{ "GNU.sparse.realsize", on_real_size, false, false },
	{ "GNU.sparse.numblocks", on_ignored, false, false },
	{ "GNU.sparse.offset", on_sparse_offset, false, false },
	{ "GNU.sparse.numbytes", on_sparse_numbytes, false, false },
	{ "GNU.sparse.map", on_sparse_map, false, false },
	{ "GNU.sparse.major", on_sparse_major, false, false },
	{ "GNU.sparse.minor", on_sparse_minor, false, false },
};

static int record_apply(struct tar_pax *pax, const struct record *rec, struct err *err)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
		bool match = known_keys[i].prefix ? str_after(rec->key, known_keys[i].key) != NULL
						  : str_eq(rec->key, known_keys[i].key);

		if (!match)
			continue;
		if (rec->scope == TAR_PAX_GLOBAL && !known_keys[i].in_global)
			return record_bad(rec, "not allowed for the whole archive", err);
		return known_keys[i].fn(pax, rec, err);
	}
	return 0;
}

/* "LEN key=value\n", LEN counting itself. Returns the record's length. */
static int record_parse(struct tar_pax *pax, const uint8_t *data, size_t left,
	enum tar_pax_scope scope, size_t *ret_len, struct err *err)
{
	const uint8_t *blank = memchr(data, ' ', left < 20 ? left : 20);
	const uint8_t *start, *equals;
	autofree char *key = NULL;
	struct record rec = { .scope = scope };
	uint64_t len;

	if (!blank || digits_parse(data, (size_t)(blank - data), &len) < 0)
		return err_set(err, ERR_FORMAT, "pax record has no length");
	start = blank + 1;
	if (len > left || len <= (size_t)(start - data))
		return err_set(err, ERR_FORMAT, "pax record has a wrong length");
	if (len > TAR_PAX_RECORD_MAX)
		return err_set(
			err, ERR_LIMIT, "pax record of more than %d bytes", TAR_PAX_RECORD_MAX);
	if (data[len - 1] != '\n')
		return err_set(err, ERR_FORMAT, "pax record does not end in a newline");
	equals = memchr(start, '=', (size_t)len - (size_t)(start - data) - 1);
	if (!equals || equals == start)
		return err_set(err, ERR_FORMAT, "pax record has no key");
	if (memchr(start, '\0', (size_t)(equals - start)))
		return err_set(err, ERR_FORMAT, "pax record has a NUL byte in its key");
	key = xstrndup((const char *)start, (size_t)(equals - start));
	rec.key = key;
	rec.value = equals + 1;
	rec.len = (size_t)(data + len - 1 - rec.value);
	*ret_len = (size_t)len;
	return record_apply(pax, &rec, err);
}

int tar_pax_parse(struct tar_pax *pax, const uint8_t *data, size_t len, enum tar_pax_scope scope,
	struct err *err)
{
	while (len) {
		size_t n = 0;
		int r = record_parse(pax, data, len, scope, &n, err);

		if (r < 0)
			return r;
		data += n;
		len -= n;
	}
	if (pax->range_open)
		return err_set(err, ERR_FORMAT, "pax sparse map ends behind an offset");
	return 0;
}

void tar_pax_done(struct tar_pax *pax)
{
	for (size_t i = 0; i < pax->n_xattrs; i++) {
		free(pax->xattrs[i].name);
		free(pax->xattrs[i].value);
	}
	free(pax->xattrs);
	free(pax->ranges);
	free(pax->path);
	free(pax->linkpath);
	free(pax->sparse_name);
	*pax = (struct tar_pax){ 0 };
}
