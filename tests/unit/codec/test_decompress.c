/* gzip and zstd: what comes out does not depend on how the two ends are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/decompress.h"

/* "hello\n" by gzip -n, and by zstd --check */
#define GZ_HELLO                                                                                   \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36" \
	"\x06\x00\x00\x00"
#define ZST_HELLO "\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00\x68\x65\x6c\x6c\x6f\x0a\x53\x88\xbd\x91"
#define ZST_SKIP  "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz"

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static int unpack(const uint8_t *data, size_t size, size_t chunk, size_t room, struct buf *out)
{
	AUTO(decompress) struct decompress *d = decompress_new();
	uint8_t buffer[64];
	struct stream s = { 0 };
	int r;

	for (size_t at = 0; at < size; at += chunk) {
		s.in = data + at;
		s.in_len = size - at < chunk ? size - at : chunk;
		do {
			s.out = buffer;
			s.out_len = room;
			r = decompress_run(d, &s, NULL);
			if (r < 0)
				return r;
			buf_append(out, buffer, room - s.out_len);
		} while (s.in_len || !s.out_len);
	}
	s = (struct stream){ .out = buffer, .out_len = sizeof(buffer) };
	r = decompress_finish(d, &s, NULL);
	buf_append(out, buffer, sizeof(buffer) - s.out_len);
	return r;
}

static void check(const uint8_t *data, size_t size, int want_r, const char *want)
{
	static const size_t rooms[] = { 1, 2, 5, 64 };

	for (size_t chunk = 1; chunk <= size + 1; chunk++) {
		for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
			AUTO(buf) struct buf out = BUF_INIT(4096);

			assert_int_equal(unpack(data, size, chunk, rooms[i], &out), want_r);
			if (want)
				assert_string_equal(buf_str(&out), want);
		}
	}
}

static void gzip(void **state)
{
	(void)state;
	check(BYTES(GZ_HELLO), 0, "hello\n");
	check(BYTES(GZ_HELLO GZ_HELLO), 0, "hello\nhello\n");
	check(BYTES(GZ_HELLO "\0\0\0"), 0, "hello\n");
	check(BYTES(GZ_HELLO "x"), -ERR_FORMAT, NULL);
	check(BYTES(GZ_HELLO "\0\0" GZ_HELLO), -ERR_FORMAT, NULL);
	check(BYTES(GZ_HELLO "\x1f\x8b\x08"), -ERR_FORMAT, NULL);
	for (size_t len = 3; len < sizeof(GZ_HELLO) - 1; len++)
		check((const uint8_t *)GZ_HELLO, len, -ERR_FORMAT, NULL);
}

static void zstd(void **state)
{
	(void)state;
	check(BYTES(ZST_HELLO), 0, "hello\n");
	check(BYTES(ZST_SKIP ZST_HELLO ZST_SKIP ZST_HELLO ZST_SKIP), 0, "hello\nhello\n");
	check(BYTES(ZST_HELLO "x"), -ERR_FORMAT, NULL);
	check(BYTES(ZST_HELLO "\0\0\0\0\0\0"), -ERR_FORMAT, NULL);
	for (size_t len = 4; len < sizeof(ZST_HELLO) - 1; len++)
		check((const uint8_t *)ZST_HELLO, len, -ERR_FORMAT, NULL);
}

static void the_rest(void **state)
{
	(void)state;
	check(BYTES("plain text"), 0, "plain text");
	check(BYTES("x"), 0, "x");
	check(BYTES(""), 0, "");
	check(BYTES("BZh9..."), -ERR_UNSUPPORTED, NULL);
	check(BYTES("\xfd"
		    "7zXZ\0..."),
		-ERR_UNSUPPORTED, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip),
		cmocka_unit_test(zstd),
		cmocka_unit_test(the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
