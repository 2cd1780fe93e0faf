/* Names of images and content: references, digests, platforms, media types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/media.h"
#include "codec/platform.h"
#include "codec/reference.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void references_are_normalised(void **state)
{
	static const struct {
		const char *text, *full, *familiar;
	} cases[] = {
		{ "debian", "docker.io/library/debian:latest", "debian:latest" },
		{ "debian:12", "docker.io/library/debian:12", "debian:12" },
		{ "library/debian", "docker.io/library/debian:latest", "debian:latest" },
		{ "docker.io/debian", "docker.io/library/debian:latest", "debian:latest" },
		{ "index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest" },
		{ "docker.io/a/b", "docker.io/a/b:latest", "a/b:latest" },
		{ "user/app", "docker.io/user/app:latest", "user/app:latest" },
		{ "a/b/c", "docker.io/a/b/c:latest", "a/b/c:latest" },
		{ "localhost", "docker.io/library/localhost:latest", "localhost:latest" },
		{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000" },
		{ "localhost/x", "localhost/x:latest", "localhost/x:latest" },
		{ "localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest" },
		{ "localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y" },
		{ "FOO/bar", "FOO/bar:latest", "FOO/bar:latest" },
		{ "a.b/c", "a.b/c:latest", "a.b/c:latest" },
		{ "127.0.0.1:80/c", "127.0.0.1:80/c:latest", "127.0.0.1:80/c:latest" },
		{ "[::1]:5000/c", "[::1]:5000/c:latest", "[::1]:5000/c:latest" },
		{ "[2001:db8::1]/c/d:e", "[2001:db8::1]/c/d:e", "[2001:db8::1]/c/d:e" },
		{ "quay.io/o/i@sha256:" HEX, "quay.io/o/i@sha256:" HEX, "quay.io/o/i@sha256:" HEX },
		{ "i:t@sha256:" HEX, "docker.io/library/i:t@sha256:" HEX, "i:t@sha256:" HEX },
		{ "a__b--c.d_e", "docker.io/library/a__b--c.d_e:latest", "a__b--c.d_e:latest" },
		{ "x:A_b-C.d", "docker.io/library/x:A_b-C.d", "x:A_b-C.d" },
		{ "x:_", "docker.io/library/x:_", "x:_" },
		{ "x.y:1/z:2", "x.y:1/z:2", "x.y:1/z:2" },
		{ "docker.io/localhost/x", "docker.io/localhost/x:latest",
			"docker.io/localhost/x:latest" },
		{ "docker.io/a.b/x", "docker.io/a.b/x:latest", "docker.io/a.b/x:latest" },
		{ "docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest" },
		{ "xn--n3h.com/x", "xn--n3h.com/x:latest", "xn--n3h.com/x:latest" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(reference) struct reference ref = { 0 };
		AUTO(reference) struct reference again = { 0 };
		autofree char *full = NULL, *familiar = NULL;
		struct err e = { 0 };

		if (reference_parse(cases[i].text, &ref, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		full = reference_format(&ref);
		familiar = reference_familiar(&ref);
		assert_string_equal(full, cases[i].full);
		assert_string_equal(familiar, cases[i].familiar);
		/* What is shown names the same image when it is typed. */
		assert_int_equal(reference_parse(familiar, &again, NULL), 0);
		assert_true(reference_equal(&ref, &again));
	}
}

static void bad_references_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		"@",
		"/",
		"a/",
		"/a",
		"a//b",
		"a:",
		"a:b:c",
		"a b",
		"a\n",
		"-a",
		"a-",
		"a..b",
		"a._b",
		"a___b",
		"_a",
		"a/-b",
		":tag",
		"a:-tag",
		"a:.tag",
		"a:t/x/",
		"a@",
		"a@sha256:",
		"a@sha256:abc",
		"a@sha256:" HEX "0",
		"a@SHA256:" HEX,
		"a@" HEX,
		"a@sha256:../../../../etc",
		"a@md5:0123456789abcdef0123456789abcdef",
		"a@sha256:" HEX "@sha256:" HEX,
		"host.x:/a",
		"host.x:b/a",
		"-h.x/a",
		"h-.x/a",
		"h..x/a",
		".h/a",
		"[::1/a",
		"[]/a",
		"[::1]x/a",
		"[1:2]/a",
		"[::1%25eth0]:1/a",
		"[::ffff:1.2.3.4]:5/a",
		"[1::2::3]:5/a",
		"[12345::]:5/a",
		"h.x/\xc3\xa9",
		"a\x80",
		"http://a.b/c",
		"a:\xc3\xa9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct reference ref = { 0 };
		struct err e = { 0 };

		if (reference_parse(texts[i], &ref, &e) != -ERR_FORMAT)
			fail_msg("%s was taken", texts[i]);
		assert_null(ref.domain);
		if (!str_after(e.msg, "invalid reference format"))
			fail_msg("%s: %s", texts[i], e.msg);
	}
}

static void refusals_say_why(void **state)
{
	static const struct {
		const char *text, *message;
		int kind;
	} cases[] = {
		{ "Foo", "invalid reference format: repository name (Foo) must be lowercase",
			ERR_FORMAT },
		{ "Foo:tag", "invalid reference format: repository name (Foo) must be lowercase",
			ERR_FORMAT },
		{ "a.b/Foo/x",
			"invalid reference format: repository name (Foo/x) must be lowercase",
			ERR_FORMAT },
		{ HEX,
			"invalid repository name (" HEX
			"), cannot specify 64-byte hexadecimal strings",
			ERR_FORMAT },
		{ "x@sha256:12", "invalid reference format: invalid digest \"sha256:12\"",
			ERR_FORMAT },
		{ "x@sha512:" HEX HEX, "digest algorithm sha512 is not supported, only sha256 is",
			ERR_UNSUPPORTED },
		{ "a b", "invalid reference format", ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reference ref = { 0 };
		struct err e = { 0 };

		assert_int_equal(reference_parse(cases[i].text, &ref, &e), -cases[i].kind);
		assert_string_equal(e.msg, cases[i].message);
	}
}

static void lengths_have_limits(void **state)
{
	char text[400];
	struct reference ref = { 0 };
	struct err e;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "h.x/", 4);
	text[4 + 255] = '\0';
	assert_int_equal(reference_parse(text, &ref, &e), 0);
	reference_done(&ref);
	memset(text, 'a', sizeof(text));
	memcpy(text, "h.x/", 4);
	text[4 + 256] = '\0';
	assert_int_equal(reference_parse(text, &ref, &e), -ERR_FORMAT);
	assert_string_equal(e.msg,
		"invalid reference format: repository name must not be more than 255 "
		"characters");
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[2 + 128] = '\0';
	assert_int_equal(reference_parse(text, &ref, &e), 0);
	assert_int_equal(strlen(ref.tag), 128);
	reference_done(&ref);
	text[2 + 128] = 'a';
	text[2 + 129] = '\0';
	assert_int_equal(reference_parse(text, &ref, &e), -ERR_FORMAT);
}

static void a_reference_can_be_copied_and_retagged(void **state)
{
	AUTO(reference) struct reference a = { 0 };
	AUTO(reference) struct reference b = { 0 };
	autofree char *text = NULL, *name = NULL;
	struct err e;

	(void)state;
	assert_int_equal(reference_parse("quay.io/o/i@sha256:" HEX, &a, NULL), 0);
	assert_null(a.tag);
	assert_false(a.tag_implied);
	reference_copy(&a, &b);
	assert_true(reference_equal(&a, &b));
	assert_int_equal(reference_set_tag(&b, "v1", NULL), 0);
	text = reference_format(&b);
	assert_string_equal(text, "quay.io/o/i:v1");
	assert_false(reference_equal(&a, &b));
	assert_int_equal(reference_set_tag(&b, "bad tag", &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "invalid tag format: \"bad tag\"");
	name = reference_repository(&b);
	assert_string_equal(name, "quay.io/o/i");
}

static void digests_are_exact(void **state)
{
	static const char *const bad[] = { "", "sha256:", "sha256", HEX, "sha256:" HEX "a",
		"sha256:" HEX " ",
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:../" HEX, " sha256:" HEX, "md5:0123", "sha512:" HEX,
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde" };
	struct digest d = { 0 }, chain;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(digest_parse(bad[i], &d, &e), -ERR_FORMAT);
		assert_false(digest_is_set(&d));
	}
	assert_int_equal(digest_parse("sha512:" HEX HEX, &d, &e), -ERR_UNSUPPORTED);
	assert_int_equal(digest_parse("blake3:" HEX, &d, &e), -ERR_UNSUPPORTED);
	assert_int_equal(digest_parse("sha256:" HEX, &d, &e), 0);
	assert_string_equal(digest_hex(&d), HEX);
	assert_int_equal(digest_from_hex("xyz", &d), -ERR_FORMAT);
	digest_of("{}", 2, &d);
	assert_string_equal(
		d.text, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	digest_chain(NULL, &d, &chain);
	assert_true(digest_equal(&d, &chain));
	/* sha256("sha256:4413... sha256:4413...") */
	digest_chain(&d, &d, &chain);
	digest_of("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a "
		  "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		143, &d);
	assert_true(digest_equal(&d, &chain));
}

static void platforms_are_normalised(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "linux/amd64", "linux/amd64" },
		{ "linux/x86_64", "linux/amd64" },
		{ "Linux/AMD64/v1", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3" },
		{ "linux/aarch64", "linux/arm64" },
		{ "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm64/8", "linux/arm64" },
		{ "linux/arm64/v8.0", "linux/arm64" },
		{ "linux/arm64/v9", "linux/arm64/v9" },
		{ "linux/arm", "linux/arm/v7" },
		{ "linux/armhf", "linux/arm/v7" },
		{ "linux/armel", "linux/arm/v6" },
		{ "linux/arm/7", "linux/arm/v7" },
		{ "linux/i386", "linux/386" },
		{ "macos/arm64", "darwin/arm64" },
		{ "arm64", "linux/arm64" },
		{ "s390x", "linux/s390x" },
		{ "windows/amd64", "windows/amd64" },
	};
	static const char *const bad[] = { "", "/", "linux/", "foo", "/amd64", "linux//v8",
		"a/b/c/d", "linux/am d", "linux/amd64\n", "linux(10.0)/amd64",
		"linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct platform p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[PLATFORM_TEXT_SIZE];

		assert_int_equal(platform_parse(cases[i].text, &p, &e), 0);
		platform_format(&p, text);
		assert_string_equal(text, cases[i].shown);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(platform_parse(bad[i], &p, &e), -ERR_FORMAT);
	assert_int_equal(platform_parse("linux", &p, &e), 0);
	assert_string_not_equal(p.architecture, "");
}

static void platform_ranks(void **state)
{
	static const struct {
		const char *want, *have;
		int rank;
	} cases[] = {
		{ "linux/amd64", "linux/amd64", 0 },
		{ "linux/amd64", "linux/amd64/v2", -1 },
		{ "linux/amd64/v3", "linux/amd64/v3", 0 },
		{ "linux/amd64/v3", "linux/amd64/v2", 100 },
		{ "linux/amd64/v3", "linux/amd64", 200 },
		{ "linux/amd64", "linux/386", -1 },
		{ "linux/amd64", "windows/amd64", -1 },
		{ "linux/amd64", "linux/arm64", -1 },
		{ "linux/arm/v7", "linux/arm/v6", 100 },
		{ "linux/arm/v6", "linux/arm/v7", -1 },
		{ "linux/arm64", "linux/arm64/v9", -1 },
		{ "linux/arm64/v9", "linux/arm64", 100 },
		{ "linux/arm64/v9", "linux/arm64/v8.5", 95 },
		{ "linux/arm64/v9", "linux/arm64/v8.6", -1 },
		{ "linux/arm64", "linux/arm/v7", -1 },
		{ "linux/amd64/weird", "linux/amd64", -1 },
		{ "linux/386", "linux/386", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct platform want, have;

		assert_int_equal(platform_parse(cases[i].want, &want, NULL), 0);
		assert_int_equal(platform_parse(cases[i].have, &have, NULL), 0);
		if (platform_rank(&want, &have) != cases[i].rank)
			fail_msg("%s %s: %d", cases[i].want, cases[i].have,
				platform_rank(&want, &have));
	}
}

static void media_types_are_classified(void **state)
{
	struct media m;

	(void)state;
	media_classify("application/vnd.oci.image.index.v1+json; charset=utf-8", &m);
	assert_int_equal(m.kind, MEDIA_KIND_INDEX);
	assert_false(m.docker);
	media_classify(" Application/VND.docker.distribution.manifest.v2+JSON ", &m);
	assert_int_equal(m.kind, MEDIA_KIND_MANIFEST);
	assert_true(m.docker);
	media_classify("application/vnd.docker.distribution.manifest.v1+prettyjws", &m);
	assert_int_equal(m.kind, MEDIA_KIND_SCHEMA1);
	media_classify("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", &m);
	assert_int_equal(m.kind, MEDIA_KIND_LAYER);
	assert_int_equal(m.compression, MEDIA_GZIP);
	assert_true(m.encrypted);
	media_classify("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &m);
	assert_true(m.foreign);
	media_classify(NULL, &m);
	assert_int_equal(m.kind, MEDIA_KIND_GENERIC);
	media_classify("text/plain", &m);
	assert_int_equal(m.kind, MEDIA_KIND_GENERIC);
	media_classify("application/vnd.cncf.helm.config.v1+json", &m);
	assert_int_equal(m.kind, MEDIA_KIND_UNKNOWN);
}

static void compression_is_sniffed(void **state)
{
	(void)state;
	assert_int_equal(media_sniff("\x1f\x8b\x08", 3), MEDIA_GZIP);
	assert_int_equal(media_sniff("\x28\xb5\x2f\xfd", 4), MEDIA_ZSTD);
	assert_int_equal(media_sniff("\x5f\x2a\x4d\x18", 4), MEDIA_ZSTD);
	assert_int_equal(media_sniff("\x60\x2a\x4d\x18", 4), MEDIA_PLAIN);
	assert_int_equal(media_sniff("\xfd"
				     "7zXZ\0",
				 6),
		MEDIA_XZ);
	assert_int_equal(media_sniff("BZh9", 4), MEDIA_BZIP2);
	assert_int_equal(media_sniff("\x1f", 1), MEDIA_PLAIN);
	assert_int_equal(media_sniff("", 0), MEDIA_PLAIN);
	assert_string_equal(media_compression_name(MEDIA_ZSTD), "zstd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_are_normalised),
		cmocka_unit_test(bad_references_are_refused),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(lengths_have_limits),
		cmocka_unit_test(a_reference_can_be_copied_and_retagged),
		cmocka_unit_test(digests_are_exact),
		cmocka_unit_test(platforms_are_normalised),
		cmocka_unit_test(platform_ranks),
		cmocka_unit_test(media_types_are_classified),
		cmocka_unit_test(compression_is_sniffed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
