#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "registry/url.h"

static void check_parse(const char *text, const char *formatted)
{
	AUTO(url) struct url u = { 0 };
	struct err err = { 0 };
	autofree char *again = NULL;

	assert_int_equal(url_parse(text, &u, &err), 0);
	again = url_format(&u);
	assert_string_equal(again, formatted);
}

static void check_refused(const char *text, const char *message)
{
	struct url u;
	struct err err = { 0 };

	assert_int_equal(url_parse(text, &u, &err), -ERR_FORMAT);
	assert_string_equal(err.msg, message);
}

static void test_parse(void **state)
{
	(void)state;
	check_parse("https://Example.COM", "https://example.com/");
	check_parse("HTTPS://example.com:443/a/b?c=d#f", "https://example.com/a/b?c=d");
	check_parse("http://example.com:443/", "http://example.com:443/");
	check_parse("http://[::1]:5000/v2/", "http://[::1]:5000/v2/");
	check_parse("http://h/a b\"<\xc3\xa9", "http://h/a%20b%22%3C%C3%A9");
	check_parse("http://h/a%2Fb+c", "http://h/a%2Fb+c");
	check_parse("http://h:/x", "http://h/x");
}

static void test_refuse(void **state)
{
	(void)state;
	check_refused("ftp://h/", "URL \"ftp://h/\": neither http nor https");
	check_refused("file:///etc/passwd", "URL \"file:///etc/passwd\": neither http nor https");
	check_refused("http://u:p@h/", "URL \"http://u:p@h/\": a user name in it is not accepted");
	check_refused("http://h:0/", "URL \"http://h:0/\": bad port");
	check_refused("http://h:65536/", "URL \"http://h:65536/\": bad port");
	check_refused("http://127.1/", "URL \"http://127.1/\": bad host name");
	check_refused("http://0x7f.0.0.1/", "URL \"http://0x7f.0.0.1/\": bad host name");
	check_refused("http://2130706433/", "URL \"http://2130706433/\": bad host name");
	check_refused("http://0177.0.0.1/", "URL \"http://0177.0.0.1/\": bad host name");
	check_refused("http://127.0.0.1./", "URL \"http://127.0.0.1./\": bad host name");
	check_refused("http://a\\b/", "URL \"http://a\\b/\": bad host name");
	check_refused("http:///x", "URL \"http:///x\": bad host name");
	check_refused(
		"http://[fe80::1%25eth0]/", "URL \"http://[fe80::1%25eth0]/\": bad IPv6 address");
	check_refused("http://h/a\nb?secret=1", "URL \"http://h/a\": control character in it");
}

static void check_resolve(const char *base, const char *location, const char *expected)
{
	AUTO(url) struct url b = { 0 }, u = { 0 };
	autofree char *text = NULL;
	struct err err = { 0 };

	assert_int_equal(url_parse(base, &b, &err), 0);
	assert_int_equal(url_resolve(&b, location, &u, &err), 0);
	text = url_format(&u);
	assert_string_equal(text, expected);
}

static void test_resolve(void **state)
{
	const char *base = "https://h:5000/v2/a/b?q=1";

	(void)state;
	check_resolve(base, "/v2/x", "https://h:5000/v2/x");
	check_resolve(base, "x?y=z", "https://h:5000/v2/a/x?y=z");
	check_resolve(base, "../../x", "https://h:5000/x");
	check_resolve(base, "../../../../x", "https://h:5000/x");
	check_resolve(base, "./", "https://h:5000/v2/a/");
	check_resolve(base, "?n=2", "https://h:5000/v2/a/b?n=2");
	check_resolve(base, "#f", "https://h:5000/v2/a/b?q=1");
	check_resolve(base, "//other/x", "https://other/x");
	check_resolve(base, "http://other:80/x", "http://other/x");
}

static enum url_host class_of(const char *text)
{
	AUTO(url) struct url u = { 0 };

	assert_int_equal(url_parse(text, &u, NULL), 0);
	return url_host_class(&u);
}

static void test_host_class(void **state)
{
	(void)state;
	assert_int_equal(class_of("http://example.com/"), URL_HOST_NAME);
	assert_int_equal(class_of("http://localhost/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://a.localhost/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://127.9.9.9/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://0.0.0.0/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://[::1]/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://[::ffff:127.0.0.1]/"), URL_HOST_LOOPBACK);
	assert_int_equal(class_of("http://169.254.169.254/"), URL_HOST_LINK_LOCAL);
	assert_int_equal(class_of("http://[fe80::1]/"), URL_HOST_LINK_LOCAL);
	assert_int_equal(class_of("http://10.1.2.3/"), URL_HOST_PRIVATE);
	assert_int_equal(class_of("http://172.31.0.1/"), URL_HOST_PRIVATE);
	assert_int_equal(class_of("http://172.32.0.1/"), URL_HOST_PUBLIC);
	assert_int_equal(class_of("http://192.168.0.1/"), URL_HOST_PRIVATE);
	assert_int_equal(class_of("http://100.64.0.1/"), URL_HOST_PRIVATE);
	assert_int_equal(class_of("http://100.128.0.1/"), URL_HOST_PUBLIC);
	assert_int_equal(class_of("http://[fd00::1]/"), URL_HOST_PRIVATE);
	assert_int_equal(class_of("http://8.8.8.8/"), URL_HOST_PUBLIC);
}

static void test_query(void **state)
{
	AUTO(url) struct url u = { 0 };
	autofree char *text = NULL, *shown = NULL;

	(void)state;
	assert_int_equal(url_parse("https://h/token?a=b", &u, NULL), 0);
	url_add_query(&u, "scope", "repository:x/y:pull,push");
	text = url_format(&u);
	shown = url_display(&u);
	assert_string_equal(text, "https://h/token?a=b&scope=repository%3Ax%2Fy%3Apull%2Cpush");
	assert_string_equal(shown, "https://h/token");
}

static void test_same_origin(void **state)
{
	AUTO(url) struct url a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	assert_int_equal(url_parse("https://h/x", &a, NULL), 0);
	assert_int_equal(url_parse("https://H:443/y", &b, NULL), 0);
	assert_int_equal(url_parse("http://h/x", &c, NULL), 0);
	assert_int_equal(url_parse("https://h:444/x", &d, NULL), 0);
	assert_true(url_same_origin(&a, &b));
	assert_false(url_same_origin(&a, &c));
	assert_false(url_same_origin(&a, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_host_class),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_same_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
