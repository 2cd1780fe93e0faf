/*
 * A state machine over blocks. Everything that is not file content goes through `block`, a private
 * copy of 512 bytes, so that what was checked is what is used. File content is passed on in place.
 */
#include "codec/tar_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/tar_header.h"
#include "codec/tar_sparse.h"

enum state {
	ST_HEADER,     /* a header block, or the first zero block */
	ST_ZERO,       /* one zero block seen: another, or the end of input */
	ST_EXT_BODY,   /* body of x, g, L or K, gathered in ext */
	ST_SKIP_BODY,  /* body of a volume label */
	ST_OLD_SPARSE, /* extension block of an old GNU sparse map */
	ST_PAX_MAP,    /* sparse map of pax format 1.0, in blocks before the data */
	ST_READY,      /* the entry is complete: tell it */
	ST_DATA,       /* content */
	ST_END,	       /* two zero blocks seen: the rest is trailing */
};

struct tar_reader {
	enum state state;
	uint8_t block[TAR_BLOCK];
	size_t fill; /* bytes in block */

	uint64_t body; /* bytes of the current body still to come, without padding */
	uint64_t pad;  /* padding behind it still to come */

	struct tar_header h;
	struct buf ext; /* body of an extension header */
	char ext_type;
	char *gnu_name, *gnu_link; /* from L and K */
	bool has_pax;
	struct tar_pax pax;    /* for the next entry */
	struct tar_pax global; /* from g headers */
	struct tar_sparse map;
	size_t range;	     /* range that the data is in */
	uint64_t range_done; /* bytes of it seen */
	uint64_t map_left;   /* format 1.0: numbers still to read */
	bool map_counted;    /* the count was read */
	uint64_t map_number; /* the number being read */
	bool map_digit;	     /* has at least one digit */
	uint64_t map_offset; /* offset waiting for its length */

	struct tar_entry entry;
	uint64_t headers;
	bool trailing;
	bool any; /* at least one block was read */
};

struct tar_reader *tar_reader_new(void)
{
	struct tar_reader *t = NEW(struct tar_reader);

	t->ext = (struct buf)BUF_INIT(TAR_PAX_HEADER_MAX);
	return t;
}

void tar_reader_free(struct tar_reader *t)
{
	if (!t)
		return;
	buf_done(&t->ext);
	tar_pax_done(&t->pax);
	tar_pax_done(&t->global);
	tar_sparse_done(&t->map);
	free(t->gnu_name);
	free(t->gnu_link);
	free(t);
}

static uint64_t padding(uint64_t size)
{
	return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

/* Everything that belongs to one entry goes; the g header's defaults stay. */
static void entry_reset(struct tar_reader *t)
{
	tar_pax_done(&t->pax);
	t->has_pax = false;
	free(TAKE_PTR(t->gnu_name));
	free(TAKE_PTR(t->gnu_link));
	t->map.n = 0;
	t->entry = (struct tar_entry){ 0 };
}

/* Gather a block; true when it is complete. */
static bool block_fill(struct tar_reader *t, const uint8_t **p, size_t *len)
{
	size_t n = TAR_BLOCK - t->fill;

	if (n > *len)
		n = *len;
	memcpy(t->block + t->fill, *p, n);
	t->fill += n;
	*p += n;
	*len -= n;
	if (t->fill < TAR_BLOCK)
		return false;
	t->fill = 0;
	t->any = true;
	return true;
}

/* Pass over up to `*left` bytes of the chunk. */
static void skip(uint64_t *left, const uint8_t **p, size_t *len)
{
	size_t n = *left < *len ? (size_t)*left : *len;

	*p += n;
	*len -= n;
	*left -= n;
}

/* --- extension headers ------------------------------------------------------------------- */

static int ext_begin(struct tar_reader *t, struct err *err)
{
	bool pax = t->h.typeflag == 'x' || t->h.typeflag == 'g';
	uint64_t max = pax ? TAR_PAX_HEADER_MAX : TAR_LONGNAME_MAX;

	if (t->h.size > max)
		return err_set(err, ERR_LIMIT, "tar extension header (type %c) of %llu bytes",
			t->h.typeflag, (unsigned long long)t->h.size);
	if (t->h.typeflag == 'x' && t->has_pax)
		return err_set(err, ERR_FORMAT, "two pax headers for one entry");
	if ((t->h.typeflag == 'L' && t->gnu_name) || (t->h.typeflag == 'K' && t->gnu_link))
		return err_set(err, ERR_FORMAT, "two long names for one entry");
	t->ext_type = t->h.typeflag;
	buf_reset(&t->ext);
	t->body = t->h.size;
	t->pad = padding(t->h.size);
	t->state = ST_EXT_BODY;
	return 0;
}

static int longname_take(struct tar_reader *t, char **field, struct err *err)
{
	const char *s = buf_str(&t->ext);
	size_t n = strlen(s);

	for (size_t i = n; i < t->ext.len; i++)
		if (s[i])
			return err_set(err, ERR_FORMAT, "tar long name contains a NUL byte");
	if (n == 0)
		return err_set(err, ERR_FORMAT, "tar long name is empty");
	*field = xstrndup(s, n);
	return 0;
}

static int ext_end(struct tar_reader *t, struct err *err)
{
	const uint8_t *data = (const uint8_t *)buf_str(&t->ext);

	t->state = ST_HEADER;
	switch (t->ext_type) {
	case 'L':
		return longname_take(t, &t->gnu_name, err);
	case 'K':
		return longname_take(t, &t->gnu_link, err);
	case 'x':
		t->has_pax = true;
		return tar_pax_parse(&t->pax, data, t->ext.len, TAR_PAX_ENTRY, err);
	default:
		return tar_pax_parse(&t->global, data, t->ext.len, TAR_PAX_GLOBAL, err);
	}
}

/* Returns 1 when the body and its padding are over. */
static int ext_body(struct tar_reader *t, const uint8_t **p, size_t *len, struct err *err)
{
	size_t n = t->body < *len ? (size_t)t->body : *len;
	int r;

	buf_append(&t->ext, *p, n);
	skip(&t->body, p, len);
	if (t->body == 0)
		skip(&t->pad, p, len);
	if (t->body || t->pad)
		return 0;
	r = ext_end(t, err);
	return r < 0 ? r : 1;
}

/* --- the entry ---------------------------------------------------------------------------- */

static int type_parse(const struct tar_header *h, const char *name, enum tar_type *ret)
{
	size_t n = strlen(name);

	switch (h->typeflag) {
	case '\0':
	case '0':
	case '7': /* contiguous: a regular file to everyone */
	case 'S':
		/* v7 had no type for directories. */
		*ret = n && name[n - 1] == '/' && h->typeflag != 'S' ? TAR_DIR : TAR_REG;
		return 0;
	case '1':
		*ret = TAR_HARDLINK;
		return 0;
	case '2':
		*ret = TAR_SYMLINK;
		return 0;
	case '3':
		*ret = TAR_CHAR;
		return 0;
	case '4':
		*ret = TAR_BLOCKDEV;
		return 0;
	case '5':
		*ret = TAR_DIR;
		return 0;
	case '6':
		*ret = TAR_FIFO;
		return 0;
	default:
		return -1;
	}
}

static const char *entry_name(const struct tar_reader *t)
{
	if (t->pax.sparse_name)
		return t->pax.sparse_name;
	if (t->pax.path)
		return t->pax.path;
	return t->gnu_name ? t->gnu_name : t->h.name;
}

static int owner_check(uint64_t id, const char *what, uint32_t *ret, struct err *err)
{
	/* 2^32 - 1 means "leave alone" to chown(2). */
	if (id >= UINT32_MAX)
		return err_set(err, ERR_FORMAT, "tar entry: %s %llu is out of range", what,
			(unsigned long long)id);
	*ret = (uint32_t)id;
	return 0;
}

static int owners_fill(struct tar_reader *t, struct err *err)
{
	const struct tar_pax *x = &t->pax, *g = &t->global;
	uint64_t uid = t->h.uid, gid = t->h.gid;
	int r;

	if ((x->has | g->has) & TAR_PAX_UID)
		uid = x->has & TAR_PAX_UID ? x->uid : g->uid;
	if ((x->has | g->has) & TAR_PAX_GID)
		gid = x->has & TAR_PAX_GID ? x->gid : g->gid;
	r = owner_check(uid, "uid", &t->entry.uid, err);
	return r < 0 ? r : owner_check(gid, "gid", &t->entry.gid, err);
}

static void mtime_fill(struct tar_reader *t)
{
	const struct tar_pax *x = &t->pax;

	if (!(x->has & TAR_PAX_MTIME))
		x = &t->global;
	t->entry.mtime = t->h.mtime;
	if (x->has & TAR_PAX_MTIME) {
		t->entry.mtime = x->mtime;
		t->entry.mtime_nsec = x->mtime_nsec;
	}
}

/* Name, links, owner, times and attributes: what does not depend on a sparse map. */
static int entry_fill(struct tar_reader *t, struct err *err)
{
	struct tar_entry *e = &t->entry;
	int r;

	*e = (struct tar_entry){ .path = entry_name(t), .linkpath = "" };
	if (type_parse(&t->h, e->path, &e->type) < 0) {
		char c = t->h.typeflag;

		return err_set(err, ERR_FORMAT, "tar entry of unsupported type '%c'",
			c > ' ' && c < 127 ? c : '?');
	}
	e->mode = t->h.mode;
	e->major = t->h.major;
	e->minor = t->h.minor;
	if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK) {
		e->linkpath = t->gnu_link ? t->gnu_link : t->h.linkname;
		if (t->pax.linkpath)
			e->linkpath = t->pax.linkpath;
	}
	mtime_fill(t);
	if (e->mtime > 253402300799LL || e->mtime < -253402300799LL)
		return err_set(err, ERR_FORMAT, "%.200s: time is out of range", e->path);
	e->xattrs = t->pax.xattrs;
	e->n_xattrs = t->pax.n_xattrs;
	r = owners_fill(t, err);
	return r < 0 ? err_ctx(err, r, "%.200s", e->path) : r;
}

static int map_add_old(struct tar_reader *t, const uint8_t *field, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++, field += 24) {
		int64_t offset, length;
		int r;

		if (field[0] == '\0')
			break;
		r = tar_number_parse(field, 12, "sparse offset", &offset, err);
		if (r < 0)
			return r;
		r = tar_number_parse(field + 12, 12, "sparse length", &length, err);
		if (r < 0)
			return r;
		if (offset < 0 || length < 0)
			return err_set(err, ERR_FORMAT, "sparse map: negative number");
		r = tar_sparse_add(&t->map, (uint64_t)offset, (uint64_t)length, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Old GNU: four ranges in the header, and extension blocks of 21 while the flag is set. */
static int old_sparse_begin(struct tar_reader *t, struct err *err)
{
	int64_t real;
	int r;

	if (t->h.dialect != TAR_GNU)
		return err_set(err, ERR_FORMAT, "sparse entry in a header that is not GNU's");
	r = tar_number_parse(t->block + 483, 12, "real size", &real, err);
	if (r < 0)
		return r;
	if (real < 0)
		return err_set(err, ERR_FORMAT, "sparse entry: negative size");
	t->entry.sparse = true;
	tar_sparse_begin(&t->map, (uint64_t)real);
	r = map_add_old(t, t->block + 386, 4, err);
	if (r < 0)
		return r;
	t->state = t->block[482] ? ST_OLD_SPARSE : ST_READY;
	return 0;
}

static int pax_sparse_begin(struct tar_reader *t, struct err *err)
{
	if (!(t->pax.has & TAR_PAX_REAL_SIZE))
		return err_set(err, ERR_FORMAT, "sparse entry without its real size");
	t->entry.sparse = true;
	tar_sparse_begin(&t->map, t->pax.real_size);
	t->state = ST_READY;
	if (t->pax.has & TAR_PAX_SPARSE_1_0) {
		if (t->pax.has & TAR_PAX_SPARSE_RANGES)
			return err_set(err, ERR_FORMAT, "sparse entry with two maps");
		t->map_counted = t->map_digit = false;
		t->map_number = 0;
		t->map_left = 1;
		t->state = ST_PAX_MAP;
		return 0;
	}
	for (size_t i = 0; i < t->pax.n_ranges; i++) {
		const struct tar_sparse_range *range = &t->pax.ranges[i];
		int r = tar_sparse_add(&t->map, range->offset, range->length, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool pax_is_sparse(const struct tar_pax *pax)
{
	return pax->has & (TAR_PAX_SPARSE_RANGES | TAR_PAX_SPARSE_1_0);
}

static int entry_begin(struct tar_reader *t, struct err *err)
{
	int r = entry_fill(t, err);

	if (r < 0)
		return r;
	t->body = 0;
	if (t->entry.type == TAR_REG)
		t->body = t->pax.has & TAR_PAX_SIZE ? t->pax.size : t->h.size;
	if (t->body > INT64_MAX - TAR_BLOCK)
		return err_set(err, ERR_FORMAT, "%.200s: size is out of range", t->entry.path);
	t->pad = padding(t->body);
	t->entry.size = t->body;
	t->state = ST_READY;
	if (t->h.typeflag == 'S')
		r = old_sparse_begin(t, err);
	else if (t->entry.type == TAR_REG && pax_is_sparse(&t->pax))
		r = pax_sparse_begin(t, err);
	return r < 0 ? err_ctx(err, r, "%.200s", t->entry.path) : r;
}

/* --- sparse maps in blocks of their own --------------------------------------------------- */

static int old_sparse_block(struct tar_reader *t, struct err *err)
{
	int r = map_add_old(t, t->block, 21, err);

	t->headers++;
	if (r < 0)
		return r;
	if (!t->block[504])
		t->state = ST_READY;
	return 0;
}

/* One number of the 1.0 map is complete: the count, then offset and length by turns. */
static int pax_map_number(struct tar_reader *t, struct err *err)
{
	uint64_t v = t->map_number;

	t->map_number = 0;
	t->map_digit = false;
	t->map_left--;
	if (!t->map_counted) {
		if (v > TAR_SPARSE_MAX)
			return err_set(err, ERR_LIMIT, "sparse map has more than %d ranges",
				TAR_SPARSE_MAX);
		t->map_counted = true;
		t->map_left = v * 2;
		return 0;
	}
	if (t->map_left % 2) {
		t->map_offset = v;
		return 0;
	}
	return tar_sparse_add(&t->map, t->map_offset, v, err);
}

static int pax_map_block(struct tar_reader *t, struct err *err)
{
	if (t->body < TAR_BLOCK)
		return err_set(err, ERR_FORMAT, "sparse map is cut off");
	t->body -= TAR_BLOCK;
	for (size_t i = 0; i < TAR_BLOCK && t->map_left; i++) {
		uint8_t c = t->block[i];
		int r;

		if (c == '\n' && t->map_digit) {
			r = pax_map_number(t, err);
			if (r < 0)
				return r;
			continue;
		}
		if (c < '0' || c > '9' || t->map_number > INT64_MAX / 10 - 10)
			return err_set(err, ERR_FORMAT, "sparse map is not a list of numbers");
		t->map_number = t->map_number * 10 + (uint64_t)(c - '0');
		t->map_digit = true;
	}
	if (!t->map_left)
		t->state = ST_READY;
	return 0;
}

/* --- content ------------------------------------------------------------------------------ */

/* The entry can be told now: all headers and maps were read. */
static int entry_tell(struct tar_reader *t, struct tar_event *ret, struct err *err)
{
	if (t->entry.sparse) {
		int r = tar_sparse_end(&t->map, t->body, err);

		if (r < 0)
			return err_ctx(err, r, "%.200s", t->entry.path);
		t->entry.size = t->map.real_size;
	}
	t->range = 0;
	t->range_done = 0;
	t->state = ST_DATA;
	*ret = (struct tar_event){ .kind = TAR_ENTRY, .entry = &t->entry };
	return 0;
}

/* How much of the content from here on lies in one piece, and where it belongs. */
static uint64_t piece_at(struct tar_reader *t, uint64_t *ret_offset)
{
	const struct tar_sparse_range *range;

	if (!t->entry.sparse) {
		*ret_offset = t->entry.size - t->body;
		return t->body;
	}
	while (t->range_done == t->map.ranges[t->range].length) {
		t->range++;
		t->range_done = 0;
	}
	range = &t->map.ranges[t->range];
	*ret_offset = range->offset + t->range_done;
	return range->length - t->range_done;
}

static void data_tell(struct tar_reader *t, const uint8_t **p, size_t *len, struct tar_event *ret)
{
	uint64_t offset, left = piece_at(t, &offset);
	size_t n = left < *len ? (size_t)left : *len;

	*ret = (struct tar_event){
		.kind = TAR_DATA, .entry = &t->entry, .data = *p, .len = n, .offset = offset
	};
	t->body -= n;
	t->range_done += n;
	*p += n;
	*len -= n;
}

/* Returns 1 when *ret tells something, 0 when the chunk is used up. */
static int data_step(struct tar_reader *t, const uint8_t **p, size_t *len, struct tar_event *ret)
{
	if (t->body && *len) {
		data_tell(t, p, len, ret);
		return 1;
	}
	if (t->body)
		return 0;
	skip(&t->pad, p, len);
	if (t->pad)
		return 0;
	t->state = ST_HEADER;
	*ret = (struct tar_event){ .kind = TAR_ENTRY_END, .entry = &t->entry };
	return 1;
}

/* --- blocks ------------------------------------------------------------------------------- */

static int header_block(struct tar_reader *t, struct err *err)
{
	int r;

	if (tar_block_is_zero(t->block)) {
		if (t->has_pax || t->gnu_name || t->gnu_link)
			return err_set(err, ERR_FORMAT, "tar ends behind an extension header");
		t->state = ST_ZERO;
		return 0;
	}
	t->headers++;
	r = tar_header_parse(t->block, &t->h, err);
	if (r < 0)
		return r;
	switch (t->h.typeflag) {
	case 'x':
	case 'g':
	case 'L':
	case 'K':
		return ext_begin(t, err);
	case 'V':
		if (t->h.size > INT64_MAX - TAR_BLOCK)
			return err_set(err, ERR_FORMAT, "tar volume label: size out of range");
		t->body = t->h.size + padding(t->h.size);
		t->state = ST_SKIP_BODY;
		return 0;
	default:
		return entry_begin(t, err);
	}
}

static int zero_block(struct tar_reader *t, struct err *err)
{
	if (!tar_block_is_zero(t->block))
		return err_set(err, ERR_FORMAT, "tar goes on behind a lone zero block");
	t->state = ST_END;
	return 0;
}

static void trailing_scan(struct tar_reader *t, const uint8_t **p, size_t *len)
{
	for (size_t i = 0; i < *len && !t->trailing; i++)
		t->trailing = (*p)[i] != 0;
	*p += *len;
	*len = 0;
}

static int block_step(struct tar_reader *t, struct err *err)
{
	switch (t->state) {
	case ST_HEADER:
		return header_block(t, err);
	case ST_ZERO:
		return zero_block(t, err);
	case ST_OLD_SPARSE:
		return old_sparse_block(t, err);
	case ST_PAX_MAP:
		return pax_map_block(t, err);
	case ST_EXT_BODY:
	case ST_SKIP_BODY:
	case ST_READY:
	case ST_DATA:
	case ST_END:
		break;
	}
	err_bug(__FILE__, __LINE__, "a state that reads blocks");
}

/* Returns 1 when *ret tells something, 0 to go on, -kind; more = false when input is needed. */
static int step(struct tar_reader *t, const uint8_t **p, size_t *len, struct tar_event *ret,
	bool *more, struct err *err)
{
	int r;

	switch (t->state) {
	case ST_READY:
		r = entry_tell(t, ret, err);
		return r < 0 ? r : 1;
	case ST_DATA:
		r = data_step(t, p, len, ret);
		*more = r;
		return r;
	case ST_EXT_BODY:
		r = ext_body(t, p, len, err);
		*more = r > 0;
		return r < 0 ? r : 0;
	case ST_SKIP_BODY:
		skip(&t->body, p, len);
		*more = t->body == 0;
		if (*more)
			t->state = ST_HEADER;
		return 0;
	case ST_END:
		trailing_scan(t, p, len);
		*more = false;
		return 0;
	case ST_HEADER:
		/* Only here is the former entry's memory no longer the caller's. */
		if (t->entry.path)
			entry_reset(t);
		break;
	case ST_ZERO:
	case ST_OLD_SPARSE:
	case ST_PAX_MAP:
		break;
	}
	*more = block_fill(t, p, len);
	return *more ? block_step(t, err) : 0;
}

int tar_reader_next(struct tar_reader *t, const uint8_t **p, size_t *len, struct tar_event *ret,
	struct err *err)
{
	bool more = true;

	while (more) {
		int r = step(t, p, len, ret, &more, err);

		if (r)
			return r < 0 ? r : 0;
	}
	*ret = (struct tar_event){ .kind = TAR_NEED };
	return 0;
}

int tar_reader_finish(struct tar_reader *t, struct err *err)
{
	if (!t->any && !t->fill)
		return err_set(err, ERR_FORMAT, "tar archive is empty (0 bytes)");
	if (!t->any)
		return err_set(err, ERR_FORMAT, "no tar archive: it ends after %u bytes",
			(unsigned)t->fill);
	if (t->state == ST_END || (t->state == ST_ZERO && t->fill == 0))
		return 0;
	if (t->state != ST_HEADER || t->fill)
		return err_set(err, ERR_FORMAT, "tar archive is cut off");
	if (t->has_pax || t->gnu_name || t->gnu_link)
		return err_set(err, ERR_FORMAT, "tar ends behind an extension header");
	return 0;
}

bool tar_reader_has_trailing(const struct tar_reader *t)
{
	return t->trailing;
}

uint64_t tar_reader_headers(const struct tar_reader *t)
{
	return t->headers;
}
