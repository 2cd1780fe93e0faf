/* Credential files: what login and logout change, and that nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/strv.h"
#include "codec/auth_file.h"
#include "codec/json.h"

static struct auth_file *parse(const char *text)
{
	struct auth_file *f = NULL;
	struct err e = { 0 };

	if (auth_file_parse(text, strlen(text), 0, &f, &e) < 0)
		fail_msg("%s", e.msg);
	return f;
}

static void assert_prints(const struct auth_file *f, const char *wanted)
{
	char *text = auth_file_print(f), *compact;
	struct json *doc = NULL;

	assert_int_equal(json_parse(text, strlen(text), &doc, NULL), 0);
	compact = json_print(doc, false);
	assert_string_equal(compact, wanted);
	free(compact);
	free(text);
	json_free(doc);
}

static void a_login_replaces_every_spelling(void **state)
{
	struct auth_credential c = { .username = (char *)"u", .password = (char *)"p:w" };
	struct auth_file *f = parse("{\"HttpHeaders\":{\"a\":[1]},\"auths\":{\"https://h.io\":{},"
				    "\"h.io\":{\"auth\":\"eDp5\"},\"h.io/ns\":{\"auth\":\"eDp5\"},"
				    "\"other\":{\"email\":\"e\"}},\"last\":1.5}");

	(void)state;
	assert_true(auth_file_has(f, "h.io"));
	auth_file_set(f, "h.io", &c);
	assert_prints(f,
		"{\"HttpHeaders\":{\"a\":[1]},\"auths\":{\"h.io/ns\":{\"auth\":\"eDp5\"},"
		"\"other\":{\"email\":\"e\"},\"h.io\":{\"auth\":\"dTpwOnc=\"}},\"last\":1.5}");
	auth_file_free(f);
}

static void hub_has_dockers_key(void **state)
{
	struct auth_credential c = { .username = (char *)"u", .password = (char *)"p" };
	struct auth_file *f = parse("{\"auths\":{\"docker.io\":{\"auth\":\"eDp5\"},"
				    "\"registry-1.docker.io\":{}}}");

	(void)state;
	auth_file_set(f, "docker.io", &c);
	assert_prints(f, "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"}}}");
	assert_int_equal(auth_file_remove(f, "docker.io"), 1);
	assert_int_equal(auth_file_remove(f, "docker.io"), 0);
	assert_prints(f, "{\"auths\":{}}");
	auth_file_free(f);
}

static void an_identity_token_stands_beside_no_password(void **state)
{
	struct auth_credential found = { 0 }, c = { .username = (char *)"u",
		.password = (char *)"secret",
		.identity_token = (char *)"tok" };
	struct auth_file *f = auth_file_new();

	(void)state;
	auth_file_set(f, "h.io:5000", &c);
	assert_prints(
		f, "{\"auths\":{\"h.io:5000\":{\"auth\":\"dTo=\",\"identitytoken\":\"tok\"}}}");
	assert_int_equal(auth_file_find(f, "h.io:5000/x", &found, NULL), 1);
	assert_string_equal(found.identity_token, "tok");
	auth_credential_done(&found);
	auth_file_free(f);
}

static void a_helpers_entry_is_empty(void **state)
{
	struct auth_file *f = parse("{\"credsStore\":\"desk\",\"credHelpers\":{\"a.io\":\"ecr\","
				    "\"b.io\":\"desk\"}}");
	char **helpers = auth_file_helpers(f), **servers;

	(void)state;
	assert_int_equal(strv_len(helpers), 2);
	assert_string_equal(helpers[0], "ecr");
	assert_string_equal(helpers[1], "desk");
	auth_file_set(f, "a.io", NULL);
	servers = auth_file_servers(f);
	assert_int_equal(strv_len(servers), 1);
	assert_string_equal(servers[0], "a.io");
	assert_prints(f, "{\"credsStore\":\"desk\",\"credHelpers\":{\"a.io\":\"ecr\",\"b.io\":"
			 "\"desk\"},\"auths\":{\"a.io\":{}}}");
	strv_free(helpers);
	strv_free(servers);
	auth_file_free(f);
}

static void helpers_are_spoken_to_in_json(void **state)
{
	struct auth_credential c = { .username = (char *)"u\"", .password = (char *)"p" };
	static const char list[] = "{\"https://a.io\":\"u\",\"b.io\":\"v\"}";
	char *text = auth_helper_store_text("h.io", &c), **servers = NULL;
	struct err e = { 0 };

	(void)state;
	assert_string_equal(
		text, "{\"ServerURL\":\"h.io\",\"Username\":\"u\\\"\",\"Secret\":\"p\"}");
	free(text);
	c.identity_token = (char *)"tok";
	text = auth_helper_store_text("h.io", &c);
	assert_string_equal(
		text, "{\"ServerURL\":\"h.io\",\"Username\":\"<token>\",\"Secret\":\"tok\"}");
	free(text);
	assert_int_equal(auth_helper_list_parse(list, strlen(list), 0, &servers, &e), 0);
	assert_int_equal(strv_len(servers), 2);
	assert_string_equal(servers[0], "https://a.io");
	strv_free(servers);
	assert_int_equal(auth_helper_done_parse("", 0, 0, &e), 0);
	assert_int_equal(auth_helper_done_parse("not implemented\n", 16, 1, &e), -ERR_AUTH);
	assert_string_equal(e.msg, "credential helper failed with status 1: not implemented");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_replaces_every_spelling),
		cmocka_unit_test(hub_has_dockers_key),
		cmocka_unit_test(an_identity_token_stands_beside_no_password),
		cmocka_unit_test(a_helpers_entry_is_empty),
		cmocka_unit_test(helpers_are_spoken_to_in_json),
	};

	return cmocka_run_group_tests_name("auth_edit", tests, NULL, NULL);
}
