/* Credential files, helpers, WWW-Authenticate, token replies and error bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "codec/auth_file.h"
#include "codec/challenge.h"
#include "codec/registry_error.h"

static const char config[] =
	"{\"auths\":{"
	"\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnNlY3JldA==\"}," /* hub:secret */
	"\"reg.example.com\":{\"auth\":\"aG9zdDphOmI6Yw==\"},"		   /* host:a:b:c */
	"\"reg.example.com/team\":{\"auth\":\"dGVhbTp0\"},"		   /* team:t */
	"\"reg.example.com/team/app\":{\"auth\":\"YXBwOng=\"},"		   /* app:x */
	"\"http://plain.example.com\":{\"username\":\"u\",\"password\":\"p\"},"
	"\"https://url.example.com/v2/\":{\"auth\":\"dXJsOnUAAA==\"}," /* url:u\0\0 */
	"\"token.example.com\":{\"identitytoken\":\"idtok\"},"
	"\"bearer.example.com\":{\"registrytoken\":\"regtok\"},"
	"\"helper.example.com\":{},"
	"\"nocolon.example.com\":{\"auth\":\"bm9jb2xvbg==\"},"
	"\"bad.example.com\":{\"auth\":\"***\"},"
	"\"other.example.com:5000\":{\"auth\":\"b3RoZXI6bw==\"}}," /* other:o */
	"\"credHelpers\":{\"gcr.io\":\"gcloud\",\"https://h.example.com\":\"h\"},"
	"\"credsStore\":\"pass\",\"HttpHeaders\":{\"X\":\"y\"}}";

static void credentials_are_found(void **state)
{
	static const struct {
		const char *repository, *username, *password;
	} cases[] = {
		{ "docker.io/library/debian", "hub", "secret" },
		{ "docker.io", "hub", "secret" },
		{ "index.docker.io/x", "hub", "secret" },
		{ "registry-1.docker.io/x", "hub", "secret" },
		{ "reg.example.com/x", "host", "a:b:c" },
		{ "reg.example.com", "host", "a:b:c" },
		{ "reg.example.com/team", "team", "t" },
		{ "reg.example.com/team/other/x", "team", "t" },
		{ "reg.example.com/team/app", "app", "x" },
		{ "reg.example.com/team/app/sub", "app", "x" },
		{ "reg.example.com/teamx", "host", "a:b:c" },
		{ "plain.example.com/x", "u", "p" },
		{ "url.example.com/x", "url", "u" },
		{ "other.example.com:5000/x", "other", "o" },
		{ "other.example.com/x", NULL, NULL },
		{ "helper.example.com/x", NULL, NULL },
		{ "unknown.example.com/x", NULL, NULL },
		{ "example.com", NULL, NULL },
	};
	AUTO(auth_file) struct auth_file *f = NULL;

	(void)state;
	assert_int_equal(auth_file_parse(config, strlen(config), 0, &f, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(auth_credential) struct auth_credential c = { 0 };
		struct err e = { 0 };
		int r = auth_file_find(f, cases[i].repository, &c, &e);

		if (r != (cases[i].username != NULL))
			fail_msg("%s: %d %s", cases[i].repository, r, e.msg);
		if (r == 0)
			continue;
		assert_string_equal(c.username, cases[i].username);
		assert_string_equal(c.password, cases[i].password);
	}
}

static void tokens_and_damaged_entries(void **state)
{
	AUTO(auth_file) struct auth_file *f = NULL;
	AUTO(auth_credential) struct auth_credential id = { 0 };
	AUTO(auth_credential) struct auth_credential reg = { 0 };
	struct auth_credential none = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(auth_file_parse(config, strlen(config), 0, &f, NULL), 0);
	assert_int_equal(auth_file_find(f, "token.example.com/x", &id, &e), 1);
	assert_string_equal(id.identity_token, "idtok");
	assert_null(id.password);
	assert_int_equal(auth_file_find(f, "bearer.example.com/x", &reg, &e), 1);
	assert_string_equal(reg.registry_token, "regtok");
	assert_int_equal(auth_file_find(f, "nocolon.example.com/x", &none, &e), -ERR_FORMAT);
	assert_string_equal(
		e.msg, "credential of nocolon.example.com: not user:password in base64");
	assert_int_equal(auth_file_find(f, "bad.example.com/x", &none, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "credential of bad.example.com: invalid base64");
	assert_null(none.username);
}

static void helpers_are_named(void **state)
{
	AUTO(auth_file) struct auth_file *f = NULL;
	AUTO(auth_file) struct auth_file *plain = NULL;
	const char *key = NULL;

	(void)state;
	assert_int_equal(auth_file_parse(config, strlen(config), 0, &f, NULL), 0);
	assert_string_equal(auth_file_helper(f, "gcr.io", &key), "gcloud");
	assert_string_equal(key, "gcr.io");
	assert_string_equal(auth_file_helper(f, "h.example.com", &key), "h");
	assert_string_equal(auth_file_helper(f, "docker.io", &key), "pass");
	assert_string_equal(key, "https://index.docker.io/v1/");
	assert_int_equal(auth_file_parse("{}", 2, 0, &plain, NULL), 0);
	assert_null(auth_file_helper(plain, "gcr.io", &key));
}

static void files_of_other_shapes(void **state)
{
	static const char legacy[] =
		"{\"https://old.example.com/v1/\":{\"auth\":\"b2xkOm8=\",\"email\":\"x\"}}";
	AUTO(auth_file) struct auth_file *f = NULL;
	AUTO(auth_credential) struct auth_credential c = { 0 };
	struct auth_file *bad = NULL;
	struct err e;

	(void)state;
	assert_int_equal(auth_file_parse(legacy, strlen(legacy), AUTH_FILE_LEGACY, &f, NULL), 0);
	assert_int_equal(auth_file_find(f, "old.example.com/x", &c, NULL), 1);
	assert_string_equal(c.username, "old");
	assert_int_equal(auth_file_parse("[]", 2, 0, &bad, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "credential file: not an object");
	assert_int_equal(auth_file_parse("{\"auths\":[]}", 12, 0, &bad, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "credential file: \"auths\" is not an object");
	assert_int_equal(auth_file_parse("", 0, 0, &bad, &e), -ERR_FORMAT);
	assert_null(bad);
}

static void helper_answers(void **state)
{
	static const char good[] = "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}\n";
	static const char token[] = "{\"Username\":\"<token>\",\"Secret\":\"idtok\"}";
	AUTO(auth_credential) struct auth_credential a = { 0 };
	AUTO(auth_credential) struct auth_credential b = { 0 };
	struct auth_credential none = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(auth_helper_parse(good, strlen(good), 0, &a, &e), 1);
	assert_string_equal(a.username, "u");
	assert_string_equal(a.password, "s");
	assert_int_equal(auth_helper_parse(token, strlen(token), 0, &b, &e), 1);
	assert_string_equal(b.identity_token, "idtok");
	assert_null(b.password);
	assert_int_equal(
		auth_helper_parse("credentials not found in native keychain\n", 41, 1, &none, &e),
		0);
	assert_int_equal(
		auth_helper_parse("no usernames\033[1m\nsecond", 23, 1, &none, &e), -ERR_AUTH);
	assert_string_equal(e.msg, "credential helper failed with status 1: no usernames?[1m");
	assert_int_equal(auth_helper_parse("", 0, 1, &none, &e), -ERR_AUTH);
	assert_string_equal(e.msg, "credential helper failed with status 1: it said nothing");
	assert_int_equal(auth_helper_parse("not json", 8, 0, &none, &e), -ERR_FORMAT);
}

static void base64(void **state)
{
	static const struct {
		const char *text, *plain;
	} cases[] = {
		{ "", "" },
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" },
		{ "Zm9vYmFy", "foobar" },
		{ "+/+/", "\xfb\xff\xbf" },
	};
	static const char *const bad[] = { "Z", "Zg=", "Zg===", "Zm9v=", "Z g=", "Zg==\n", "=",
		"====", "-_-_", "Zg==Zg==" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autofree char *out = NULL, *again = NULL;
		size_t len = 99;

		assert_int_equal(
			base64_decode(cases[i].text, strlen(cases[i].text), &out, &len, &e), 0);
		assert_int_equal(len, strlen(cases[i].plain));
		assert_string_equal(out, cases[i].plain);
		again = base64_encode(out, len);
		assert_string_equal(again, cases[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *out = NULL;
		size_t len;

		if (base64_decode(bad[i], strlen(bad[i]), &out, &len, &e) != -ERR_FORMAT)
			fail_msg("%s was taken", bad[i]);
	}
	autofree char *out = NULL, *basic = auth_basic("u", "p:w");
	size_t len;
	assert_int_equal(base64_decode("Zm8", 3, &out, &len, &e), 0);
	assert_string_equal(out, "fo");
	assert_string_equal(basic, "dTpwOnc=");
}

/* "bearer realm service scope error; basic ..." with '-' for what is absent. */
static char *show(const struct challenges *list)
{
	static const char *const names[] = { "other", "basic", "bearer" };
	AUTO(buf) struct buf b = BUF_INIT(65536);

	for (size_t i = 0; i < list->n; i++) {
		const struct challenge *c = &list->v[i];

		buf_printf(&b, "%s%s %s %s %s %s", i ? "; " : "", names[c->scheme],
			c->realm ? c->realm : "-", c->service ? c->service : "-",
			c->scope ? c->scope : "-", c->error ? c->error : "-");
	}
	return buf_take(&b);
}

static void challenges_are_parsed(void **state)
{
	static const struct {
		const char *header, *result;
		int picked; /* index, -1 for none */
	} cases[] = {
		{ "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
		  "scope=\"repository:a/b:pull,push\"",
			"bearer https://auth.docker.io/token registry.docker.io "
			"repository:a/b:pull,push -",
			0 },
		{ "bearer REALM=\"https://q/v2/auth\",Service=\"quay.io\"",
			"bearer https://q/v2/auth quay.io - -", 0 },
		{ "Bearer realm=https://x/t,service=x", "bearer https://x/t x - -", 0 },
		{ "Bearer realm=\"https://x/t?a=b\" , service = \"x y\"",
			"bearer https://x/t?a=b x y - -", 0 },
		{ "Basic realm=\"a \\\"q\\\" b\"", "basic a \"q\" b - - -", 0 },
		{ "Basic realm=\"https://1.ecr/\",service=\"ecr.amazonaws.com\"",
			"basic https://1.ecr/ ecr.amazonaws.com - -", 0 },
		{ "Basic", "basic - - - -", 0 },
		{ "Basic realm=\"x\", Bearer realm=\"https://t\",scope=\"s\"",
			"basic x - - -; bearer https://t - s -", 1 },
		{ "Negotiate, Basic realm=\"x\"", "other - - - -; basic x - - -", 1 },
		{ "Negotiate abc123==, Bearer realm=\"https://t\"",
			"other - - - -; bearer https://t - - -", 1 },
		{ "NTLM TlRMTVNTUAAC, Basic realm=x", "other - - - -; basic x - - -", 1 },
		{ "Bearer service=\"x\"", "bearer - x - -", -1 },
		{ "Bearer service=\"x\", Basic realm=\"y\"", "bearer - x - -; basic y - - -", 1 },
		{ "Bearer realm=\"https://t\",error=\"insufficient_scope\",scope=\"a b\"",
			"bearer https://t - a b insufficient_scope", 0 },
		{ "Bearer realm=\"https://t\",service=,scope=\"s\"", "bearer https://t  s -", 0 },
		{ "Bearer realm=\"https://t\",,, service=\"s\",", "bearer https://t s - -", 0 },
		{ "Bearer realm=\"https://first\",realm=\"https://second\"",
			"bearer https://first - - -", 0 },
		{ "Bearer realm=\"https://unterminated", "bearer https://unterminated - - -", 0 },
		{ "Bearer\trealm=\"https://t\"", "bearer https://t - - -", 0 },
		{ "Bearer realm=\"https://t\\", "bearer https://t\\ - - -", 0 },
		{ "Bearer realm=\"a\x01z\",service=\"s\"", "bearer - s - -", -1 },
		{ "realm=\"orphan\"", "", -1 },
		{ "", "", -1 },
		{ ",,, ,", "", -1 },
		{ "\"\"\"=;(", "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(challenges) struct challenges list = { 0 };
		autofree char *text = NULL;
		const struct challenge *c;

		challenges_add(&list, cases[i].header);
		text = show(&list);
		assert_string_equal(text, cases[i].result);
		c = challenges_pick(&list);
		assert_ptr_equal(c, cases[i].picked < 0 ? NULL : &list.v[cases[i].picked]);
	}
}

static void several_headers_add_up_to_a_limit(void **state)
{
	AUTO(challenges) struct challenges list = { 0 };

	(void)state;
	challenges_add(&list, "Basic realm=\"a\"");
	challenges_add(&list, "Bearer realm=\"b\"");
	assert_int_equal(list.n, 2);
	assert_string_equal(challenges_pick(&list)->realm, "b");
	for (int i = 0; i < 30; i++)
		challenges_add(&list, "Digest realm=\"x\"");
	assert_int_equal(list.n, CHALLENGES_MAX);
}

static void token_replies(void **state)
{
	static const struct {
		const char *text, *token, *refresh;
		uint32_t expires_in;
	} good[] = {
		{ "{\"token\":\"abc\"}", "abc", NULL, 60 },
		{ "{\"access_token\":\"abc\",\"expires_in\":300}", "abc", NULL, 300 },
		{ "{\"token\":\"\",\"access_token\":\"b\"}", "b", NULL, 60 },
		{ "{\"token\":\"a\",\"access_token\":\"b\",\"expires_in\":5}", "a", NULL, 60 },
		{ "{\"token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":null}", "a", "r", 60 },
		{ "{\"token\":\"a\",\"expires_in\":-4}", "a", NULL, 60 },
		{ "{\"token\":\"a\",\"expires_in\":1e300}", "a", NULL, 60 },
		{ "{\"token\":\"a\",\"expires_in\":99999999999}", "a", NULL, 30 * 24 * 3600 },
	};
	static const struct {
		const char *text, *message;
		int kind;
	} bad[] = {
		{ "<html><body>Please log in to the wireless network of this hotel",
			"the token server's answer is not JSON: \"<html><body>Please log in to the "
			"wireless network"
			" \"",
			ERR_FORMAT },
		{ "[]", "the token server's answer is not JSON: \"[]\"", ERR_FORMAT },
		{ "{}", "the token server's answer holds no token", ERR_AUTH },
		{ "{\"token\":\"\"}", "the token server's answer holds no token", ERR_AUTH },
		{ "{\"token\":1}", "the token server's answer holds no token", ERR_AUTH },
		{ "{\"token\":\"a\\r\\nX: y\"}",
			"the token server's token holds characters that no header can", ERR_AUTH },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		AUTO(token_reply) struct token_reply t = { 0 };

		assert_int_equal(token_reply_parse(good[i].text, strlen(good[i].text), &t, &e), 0);
		assert_string_equal(t.token, good[i].token);
		assert_int_equal(t.expires_in, good[i].expires_in);
		if (good[i].refresh)
			assert_string_equal(t.refresh_token, good[i].refresh);
		else
			assert_null(t.refresh_token);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct token_reply t = { 0 };

		assert_int_equal(
			token_reply_parse(bad[i].text, strlen(bad[i].text), &t, &e), -bad[i].kind);
		assert_string_equal(e.msg, bad[i].message);
	}
}

static void error_bodies(void **state)
{
	static const struct {
		const char *text, *code, *message;
	} cases[] = {
		{ "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest "
		  "unknown\",\"detail\":{}}]}",
			"MANIFEST_UNKNOWN", "MANIFEST_UNKNOWN: manifest unknown" },
		{ "{\"errors\":[{\"code\":\"A\",\"message\":\"a\"},{\"code\":\"B\",\"message\":"
		  "\"b\"}]}",
			"A", "A: a; B: b" },
		{ "{\"errors\":[{\"code\":\"DENIED\"}]}", "DENIED", "DENIED" },
		{ "{\"errors\":[\"text\"]}", "", "text" },
		{ "{\"errors\":[]}", "", "" },
		{ "{\"details\":\"incorrect username or password\"}", "",
			"incorrect username or password" },
		{ "{\"message\":\"nope\"}", "", "nope" },
		{ "{\"error\":\"invalid_grant\",\"error_description\":\"bad\"}", "invalid_grant",
			"invalid_grant: bad" },
		{ "{\"error\":\"x\"}", "x", "x" },
		{ "{\"message\":\"two\\nlines\\u001b[2J\"}", "", "two lines [2J" },
		{ "\"just text\"", "", "just text" },
		{ "  plain\ttext\r\n", "", "plain text" },
		{ "<html><head><TITLE >413 Too\n Large</title></head><body>x", "",
			"413 Too Large" },
		{ "<html>no title", "", "" },
		{ "{}", "", "" },
		{ "", "", "" },
		{ "{broken", "", "{broken" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registry_error e;

		registry_error_parse(cases[i].text, strlen(cases[i].text), &e);
		assert_string_equal(e.code, cases[i].code);
		assert_string_equal(e.message, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credentials_are_found),
		cmocka_unit_test(tokens_and_damaged_entries),
		cmocka_unit_test(helpers_are_named),
		cmocka_unit_test(files_of_other_shapes),
		cmocka_unit_test(helper_answers),
		cmocka_unit_test(base64),
		cmocka_unit_test(challenges_are_parsed),
		cmocka_unit_test(several_headers_add_up_to_a_limit),
		cmocka_unit_test(token_replies),
		cmocka_unit_test(error_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
