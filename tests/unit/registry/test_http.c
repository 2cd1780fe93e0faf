/* The parts of registry/http.h that decide, without a server: headers, pauses, proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "registry/http_priv.h"
#include "registry/proxy.h"

static void add_line(struct http_transfer *t, const char *line)
{
	assert_int_equal(http_headers_add(t, line, strlen(line), NULL), 0);
}

static void test_headers(void **state)
{
	struct http_transfer t = { 0 };

	(void)state;
	add_line(&t, "HTTP/1.1 100 Continue\r\n");
	add_line(&t, "\r\n");
	add_line(&t, "HTTP/1.1 401 Unauthorized\r\n");
	add_line(&t, "WWW-Authenticate: Basic\r\n");
	add_line(&t, "www-authenticate:Bearer \x1b[31m\r\n");
	add_line(&t, "\r\n");
	assert_int_equal(t.status, 401);
	assert_string_equal(http_headers_get(&t.headers, "WWW-Authenticate", 0), "Basic");
	assert_string_equal(http_headers_get(&t.headers, "WWW-Authenticate", 1), "Bearer ?[31m");
	assert_null(http_headers_get(&t.headers, "WWW-Authenticate", 2));
	assert_null(http_headers_get(&t.headers, "WWW", 0));
	add_line(&t, "HTTP/2 200\r\n");
	assert_int_equal(t.status, 200);
	assert_null(http_headers_get(&t.headers, "WWW-Authenticate", 0));
	http_headers_done(&t.headers);
}

static void test_header_limit(void **state)
{
	struct http_transfer t = { 0 };
	struct err err = { 0 };
	char line[1024];
	int r = 0;

	(void)state;
	memset(line, 'a', sizeof(line));
	line[1] = ':';
	/* Repeated status lines do not reset the count. */
	for (int i = 0; i < 65 && r == 0; i++) {
		add_line(&t, "HTTP/1.1 100 Continue\r\n");
		r = http_headers_add(&t, line, sizeof(line), &err);
	}
	assert_int_equal(r, -ERR_LIMIT);
	assert_string_equal(err.msg, "the answer's headers exceed 64 KiB");
	http_headers_done(&t.headers);
}

static void test_retry_after(void **state)
{
	int64_t now = 784111777 * NSEC_PER_SEC; /* Sun, 06 Nov 1994 08:49:37 GMT */

	(void)state;
	assert_int_equal(http_retry_after_ns("120", now), 120 * NSEC_PER_SEC);
	assert_int_equal(http_retry_after_ns("0", now), 0);
	assert_int_equal(
		http_retry_after_ns("Sun, 06 Nov 1994 08:49:47 GMT", now), 10 * NSEC_PER_SEC);
	assert_int_equal(http_retry_after_ns("Sun, 06 Nov 1994 08:49:07 GMT", now), 0);
	assert_int_equal(http_retry_after_ns("880.092\xc2\xb5s", now), -1);
	assert_int_equal(http_retry_after_ns("-1", now), -1);
	assert_int_equal(http_retry_after_ns("soon", now), -1);
	assert_int_equal(http_retry_after_ns("99999999999999999999", now), -1);
}

static void test_pause(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t first = http_retry_pause(1, 500), third = http_retry_pause(3, 500);
		int64_t last = http_retry_pause(40, 500);

		assert_true(first >= 250000000 && first <= 500000000);
		assert_true(third >= 1000000000 && third <= 2000000000);
		assert_true(last >= 30 * NSEC_PER_SEC && last <= 60 * NSEC_PER_SEC);
	}
	assert_int_equal(http_retry_pause(3, 0), 0);
}

static bool excluded(const char *no_proxy, const char *text)
{
	AUTO(url) struct url u = { 0 };

	assert_int_equal(url_parse(text, &u, NULL), 0);
	return proxy_is_excluded(no_proxy, &u);
}

static void test_no_proxy(void **state)
{
	(void)state;
	assert_true(excluded("*", "https://a/"));
	assert_true(excluded("x, example.com ,y", "https://example.com/"));
	assert_true(excluded("example.com", "https://a.example.com/"));
	assert_false(excluded("example.com", "https://badexample.com/"));
	assert_true(excluded(".example.com", "https://a.example.com/"));
	assert_false(excluded(".example.com", "https://example.com/"));
	assert_true(excluded("*.example.com", "https://a.example.com/"));
	assert_true(excluded("example.com:443", "https://example.com/"));
	assert_false(excluded("example.com:80", "https://example.com/"));
	assert_true(excluded("10.0.0.0/8", "https://10.2.3.4/"));
	assert_false(excluded("10.0.0.0/8", "https://11.2.3.4/"));
	assert_true(excluded("10.128.0.0/9", "https://10.200.3.4/"));
	assert_false(excluded("10.128.0.0/9", "https://10.2.3.4/"));
	assert_true(excluded("192.168.1.5", "https://192.168.1.5/"));
	assert_true(excluded("[fd00::1]:443", "https://[fd00::1]/"));
	assert_true(excluded("fd00::/16", "https://[fd00::1]/"));
	assert_false(excluded("", "https://a/"));
}

static void check_proxy(const char *text, const char *expected)
{
	AUTO(url) struct url u = { 0 };
	autofree char *proxy = NULL;

	assert_int_equal(url_parse(text, &u, NULL), 0);
	proxy = proxy_find(&u);
	if (expected)
		assert_string_equal(proxy, expected);
	else
		assert_null(proxy);
}

static void test_proxy(void **state)
{
	(void)state;
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("no_proxy");
	setenv("HTTP_PROXY", "http://p:1", 1);
	setenv("https_proxy", "http://p:2", 1);
	setenv("NO_PROXY", "quiet", 1);
	unsetenv("REQUEST_METHOD");
	check_proxy("http://a/", "http://p:1");
	check_proxy("https://a/", "http://p:2");
	check_proxy("https://quiet/", NULL);
	check_proxy("https://localhost/", NULL);
	check_proxy("http://127.0.0.5/", NULL);
	setenv("REQUEST_METHOD", "GET", 1);
	check_proxy("http://a/", NULL);
	check_proxy("https://a/", "http://p:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_header_limit),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
