/* codec/compress and codec/manifest_rewrite: what goes in comes out, the same every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/compress.h"
#include "codec/decompress.h"
#include "codec/json.h"
#include "codec/manifest.h"
#include "codec/manifest_rewrite.h"

#define INPUT_SIZE 300000
#define MAX	   (4 * INPUT_SIZE)

static void fill(uint8_t *p, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = i % 100 < 60 ? (uint8_t)(i / 100) : (uint8_t)(x >> 24);
	}
}

/* In pieces of `in_step`, with `out_step` bytes of room at a time. */
static void pack(const struct compress_options *o, const uint8_t *in, size_t len, size_t in_step,
	size_t out_step, struct buf *ret)
{
	AUTO(compress) struct compress *c = compress_new(o);
	autofree uint8_t *out = xmalloc(out_step);
	struct stream s = { .in = in };
	int r = 0;

	for (size_t at = 0; at < len; at += in_step) {
		s.in_len = len - at < in_step ? len - at : in_step;
		while (s.in_len) {
			s.out = out;
			s.out_len = out_step;
			assert_int_equal(compress_run(c, &s, NULL), 0);
			buf_append(ret, out, (size_t)(s.out - out));
		}
	}
	while (r == 0) {
		s.out = out;
		s.out_len = out_step;
		r = compress_finish(c, &s, NULL);
		assert_true(r >= 0);
		buf_append(ret, out, (size_t)(s.out - out));
	}
}

static void unpack(const struct buf *b, struct buf *ret)
{
	AUTO(decompress) struct decompress *d = decompress_new();
	uint8_t out[4096];
	struct stream s = { .in = (const uint8_t *)buf_str(b), .in_len = b->len };

	do {
		s.out = out;
		s.out_len = sizeof(out);
		assert_int_equal(decompress_run(d, &s, NULL), 0);
		buf_append(ret, out, (size_t)(s.out - out));
	} while (s.in_len || !s.out_len);
	s.out = out;
	s.out_len = sizeof(out);
	assert_int_equal(decompress_finish(d, &s, NULL), 0);
	buf_append(ret, out, (size_t)(s.out - out));
}

static void check_format(enum media_compression format, int level, uint64_t size)
{
	struct compress_options o = { .format = format, .level = level, .size = size };
	AUTO(buf) struct buf a = BUF_INIT(MAX), b = BUF_INIT(MAX), back = BUF_INIT(MAX);
	autofree uint8_t *in = xmalloc(INPUT_SIZE);

	fill(in, INPUT_SIZE);
	pack(&o, in, INPUT_SIZE, INPUT_SIZE, 65536, &a);
	pack(&o, in, INPUT_SIZE, INPUT_SIZE, 65536, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	assert_int_equal(media_sniff(a.data, a.len), format);
	unpack(&a, &back);
	assert_int_equal(back.len, INPUT_SIZE);
	assert_memory_equal(back.data, in, INPUT_SIZE);
	buf_reset(&b);
	buf_reset(&back);
	pack(&o, in, INPUT_SIZE, 777, 13, &b);
	unpack(&b, &back);
	assert_int_equal(back.len, INPUT_SIZE);
	assert_memory_equal(back.data, in, INPUT_SIZE);
}

static void test_round_trips(void **state)
{
	(void)state;
	check_format(MEDIA_GZIP, 0, UINT64_MAX);
	check_format(MEDIA_GZIP, 1, UINT64_MAX);
	check_format(MEDIA_GZIP, 9, INPUT_SIZE);
	check_format(MEDIA_ZSTD, 0, UINT64_MAX);
	check_format(MEDIA_ZSTD, 0, INPUT_SIZE);
	check_format(MEDIA_ZSTD, 19, INPUT_SIZE);
}

static void test_nothing(void **state)
{
	static const enum media_compression formats[] = { MEDIA_GZIP, MEDIA_ZSTD };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct compress_options o = { .format = formats[i], .size = 0 };
		AUTO(buf) struct buf b = BUF_INIT(MAX), back = BUF_INIT(MAX);

		pack(&o, (const uint8_t *)"", 0, 1, 64, &b);
		unpack(&b, &back);
		assert_int_equal(back.len, 0);
	}
}

/* No time, no name, "Unix": the header is the same on every machine. */
static void test_gzip_header(void **state)
{
	static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	struct compress_options o = { .format = MEDIA_GZIP };
	AUTO(buf) struct buf b = BUF_INIT(MAX);

	(void)state;
	pack(&o, (const uint8_t *)"x", 1, 1, 64, &b);
	assert_memory_equal(b.data, header, sizeof(header));
}

static void test_levels(void **state)
{
	struct err err;
	int level = 0;

	(void)state;
	assert_int_equal(compress_check_level(MEDIA_GZIP, 0, &level, NULL), 0);
	assert_int_equal(level, 6);
	assert_int_equal(compress_check_level(MEDIA_ZSTD, 19, &level, NULL), 0);
	assert_int_equal(compress_check_level(MEDIA_GZIP, 10, &level, &err), -ERR_USAGE);
	assert_string_equal(err.msg, "gzip has levels from 1 to 9, not 10");
	assert_int_equal(level, 19);
}

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const char manifest[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"x\":[1],"
	"\"annotations\":{\"a\":\"b\"},\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG
	"\",\"digest\":\"sha256:" HEX_C "\",\"size\":2},\"layers\":["
	"{\"mediaType\":\"" MEDIA_OCI_LAYER_ZSTD "\",\"digest\":\"sha256:" HEX_A "\",\"size\":9,"
	"\"annotations\":{\"io.github.containers.zstd-chunked.manifest-position\":\"1\"}},"
	"{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"sha256:" HEX_A "\",\"size\":9,"
	"\"annotations\":{\"keep\":\"me\"}}]}";

static void test_rewrite_layers(void **state)
{
	struct manifest_layer layers[2] = {
		{ .compression = MEDIA_GZIP, .repacked = true, .size = 7 },
		{ .compression = MEDIA_GZIP },
	};
	autofree char *text = NULL;

	(void)state;
	assert_int_equal(digest_from_hex(HEX_B, &layers[0].digest), 0);
	assert_int_equal(
		manifest_rewrite(manifest, strlen(manifest), false, layers, &text, NULL), 0);
	assert_string_equal(text,
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"x\":[1],"
		"\"annotations\":{\"a\":\"b\"},\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG
		"\",\"digest\":\"sha256:" HEX_C "\",\"size\":2},\"layers\":["
		"{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"sha256:" HEX_B
		"\",\"size\":7},{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP
		"\",\"digest\":\"sha256:" HEX_A
		"\",\"size\":9,\"annotations\":{\"keep\":\"me\"}}]}");
}

static void test_rewrite_to_docker(void **state)
{
	struct manifest_layer layers[2] = {
		{ .compression = MEDIA_GZIP, .repacked = true, .size = 7 },
		{ .compression = MEDIA_GZIP },
	};
	AUTO(manifest) struct manifest m = { 0 };
	autofree char *text = NULL;
	struct err err;

	(void)state;
	assert_int_equal(digest_from_hex(HEX_B, &layers[0].digest), 0);
	assert_int_equal(
		manifest_rewrite(manifest, strlen(manifest), true, layers, &text, NULL), 0);
	assert_int_equal(manifest_parse(text, strlen(text), NULL, &m, NULL), 0);
	assert_string_equal(m.media_type, MEDIA_DOCKER_MANIFEST);
	assert_string_equal(m.config.media_type, MEDIA_DOCKER_CONFIG);
	assert_string_equal(m.layers[0].media_type, MEDIA_DOCKER_LAYER);
	assert_null(m.annotations);
	assert_null(m.layers[1].annotations);
	layers[0].compression = MEDIA_ZSTD;
	assert_int_equal(manifest_rewrite(manifest, strlen(manifest), true, layers, &text, &err),
		-ERR_UNSUPPORTED);
	assert_string_equal(
		err.msg, "docker's manifest format has no type for a layer packed with zstd");
}

static void test_layer_types(void **state)
{
	struct media m = { .compression = MEDIA_GZIP, .foreign = true };

	(void)state;
	assert_string_equal(media_layer_type(&m),
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
	m.docker = true;
	assert_string_equal(
		media_layer_type(&m), "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
	m = (struct media){ .compression = MEDIA_XZ };
	assert_null(media_layer_type(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_gzip_header),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_rewrite_layers),
		cmocka_unit_test(test_rewrite_to_docker),
		cmocka_unit_test(test_layer_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
