/* The tar writer: what it writes is what codec/tar_reader reads, and the bytes are as promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "codec/tar_header.h"
#include "codec/tar_reader.h"
#include "codec/tar_writer.h"

static int to_buf(void *arg, const void *data, size_t len, struct err *err)
{
	struct buf *b = arg;

	buf_append(b, data, len);
	return buf_failed(b) ? err_set(err, ERR_LIMIT, "full") : 0;
}

static void write_one(struct buf *b, const struct tar_entry *e, const char *data, unsigned flags)
{
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(to_buf, b, flags);

	assert_int_equal(tar_writer_entry(w, e, NULL), 0);
	assert_int_equal(tar_writer_data(w, data, strlen(data), NULL), 0);
	assert_int_equal(tar_writer_finish(w, NULL), 0);
	assert_int_equal(b->len % TAR_BLOCK, 0);
}

static const char *type_name(enum tar_type t)
{
	static const char *const names[] = { [TAR_REG] = "reg",
		[TAR_DIR] = "dir",
		[TAR_SYMLINK] = "sym",
		[TAR_HARDLINK] = "link",
		[TAR_CHAR] = "char",
		[TAR_BLOCKDEV] = "block",
		[TAR_FIFO] = "fifo" };

	return names[t];
}

static void tell(struct buf *out, const struct tar_entry *e)
{
	buf_printf(out, "%s %s -> %s %o %u:%u %u,%u %llu @%lld.%u", type_name(e->type), e->path,
		e->linkpath, e->mode, e->uid, e->gid, e->major, e->minor,
		(unsigned long long)e->size, (long long)e->mtime, e->mtime_nsec);
	for (size_t i = 0; i < e->n_xattrs; i++)
		buf_printf(out, " %s=%.*s", e->xattrs[i].name, (int)e->xattrs[i].len,
			(const char *)e->xattrs[i].value);
}

/* What the reader makes of it, as one text. */
static char *read_back(const struct buf *in)
{
	AUTO(tar_reader) struct tar_reader *t = tar_reader_new();
	AUTO(buf) struct buf out = BUF_INIT(1 << 20);
	const uint8_t *p = (const uint8_t *)in->data;
	size_t len = in->len;
	struct tar_event ev;
	struct err err;

	do {
		if (tar_reader_next(t, &p, &len, &ev, &err) < 0)
			fail_msg("%s", err.msg);
		if (ev.kind == TAR_ENTRY)
			tell(&out, ev.entry);
		if (ev.kind == TAR_DATA)
			buf_printf(&out, " [%.*s]", (int)ev.len, (const char *)ev.data);
	} while (ev.kind != TAR_NEED);
	assert_int_equal(tar_reader_finish(t, NULL), 0);
	assert_false(tar_reader_has_trailing(t));
	return buf_take(&out);
}

static void check_round_trip(const struct tar_entry *e, const char *data, unsigned flags)
{
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	AUTO(buf) struct buf want = BUF_INIT(1 << 20);
	autofree char *got = NULL, *dir = NULL;
	struct tar_entry shown = *e;

	write_one(&archive, e, data, flags);
	write_one(&again, e, data, flags);
	assert_int_equal(archive.len, again.len);
	assert_memory_equal(archive.data, again.data, again.len);
	if (e->type == TAR_DIR)
		shown.path = dir = xasprintf("%s/", e->path);
	if (!(flags & TAR_WRITER_NSEC))
		shown.mtime_nsec = 0;
	tell(&want, &shown);
	if (*data)
		buf_printf(&want, " [%s]", data);
	got = read_back(&archive);
	assert_string_equal(got, buf_str(&want));
}

/* Is there a pax header before the entry? */
static bool has_pax(const struct tar_entry *e, unsigned flags)
{
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20);
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(to_buf, &archive, flags);

	assert_int_equal(tar_writer_entry(w, e, NULL), 0);
	return archive.data[156] == 'x';
}

static void test_every_type(void **state)
{
	(void)state;
	for (int type = TAR_REG; type <= TAR_FIFO; type++) {
		bool link = type == TAR_SYMLINK || type == TAR_HARDLINK;
		bool device = type == TAR_CHAR || type == TAR_BLOCKDEV;
		struct tar_entry e = {
			.type = (enum tar_type)type,
			.path = "usr/bin/x",
			.linkpath = link ? "usr/bin/y" : "",
			.mode = 04755,
			.uid = 1000,
			.gid = 100,
			.mtime = 1700000000,
			.size = type == TAR_REG ? 5 : 0,
			.major = device ? 5 : 0,
			.minor = device ? 1 : 0,
		};

		check_round_trip(&e, type == TAR_REG ? "hello" : "", 0);
		assert_false(has_pax(&e, 0));
	}
}

static void test_long_names(void **state)
{
	char path[4097];

	(void)state;
	for (size_t len = 95; len < 300; len++) {
		struct tar_entry e = {
			.type = TAR_REG, .path = path, .linkpath = "", .mode = 0644
		};

		/* Slashes at 59, 119, 179: a split is there until 119 + 1 + 100. */
		for (size_t i = 0; i < len; i++)
			path[i] = i % 60 == 59 && i < len - 1 ? '/' : 'a';
		path[len] = '\0';
		check_round_trip(&e, "", 0);
		assert_int_equal(has_pax(&e, 0), len > 220);
		memset(path, 'b', len);
		check_round_trip(&e, "", 0);
		assert_int_equal(has_pax(&e, 0), len > 100);
		e.type = TAR_DIR;
		check_round_trip(&e, "", 0);
		assert_int_equal(has_pax(&e, 0), len > 99);
	}
	memset(path, 'c', 4096);
	path[4096] = '\0';
	check_round_trip(
		&(struct tar_entry){ .type = TAR_SYMLINK, .path = "l", .linkpath = path }, "", 0);
	check_round_trip(
		&(struct tar_entry){ .type = TAR_REG, .path = path, .linkpath = "" }, "", 0);
}

/* A name of bytes says so, or readers would take it for UTF-8. */
static void test_binary_name(void **state)
{
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20);
	char path[200];
	struct tar_entry e = { .type = TAR_REG, .path = path, .linkpath = "", .mode = 0644 };

	(void)state;
	memset(path, 0xff, 199);
	path[199] = '\0';
	check_round_trip(&e, "", 0);
	write_one(&archive, &e, "", 0);
	assert_memory_equal(archive.data + TAR_BLOCK, "21 hdrcharset=BINARY\n", 21);
	for (size_t i = 0; i < 198; i += 2)
		memcpy(path + i, "\xc3\xa9", 2);
	path[198] = '\0';
	check_round_trip(&e, "", 0);
	buf_reset(&archive);
	write_one(&archive, &e, "", 0);
	assert_memory_equal(archive.data + TAR_BLOCK, "208 path=\xc3\xa9", 11);
}

static void test_numbers(void **state)
{
	static const struct {
		uint32_t uid, gid;
		int64_t mtime;
		uint32_t nsec;
		bool pax;
	} cases[] = {
		{ 2097151, 2097151, 0, 0, false },
		{ 2097152, 0, 0, 0, true },
		{ 0, 2097152, 0, 0, true },
		{ 4294967294U, 4294967294U, 8589934591, 0, true },
		{ 0, 0, 8589934591, 0, false },
		{ 0, 0, 8589934592, 0, true },
		{ 0, 0, -1, 0, true },
		{ 0, 0, -1, 250000000, true },
		{ 0, 0, 1700000000, 1, true },
		{ 0, 0, 1700000000, 120000000, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tar_entry e = { .type = TAR_REG,
			.path = "x",
			.linkpath = "",
			.uid = cases[i].uid,
			.gid = cases[i].gid,
			.mtime = cases[i].mtime,
			.mtime_nsec = cases[i].nsec };

		check_round_trip(&e, "", TAR_WRITER_NSEC);
		assert_int_equal(has_pax(&e, TAR_WRITER_NSEC), cases[i].pax);
		check_round_trip(&e, "", 0);
	}
}

/* The size alone: eight gigabytes are not written for it. */
static void test_big_size(void **state)
{
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20);
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(to_buf, &archive, 0);
	struct tar_entry e = { .type = TAR_REG, .path = "big", .linkpath = "" };
	AUTO(tar_reader) struct tar_reader *t = tar_reader_new();
	const uint8_t *p;
	struct tar_event ev;
	size_t len;

	(void)state;
	e.size = 8ULL << 30;
	assert_true(has_pax(&e, 0));
	assert_int_equal(tar_writer_entry(w, &e, NULL), 0);
	p = (const uint8_t *)archive.data;
	len = archive.len;
	assert_int_equal(tar_reader_next(t, &p, &len, &ev, NULL), 0);
	assert_int_equal(ev.kind, TAR_ENTRY);
	assert_true(ev.entry->size == 8ULL << 30);
	e.size--;
	assert_false(has_pax(&e, 0));
}

static void test_xattrs(void **state)
{
	struct tar_xattr x[] = {
		{ (char *)"user.z", (uint8_t *)"last", 4, false },
		{ (char *)"security.capability", (uint8_t *)"\1\0\0\2\0\0", 6, false },
		{ (char *)"user.a=b", (uint8_t *)"odd", 3, false },
		{ (char *)"user.empty", (uint8_t *)"", 0, false },
	};
	struct tar_entry e = { .type = TAR_REG, .path = "x", .linkpath = "", .xattrs = x };
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	autofree char *got = NULL;
	struct tar_xattr first = x[0];

	(void)state;
	e.n_xattrs = 4;
	write_one(&archive, &e, "", 0);
	got = read_back(&archive);
	assert_non_null(strstr(got, " user.a=b=odd user.empty= user.z=last"));
	assert_non_null(
		memmem(archive.data, archive.len, "SCHILY.xattr.security.capability=\1\0\0\2", 37));
	assert_non_null(
		memmem(archive.data, archive.len, "LIBARCHIVE.xattr.user.a%3Db=b2Rk\n", 33));
	/* Their order on disk says nothing. */
	x[0] = x[3];
	x[3] = first;
	write_one(&other, &e, "", 0);
	assert_int_equal(other.len, archive.len);
	assert_memory_equal(other.data, archive.data, other.len);
}

static void test_limits(void **state)
{
	AUTO(buf) struct buf archive = BUF_INIT(1 << 20);
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(to_buf, &archive, 0);
	struct tar_xattr many[TAR_XATTR_COUNT_MAX + 1];
	struct tar_entry e = { .type = TAR_REG, .path = "x", .linkpath = "", .xattrs = many };
	struct tar_entry dev = { .type = TAR_CHAR, .path = "d", .linkpath = "" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = (struct tar_xattr){ (char *)"user.x", (uint8_t *)"", 0, false };
	e.n_xattrs = sizeof(many) / sizeof(many[0]);
	assert_int_equal(tar_writer_entry(w, &e, &err), -ERR_LIMIT);
	assert_string_equal(err.msg, "x: too many extended attributes");
	dev.minor = 1U << 21;
	assert_int_equal(tar_writer_entry(w, &dev, &err), -ERR_LIMIT);
	assert_string_equal(err.msg, "d: a device number does not fit a tar");
	assert_int_equal(archive.len, 0);
}

/* The function's failure is the writer's. */
static void test_write_fails(void **state)
{
	AUTO(buf) struct buf full = BUF_INIT(100);
	AUTO(tar_writer) struct tar_writer *w = tar_writer_new(to_buf, &full, 0);
	struct tar_entry e = { .type = TAR_REG, .path = "x", .linkpath = "" };

	(void)state;
	assert_int_equal(tar_writer_entry(w, &e, NULL), -ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_binary_name),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_big_size),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_write_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
