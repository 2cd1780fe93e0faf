/* Entries -> ustar headers with pax records where they are needed. */
#include "codec/tar_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/auth_file.h"
#include "codec/tar_header.h"

#define NAME_SIZE   100
#define PREFIX_SIZE 155
#define ID_MAX	    07777777U	    /* seven octal digits and a NUL */
#define SIZE_MAX_11 077777777777ULL /* eleven */

/* What a pax header itself is called: readers that do not know it make a file of that name. */
#define PAX_NAME "PaxHeaders.0/entry"

struct tar_writer {
	tar_write_fn write;
	void *arg;
	unsigned flags;
	uint64_t left; /* of the content that is being written */
	unsigned pad;  /* behind it */
	struct buf pax;
};

struct field {
	unsigned at, len;
};

/* Of the header block (POSIX pax, "ustar Interchange Format"). */
static const struct field f_name = { 0, 100 }, f_mode = { 100, 8 }, f_uid = { 108, 8 },
			  f_gid = { 116, 8 }, f_size = { 124, 12 }, f_mtime = { 136, 12 },
			  f_chksum = { 148, 8 }, f_type = { 156, 1 }, f_link = { 157, 100 },
			  f_magic = { 257, 8 }, f_major = { 329, 8 }, f_minor = { 337, 8 },
			  f_prefix = { 345, 155 };

struct tar_writer *tar_writer_new(tar_write_fn write, void *arg, unsigned flags)
{
	struct tar_writer *w = NEW(struct tar_writer);

	w->write = write;
	w->arg = arg;
	w->flags = flags;
	w->pax = (struct buf)BUF_INIT(TAR_PAX_HEADER_MAX);
	return w;
}

void tar_writer_free(struct tar_writer *w)
{
	buf_done(&w->pax);
	free(w);
}

static void put_text(uint8_t *block, struct field f, const char *s, size_t len)
{
	memcpy(block + f.at, s, len < f.len ? len : f.len);
}

/* Octal with leading zeros; the last byte of the field stays NUL. */
static void put_octal(uint8_t *block, struct field f, uint64_t v)
{
	for (unsigned i = f.len - 1; i-- > 0; v >>= 3)
		block[f.at + i] = (uint8_t)('0' + (v & 7));
}

/* The sum is taken with its own field blank, and written as six digits, NUL, blank. */
static void put_checksum(uint8_t *block)
{
	uint64_t sum = 0;

	memset(block + f_chksum.at, ' ', f_chksum.len);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += block[i];
	put_octal(block, (struct field){ f_chksum.at, f_chksum.len - 1 }, sum);
	block[f_chksum.at + 6] = '\0';
}

/* Where the path is cut for prefix and name: 0 = not at all, -1 = it does not fit. */
static int split_path(const char *path, size_t len)
{
	if (len <= NAME_SIZE)
		return 0;
	if (len > PREFIX_SIZE + 1 + NAME_SIZE)
		return -1;
	/* The leftmost slash that leaves a short enough name; a final slash is part of the name. */
	for (size_t i = len - NAME_SIZE - 1; i < len - 1 && i <= PREFIX_SIZE; i++)
		if (path[i] == '/' && i > 0)
			return (int)i;
	return -1;
}

static void put_path(uint8_t *block, const char *path, size_t len)
{
	int cut = split_path(path, len);

	if (cut > 0) {
		put_text(block, f_prefix, path, (size_t)cut);
		path += cut + 1;
		len -= (size_t)cut + 1;
	}
	put_text(block, f_name, path, len);
}

static unsigned count_digits(size_t n)
{
	unsigned digits = 1;

	while (n /= 10)
		digits++;
	return digits;
}

/* "LEN KEY=VALUE\n"; LEN counts its own digits. */
static void pax_record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t rest = 1 + strlen(key) + 1 + len + 1;
	size_t total = rest + count_digits(rest);

	if (count_digits(total) != count_digits(rest))
		total = rest + count_digits(total);
	buf_printf(b, "%zu %s=", total, key);
	buf_append(b, value, len);
	buf_putc(b, '\n');
}

static void pax_text(struct buf *b, const char *key, const char *value)
{
	pax_record(b, key, value, strlen(value));
}

static void pax_number(struct buf *b, const char *key, uint64_t v)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	pax_text(b, key, text);
}

/* Seconds and their fraction, without trailing zeros; nsec counts upwards below 1970 too. */
static void pax_time(struct buf *b, int64_t sec, uint32_t nsec)
{
	bool negative = sec < 0;
	uint64_t whole = negative ? 0 - (uint64_t)sec : (uint64_t)sec;
	char text[40];
	int n;

	if (negative && nsec) {
		whole--;
		nsec = 1000000000U - nsec;
	}
	n = snprintf(text, sizeof(text), "%s%llu", negative ? "-" : "", (unsigned long long)whole);
	if (nsec) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09u", nsec);
		while (text[n - 1] == '0')
			text[--n] = '\0';
	}
	pax_text(b, "mtime", text);
}

static bool is_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	while (*p) {
		unsigned more = *p < 0x80		   ? 0
				: *p >= 0xc2 && *p <= 0xdf ? 1
				: *p >= 0xe0 && *p <= 0xef ? 2
				: *p >= 0xf0 && *p <= 0xf4 ? 3
							   : 4;

		if (more == 4)
			return false;
		/* Overlong forms, surrogates and what is past U+10FFFF. */
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
			(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
			return false;
		for (p++; more; more--, p++)
			if ((*p & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* '%', '=' and what is not printable ASCII, as libarchive reads it. */
static char *url_encode(const char *s)
{
	AUTO(buf) struct buf b = BUF_INIT(4 * TAR_XATTR_NAME_MAX);

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p > ' ' && *p < 0x7f && *p != '%' && *p != '=')
			buf_putc(&b, (char)*p);
		else
			buf_printf(&b, "%%%02X", (unsigned)*p);
	}
	return buf_take(&b);
}

static void pax_xattr(struct buf *b, const struct tar_xattr *x)
{
	autofree char *key = NULL, *name = NULL, *value = NULL;

	if (!strchr(x->name, '=')) {
		key = xasprintf("SCHILY.xattr.%s", x->name);
		pax_record(b, key, x->value, x->len);
		return;
	}
	name = url_encode(x->name);
	key = xasprintf("LIBARCHIVE.xattr.%s", name);
	value = base64_encode(x->value, x->len);
	pax_text(b, key, value);
}

static int xattr_compare(const void *va, const void *vb)
{
	const struct tar_xattr *const *a = va, *const *b = vb;

	return strcmp((*a)->name, (*b)->name);
}

static int pax_xattrs(struct buf *b, const struct tar_entry *e, struct err *err)
{
	autofree const struct tar_xattr **sorted = NULL;
	size_t total = 0;

	if (!e->n_xattrs)
		return 0;
	sorted = NEW_ARRAY(const struct tar_xattr *, e->n_xattrs);
	for (size_t i = 0; i < e->n_xattrs; i++) {
		sorted[i] = &e->xattrs[i];
		total += e->xattrs[i].len + strlen(e->xattrs[i].name);
	}
	if (e->n_xattrs > TAR_XATTR_COUNT_MAX || total > TAR_XATTR_TOTAL_MAX)
		return err_set(err, ERR_LIMIT, "%s: too many extended attributes", e->path);
	qsort(sorted, e->n_xattrs, sizeof(*sorted), xattr_compare);
	for (size_t i = 0; i < e->n_xattrs; i++)
		pax_xattr(b, sorted[i]);
	return 0;
}

static bool has_content(const struct tar_entry *e)
{
	return e->type == TAR_REG && e->size > 0;
}

static bool mtime_fits(const struct tar_writer *w, const struct tar_entry *e)
{
	if (e->mtime < 0 || (uint64_t)e->mtime > SIZE_MAX_11)
		return false;
	return !(w->flags & TAR_WRITER_NSEC) || e->mtime_nsec == 0;
}

/* Everything that the ustar header cannot say, in a fixed order. */
static int collect_pax(
	struct tar_writer *w, const struct tar_entry *e, const char *path, struct err *err)
{
	bool long_path = split_path(path, strlen(path)) < 0;
	bool long_link = strlen(e->linkpath) > NAME_SIZE;
	struct buf *b = &w->pax;
	int r;

	buf_reset(b);
	if ((long_path && !is_utf8(path)) || (long_link && !is_utf8(e->linkpath)))
		pax_text(b, "hdrcharset", "BINARY");
	if (e->gid > ID_MAX)
		pax_number(b, "gid", e->gid);
	if (long_link)
		pax_text(b, "linkpath", e->linkpath);
	if (!mtime_fits(w, e))
		pax_time(b, e->mtime, w->flags & TAR_WRITER_NSEC ? e->mtime_nsec : 0);
	if (long_path)
		pax_text(b, "path", path);
	if (has_content(e) && e->size > SIZE_MAX_11)
		pax_number(b, "size", e->size);
	if (e->uid > ID_MAX)
		pax_number(b, "uid", e->uid);
	r = pax_xattrs(b, e, err);
	if (r >= 0 && buf_failed(b))
		r = err_set(err, ERR_LIMIT, "%s: its pax header is too long", path);
	return r;
}

static int write_padded(struct tar_writer *w, const void *data, size_t len, struct err *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	int r = w->write(w->arg, data, len, err);

	if (r >= 0 && len % TAR_BLOCK)
		r = w->write(w->arg, zeros, TAR_BLOCK - len % TAR_BLOCK, err);
	return r;
}

static int write_pax(struct tar_writer *w, struct err *err)
{
	uint8_t block[TAR_BLOCK] = { 0 };
	int r;

	put_text(block, f_name, PAX_NAME, strlen(PAX_NAME));
	put_octal(block, f_mode, 0644);
	put_octal(block, f_uid, 0);
	put_octal(block, f_gid, 0);
	put_octal(block, f_size, w->pax.len);
	put_octal(block, f_mtime, 0);
	block[f_type.at] = 'x';
	put_text(block, f_magic, "ustar\00000", 8);
	put_octal(block, f_major, 0);
	put_octal(block, f_minor, 0);
	put_checksum(block);
	r = w->write(w->arg, block, sizeof(block), err);
	return r < 0 ? r : write_padded(w, w->pax.data, w->pax.len, err);
}

static char type_flag(enum tar_type type)
{
	switch (type) {
	case TAR_REG:
		return '0';
	case TAR_HARDLINK:
		return '1';
	case TAR_SYMLINK:
		return '2';
	case TAR_CHAR:
		return '3';
	case TAR_BLOCKDEV:
		return '4';
	case TAR_DIR:
		return '5';
	case TAR_FIFO:
		return '6';
	}
	return '0';
}

static bool is_device(const struct tar_entry *e)
{
	return e->type == TAR_CHAR || e->type == TAR_BLOCKDEV;
}

/* A value that a pax record holds is 0 here. */
static uint64_t or_zero(uint64_t v, uint64_t max)
{
	return v > max ? 0 : v;
}

static int write_header(
	struct tar_writer *w, const struct tar_entry *e, const char *path, struct err *err)
{
	uint8_t block[TAR_BLOCK] = { 0 };
	uint64_t mtime = e->mtime < 0 ? 0 : or_zero((uint64_t)e->mtime, SIZE_MAX_11);

	put_path(block, path, strlen(path));
	put_octal(block, f_mode, e->mode & 07777);
	put_octal(block, f_uid, or_zero(e->uid, ID_MAX));
	put_octal(block, f_gid, or_zero(e->gid, ID_MAX));
	put_octal(block, f_size, has_content(e) ? or_zero(e->size, SIZE_MAX_11) : 0);
	put_octal(block, f_mtime, mtime);
	block[f_type.at] = (uint8_t)type_flag(e->type);
	put_text(block, f_link, e->linkpath, strlen(e->linkpath));
	put_text(block, f_magic, "ustar\00000", 8);
	put_octal(block, f_major, is_device(e) ? e->major : 0);
	put_octal(block, f_minor, is_device(e) ? e->minor : 0);
	put_checksum(block);
	return w->write(w->arg, block, sizeof(block), err);
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct err *err)
{
	autofree char *path = NULL;
	int r;

	assert_that(w->left == 0);
	if (is_device(e) && (e->major > ID_MAX || e->minor > ID_MAX))
		return err_set(err, ERR_LIMIT, "%s: a device number does not fit a tar", e->path);
	path = e->type == TAR_DIR && !str_has_suffix(e->path, "/") ? xasprintf("%s/", e->path)
								   : xstrdup(e->path);
	r = collect_pax(w, e, path, err);
	if (r >= 0 && w->pax.len)
		r = write_pax(w, err);
	if (r >= 0)
		r = write_header(w, e, path, err);
	if (r < 0)
		return r;
	w->left = has_content(e) ? e->size : 0;
	w->pad = (unsigned)((TAR_BLOCK - w->left % TAR_BLOCK) % TAR_BLOCK);
	return 0;
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t len, struct err *err)
{
	static const uint8_t zeros[TAR_BLOCK];
	int r;

	assert_that(len <= w->left);
	if (!len)
		return 0;
	r = w->write(w->arg, data, len, err);
	if (r < 0)
		return r;
	w->left -= len;
	return !w->left && w->pad ? w->write(w->arg, zeros, w->pad, err) : 0;
}

int tar_writer_finish(struct tar_writer *w, struct err *err)
{
	static const uint8_t zeros[2 * TAR_BLOCK];

	assert_that(w->left == 0);
	return w->write(w->arg, zeros, sizeof(zeros), err);
}
