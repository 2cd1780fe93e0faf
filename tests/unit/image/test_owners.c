/* The owners file: what is written is read, later lines win, bad lines are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/owners.h"

static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("owners", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	return fd;
}

static int read_text(const char *text, struct owners *ret, struct err *err)
{
	autofd int fd = file_of(text, strlen(text));

	return owners_read(fd, ret, err);
}

static void round_trip(void **state)
{
	static char paths[][24] = { ".", "a b\\c\n\xff/\xc3\xa4", "dev/null", "dev/sda", "link" };
	const struct owner in[] = {
		{ paths[0], 1, 2, 0755, 'd', 0, 0 },
		{ paths[1], 4294967294U, 0, 06755, 'f', 0, 0 },
		{ paths[2], 0, 5, 0666, 'c', 1, 3 },
		{ paths[3], 0, 6, 0660, 'b', 8, 16 },
		{ paths[4], 7, 8, 0777, 'l', 0, 0 },
	};
	AUTO(buf) struct buf b = BUF_INIT(4096);
	AUTO(owners) struct owners o = { 0 };
	autofd int fd = -EBADF;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		owners_format(&b, &in[i]);
	assert_non_null(strstr(b.data, "0 5 666 c 1:3 dev/null\n"));
	assert_non_null(strstr(b.data, " a\\040b\\134c\\012\\377/\\303\\244\n"));
	fd = file_of(b.data, b.len);
	assert_int_equal(owners_read(fd, &o, NULL), 0);
	assert_int_equal(o.n, 5);
	for (size_t i = 0; i < 5; i++) {
		const struct owner *w = owners_find(&o, in[i].path);

		assert_non_null(w);
		assert_string_equal(w->path, in[i].path);
		assert_int_equal(w->uid, in[i].uid);
		assert_int_equal(w->gid, in[i].gid);
		assert_int_equal(w->mode, in[i].mode);
		assert_int_equal(w->type, in[i].type);
		assert_int_equal(w->major, in[i].major);
		assert_int_equal(w->minor, in[i].minor);
	}
	assert_null(owners_find(&o, "dev"));
	assert_null(owners_find(&o, "dev/nul"));
}

static void later_lines_win(void **state)
{
	AUTO(owners) struct owners o = { 0 };

	(void)state;
	assert_int_equal(read_text("1 1 755 d d\n"
				   "2 2 644 f d/gone\n"
				   "2 2 644 f d-stays\n"
				   "2 2 755 d d/sub\n"
				   "2 2 644 f d/sub/gone\n"
				   "3 3 644 f d\n"
				   "4 4 755 d d\n"
				   "5 5 644 f d/new\n"
				   "6 6 644 f twice\n"
				   "7 7 644 f twice\n",
				 &o, NULL),
		0);
	assert_int_equal(o.n, 4);
	assert_int_equal(owners_find(&o, "d")->uid, 4);
	assert_int_equal(owners_find(&o, "d/new")->uid, 5);
	assert_int_equal(owners_find(&o, "d-stays")->uid, 2);
	assert_int_equal(owners_find(&o, "twice")->uid, 7);
	assert_null(owners_find(&o, "d/gone"));
	assert_null(owners_find(&o, "d/sub/gone"));
}

static void a_directory_again_keeps_what_is_below(void **state)
{
	AUTO(owners) struct owners o = { 0 };

	(void)state;
	assert_int_equal(read_text("2 2 644 f d/x\n1 1 755 d d\n", &o, NULL), 0);
	assert_int_equal(o.n, 2);
	assert_string_equal(o.v[0].path, "d");
	assert_string_equal(o.v[1].path, "d/x");
}

static void bad_lines(void **state)
{
	static const char *const lines[] = {
		"1 1 644 f",
		"1 1 644 f ",
		"1 1 644 x p",
		"1 1 648 f p",
		"-1 1 644 f p",
		"1 4294967296 644 f p",
		"1 1 644 c p",
		"1 1 644 c 1-3 p",
		"1 1 644 f a b",
		"1 1 644 f a\\9",
		"1 1 644 f a\\000",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		AUTO(buf) struct buf b = BUF_INIT(4096);
		struct owners o = { 0 };
		struct err err = { 0 };

		buf_printf(&b, "1 1 644 f fine\n%s\n", lines[i]);
		assert_int_equal(read_text(b.data, &o, &err), -ERR_FORMAT);
		assert_string_equal(err.msg, "owners file: line 2 is malformed");
	}
	{
		struct owners o = { 0 };
		struct err err = { 0 };

		assert_int_equal(read_text("1 1 644 f cut", &o, &err), -ERR_FORMAT);
		assert_string_equal(err.msg, "owners file: line 1 is malformed");
		assert_int_equal(read_text("", &o, &err), 0);
		assert_int_equal(o.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(later_lines_win),
		cmocka_unit_test(a_directory_again_keeps_what_is_below),
		cmocka_unit_test(bad_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
