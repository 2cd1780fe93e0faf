/* The tar reader at the seams that whole archives (tests/corpus) do not show: chunks and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/tar_header.h"
#include "codec/tar_path.h"
#include "codec/tar_pax.h"
#include "codec/tar_reader.h"
#include "codec/tar_sparse.h"

/* --- making archives ---------------------------------------------------------------------- */

static void checksum_set(char block[TAR_BLOCK])
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (uint8_t)block[i];
	(void)snprintf(block + 148, 8, "%06o", sum);
}

static void put_header(struct buf *b, const char *name, char type, unsigned size)
{
	char block[TAR_BLOCK] = { 0 };

	(void)snprintf(block, 100, "%s", name);
	(void)snprintf(block + 100, 8, "%07o", 0644U);
	(void)snprintf(block + 108, 8, "%07o", 1U);
	(void)snprintf(block + 116, 8, "%07o", 2U);
	(void)snprintf(block + 124, 12, "%011o", size);
	(void)snprintf(block + 136, 12, "%011o", 1234567U);
	block[156] = type;
	memcpy(block + 257, "ustar\00000", 8);
	checksum_set(block);
	buf_append(b, block, sizeof(block));
}

static void put_data(struct buf *b, const char *data)
{
	char zero[TAR_BLOCK] = { 0 };
	size_t len = strlen(data);

	buf_append(b, data, len);
	buf_append(b, zero, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
}

static void put_file(struct buf *b, const char *name, const char *data)
{
	put_header(b, name, '0', (unsigned)strlen(data));
	put_data(b, data);
}

static void put_pax(struct buf *b, const char *records)
{
	put_header(b, "pax", 'x', (unsigned)strlen(records));
	put_data(b, records);
}

static void put_end(struct buf *b)
{
	char zero[2 * TAR_BLOCK] = { 0 };

	buf_append(b, zero, sizeof(zero));
}

/* "name:size@mtime=content;" for each entry; how the input is cut must not be seen. */
static int read_all(const struct buf *in, size_t chunk, struct buf *out, struct err *err)
{
	AUTO(tar_reader) struct tar_reader *t = tar_reader_new();

	for (size_t at = 0; at < in->len; at += chunk) {
		size_t len = in->len - at < chunk ? in->len - at : chunk;
		/* A copy of its own size, so that a sanitizer sees a read behind it. */
		uint8_t *copy = malloc(len);
		const uint8_t *p = copy;
		struct tar_event ev;
		int r;

		memcpy(copy, in->data + at, len);
		do {
			r = tar_reader_next(t, &p, &len, &ev, err);
			if (r < 0)
				break;
			if (ev.kind == TAR_ENTRY)
				buf_printf(out, "%s:%llu@%lld=", ev.entry->path,
					(unsigned long long)ev.entry->size,
					(long long)ev.entry->mtime);
			if (ev.kind == TAR_DATA)
				buf_append(out, ev.data, ev.len);
			if (ev.kind == TAR_ENTRY_END)
				buf_putc(out, ';');
		} while (ev.kind != TAR_NEED);
		free(copy);
		if (r < 0)
			return r;
	}
	return tar_reader_finish(t, err);
}

static void sample_archive(struct buf *b)
{
	put_file(b, "a", "hello");
	put_header(b, "dir/", '5', 0);
	put_pax(b, "11 path=bb\n14 mtime=99.5\n");
	put_file(b, "short",
		"a file of more than one block: "
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890123456789");
	put_file(b, "empty", "");
	put_end(b);
}

static void chunks_do_not_matter(void **state)
{
	AUTO(buf) struct buf in = BUF_INIT(1 << 20), whole = BUF_INIT(1 << 20);
	static const size_t chunks[] = { 1, 2, 7, 511, 512, 513, 1000, 1024, 4096 };

	(void)state;
	sample_archive(&in);
	assert_int_equal(read_all(&in, in.len, &whole, NULL), 0);
	assert_non_null(strstr(whole.data, "a:5@1234567=hello;dir/:0@1234567=;bb:521@99=a file"));
	assert_non_null(strstr(whole.data, ";empty:0@1234567=;"));
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		AUTO(buf) struct buf out = BUF_INIT(1 << 20);

		assert_int_equal(read_all(&in, chunks[i], &out, NULL), 0);
		assert_string_equal(out.data, whole.data);
	}
}

static void every_cut_is_noticed(void **state)
{
	AUTO(buf) struct buf in = BUF_INIT(1 << 20);
	struct err err = { 0 };

	(void)state;
	sample_archive(&in);
	/* Exactly between entries, and behind the first zero block, an archive may end. */
	for (size_t len = 0; len < in.len; len++) {
		struct buf part = { .data = in.data, .len = len, .max = len };
		AUTO(buf) struct buf out = BUF_INIT(1 << 20);
		bool fine = len == 1024 || len == 1536 || len == 4096 || len == 4608 || len == 5120;
		int r = read_all(&part, 300, &out, &err);

		assert_int_equal(r, fine ? 0 : -ERR_FORMAT);
	}
}

static void trailing_bytes_are_told(void **state)
{
	AUTO(tar_reader) struct tar_reader *t = tar_reader_new();
	AUTO(buf) struct buf in = BUF_INIT(1 << 20);
	struct tar_event ev;
	const uint8_t *p;
	size_t len;

	(void)state;
	put_end(&in);
	put_end(&in);
	p = (const uint8_t *)in.data;
	len = in.len;
	assert_int_equal(tar_reader_next(t, &p, &len, &ev, NULL), 0);
	assert_false(tar_reader_has_trailing(t));
	p = (const uint8_t *)"\0x";
	len = 2;
	assert_int_equal(tar_reader_next(t, &p, &len, &ev, NULL), 0);
	assert_int_equal(ev.kind, TAR_NEED);
	assert_int_equal(len, 0);
	assert_true(tar_reader_has_trailing(t));
	assert_int_equal(tar_reader_finish(t, NULL), 0);
}

/* --- parts -------------------------------------------------------------------------------- */

static void numbers(void **state)
{
	static const struct {
		const char *field;
		size_t len;
		int64_t want; /* INT64_MIN: an error */
	} cases[] = {
		{ "0000644\0", 8, 0644 },
		{ "   644 \0", 8, 0644 },
		{ "644     ", 8, 0644 },
		{ "77777777", 8, 077777777 },
		{ "\0\0\0\0\0\0\0\0", 8, 0 },
		{ "        ", 8, 0 },
		{ "12\0garba", 8, 012 },
		{ "0000648\0", 8, INT64_MIN },
		{ "-000001\0", 8, INT64_MIN },
		{ "0x00001\0", 8, INT64_MIN },
		{ "1 2    \0", 8, INT64_MIN },
		{ "\x80\0\0\0\0\0\1\0", 8, 256 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff", 8, -1 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xfe", 8, -2 },
		{ "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, INT64_MAX },
		{ "\x80\0\0\0\x80\0\0\0\0\0\0\0", 12, INT64_MIN },
		{ "\x80\0\0\1\0\0\0\0\0\0\0\0", 12, INT64_MIN },
		{ "\xff\xff\xff\xfe\0\0\0\0\0\0\0\0", 12, INT64_MIN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t v = 0;
		int r = tar_number_parse(
			(const uint8_t *)cases[i].field, cases[i].len, "x", &v, NULL);

		if (cases[i].want == INT64_MIN)
			assert_int_equal(r, -ERR_FORMAT);
		else
			assert_int_equal(r, 0);
		if (r == 0)
			assert_true(v == cases[i].want);
	}
}

static void paths(void **state)
{
	static const struct {
		const char *path, *want;
		int r; /* components */
	} cases[] = {
		{ "a", "a", 1 },
		{ "./a/b/", "a/b", 2 },
		{ "//a//./b", "a/b", 2 },
		{ ".", "", 0 },
		{ "/", "", 0 },
		{ "...", "...", 1 },
		{ "..a/b..", "..a/b..", 2 },
		{ "", NULL, -ERR_FORMAT },
		{ "..", NULL, -ERR_FORMAT },
		{ "a/..", NULL, -ERR_FORMAT },
		{ "a/../b", NULL, -ERR_FORMAT },
	};
	char ret[TAR_PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(tar_path_clean(cases[i].path, ret, NULL), cases[i].r);
		if (cases[i].want)
			assert_string_equal(ret, cases[i].want);
	}
}

static int pax_parse(struct tar_pax *pax, const char *s, enum tar_pax_scope scope)
{
	return tar_pax_parse(pax, (const uint8_t *)s, strlen(s), scope, NULL);
}

static void pax_records(void **state)
{
	AUTO(tar_pax) struct tar_pax pax = { 0 };

	(void)state;
	assert_int_equal(pax_parse(&pax,
				 "9 uid=77\n14 path=a b=c\n15 mtime=-1.25\n"
				 "29 SCHILY.xattr.user.k=a=b\nc\n",
				 TAR_PAX_ENTRY),
		0);
	assert_true(pax.has & TAR_PAX_UID && pax.uid == 77);
	assert_string_equal(pax.path, "a b=c");
	assert_true(pax.mtime == -2 && pax.mtime_nsec == 750000000);
	assert_int_equal(pax.n_xattrs, 1);
	assert_string_equal(pax.xattrs[0].name, "user.k");
	assert_int_equal(pax.xattrs[0].len, 5);
	assert_memory_equal(pax.xattrs[0].value, "a=b\nc", 5);
	/* An empty value takes an earlier one back. */
	assert_int_equal(pax_parse(&pax, "7 uid=\n", TAR_PAX_ENTRY), 0);
	assert_false(pax.has & TAR_PAX_UID);
}

static void pax_globals(void **state)
{
	AUTO(tar_pax) struct tar_pax pax = { 0 };

	(void)state;
	assert_int_equal(pax_parse(&pax, "9 gid=12\n13 comment=x\n", TAR_PAX_GLOBAL), 0);
	assert_int_equal(pax.gid, 12);
	assert_int_equal(pax_parse(&pax, "10 path=x\n", TAR_PAX_GLOBAL), -ERR_FORMAT);
	assert_int_equal(pax_parse(&pax, "24 SCHILY.xattr.user.a=\n", TAR_PAX_GLOBAL), -ERR_FORMAT);
}

static void sparse_maps(void **state)
{
	struct tar_sparse map = { 0 };

	(void)state;
	tar_sparse_begin(&map, 10000);
	assert_int_equal(tar_sparse_add(&map, 0, 512, NULL), 0);
	assert_int_equal(tar_sparse_add(&map, 512, 0, NULL), 0);
	assert_int_equal(tar_sparse_add(&map, 511, 1, NULL), -ERR_FORMAT);
	assert_int_equal(tar_sparse_add(&map, UINT64_MAX, 1, NULL), -ERR_FORMAT);
	assert_int_equal(tar_sparse_add(&map, 9999, 2, NULL), -ERR_FORMAT);
	assert_int_equal(tar_sparse_add(&map, 9990, 10, NULL), 0);
	assert_int_equal(tar_sparse_end(&map, 521, NULL), -ERR_FORMAT);
	assert_int_equal(tar_sparse_end(&map, 522, NULL), 0);
	tar_sparse_done(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_do_not_matter),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(trailing_bytes_are_told),
		cmocka_unit_test(numbers),
		cmocka_unit_test(paths),
		cmocka_unit_test(pax_records),
		cmocka_unit_test(pax_globals),
		cmocka_unit_test(sparse_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
