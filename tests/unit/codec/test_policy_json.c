/* policy.json: the scope that decides, and that nothing which restricts is passed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "codec/policy_json.h"

#define ACCEPT "[{\"type\":\"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\":\"reject\"}]"
#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void the_nearest_scope_decides(void **state)
{
	static const char text[] =
		"{\"default\":" REJECT ",\"transports\":{\"docker\":{\"\":" REJECT
		",\"h.io\":" ACCEPT ",\"h.io/bad\":" REJECT ",\"h.io/bad/good:1\":" ACCEPT
		",\"*.w.io\":" ACCEPT ",\"docker.io/library\":" ACCEPT
		",\"gpg.io\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/k\"}]"
		",\"both.io\":[{\"type\":\"insecureAcceptAnything\"},{\"type\":\"sigstoreSigned\"}]"
		"},\"oci\":{\"/srv/ok\":" ACCEPT "},\"docker-archive\":{\"\":" ACCEPT "}}}";
	static const struct {
		const char *name;
		int result;
	} cases[] = {
		{ "h.io/x", 0 },
		{ "h.io/bad/x", -ERR_DENIED },
		{ "h.io/bad/good:1", 0 },
		{ "h.io/bad/good:2", -ERR_DENIED },
		{ "h.io:5000/x", -ERR_DENIED },
		{ "a.b.w.io:5000/x", 0 },
		{ "w.io/x", -ERR_DENIED },
		{ "debian", 0 },
		{ "user/debian", -ERR_DENIED },
		{ "gpg.io/x", -ERR_UNSUPPORTED },
		{ "both.io/x", -ERR_UNSUPPORTED },
	};
	AUTO(policy) struct policy *p = NULL;
	char *good[] = { (char *)"/srv/ok/x", (char *)"/srv/ok", (char *)"/srv", NULL };
	char *bad[] = { (char *)"/srv/okay", (char *)"/srv", NULL };
	struct err e = { 0 };

	(void)state;
	if (policy_parse(text, strlen(text), &p, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(reference) struct reference ref = { 0 };
		char **scopes;
		int r;

		assert_int_equal(reference_parse(cases[i].name, &ref, NULL), 0);
		scopes = policy_scopes_of_reference(&ref);
		r = policy_check(p, "docker", scopes, &e);
		if (r != cases[i].result)
			fail_msg("%s: %d, wanted %d", cases[i].name, r, cases[i].result);
		strv_free(scopes);
	}
	assert_string_equal(e.msg,
		"the policy wants a sigstore signature (sigstoreSigned), which cannot be verified "
		"here");
	assert_int_equal(policy_check(p, "oci", good, &e), 0);
	assert_int_equal(policy_check(p, "oci", bad, &e), -ERR_DENIED);
	assert_int_equal(policy_check(p, "docker-archive", NULL, &e), 0);
	assert_int_equal(policy_check(p, "oci-archive", NULL, &e), -ERR_DENIED);
}

static void scopes_go_from_near_to_far(void **state)
{
	AUTO(reference) struct reference ref = { 0 };
	AUTO(strv) char **scopes = NULL, **paths = policy_scopes_of_path("/a/b/c.tar");
	char *text;

	(void)state;
	assert_int_equal(reference_parse("a.b.io:5000/x/y:z", &ref, NULL), 0);
	scopes = policy_scopes_of_reference(&ref);
	text = strv_join(scopes, " ");
	assert_string_equal(
		text, "a.b.io:5000/x/y:z a.b.io:5000/x/y a.b.io:5000/x a.b.io:5000 *.b.io *.io");
	free(text);
	/* What a digest is refused for counts with a tag beside it as well. */
	reference_done(&ref);
	assert_int_equal(reference_parse("a.io/x:z@sha256:" HEX, &ref, NULL), 0);
	strv_free(scopes);
	scopes = policy_scopes_of_reference(&ref);
	text = strv_join(scopes, " ");
	assert_string_equal(text, "a.io/x:z@sha256:" HEX " a.io/x@sha256:" HEX " a.io/x a.io *.io");
	free(text);
	text = strv_join(paths, " ");
	assert_string_equal(text, "/a/b/c.tar /a/b /a");
	free(text);
}

static void doubtful_files_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "[]", "not an object" },
		{ "{}", "\"default\": a list of at least one requirement is wanted" },
		{ "{\"default\":[]}", "\"default\": a list of at least one requirement is wanted" },
		{ "{\"default\":[{}]}", "\"default\": unknown type of requirement \"\"" },
		{ "{\"default\":[{\"type\":\"perhaps\"}]}",
			"\"default\": unknown type of requirement \"perhaps\"" },
		{ "{\"default\":[{\"type\":\"insecureAcceptAnything\",\"keyPath\":\"/k\"}]}",
			"\"default\": a requirement of type \"insecureAcceptAnything\" has no "
			"other "
			"keys" },
		{ "{\"default\":" ACCEPT ",\"other\":1}", "unknown key \"other\"" },
		{ "{\"default\":" ACCEPT ",\"transports\":[]}", "\"transports\" is not an object" },
		{ "{\"default\":" ACCEPT ",\"transports\":{\"docker\":[]}}",
			"transport \"docker\": not an object" },
		{ "{\"default\":" ACCEPT ",\"transports\":{\"docker\":{\"h\":[]}}}",
			"transport \"docker\": scope \"h\": a list of at least one requirement is "
			"wanted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy *p = NULL;
		struct err e = { 0 };
		int r = policy_parse(cases[i].text, strlen(cases[i].text), &p, &e);

		if (r != -ERR_FORMAT || !str_eq(e.msg, cases[i].message))
			fail_msg("%s: %d \"%s\"", cases[i].text, r, e.msg);
		assert_null(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_scope_decides),
		cmocka_unit_test(scopes_go_from_near_to_far),
		cmocka_unit_test(doubtful_files_are_refused),
	};

	return cmocka_run_group_tests_name("policy_json", tests, NULL, NULL);
}
