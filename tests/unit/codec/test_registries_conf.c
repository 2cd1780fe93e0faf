/* registries.conf: which table answers for a name, what the name becomes, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "codec/registries_conf.h"

static void add(struct registries_conf *c, const char *text, unsigned flags)
{
	struct err e = { 0 };

	if (registries_conf_add(c, text, strlen(text), flags, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

/* What the primary location makes of a name; NULL when no table fits. */
static char *rewritten(const struct registries_conf *c, const char *name)
{
	size_t matched = 0;
	const struct registries_entry *e = registries_conf_find(c, name, &matched);

	return e ? registries_conf_rewrite(e->location, name, matched) : NULL;
}

static void longest_prefix_at_a_boundary_wins(void **state)
{
	static const char text[] =
		"[[registry]]\nlocation = 'h.io'\n"
		"[[registry]]\nprefix = 'h.io/ns'\nlocation = 'one/x'\n"
		"[[registry]]\nprefix = 'h.io/ns/img'\nlocation = 'two.io/y/'\n"
		"[[registry]]\nprefix = 'h.io/ns/img:7'\nlocation = 'three.io/z:8'\n"
		"[[registry]]\nprefix = '*.wild.io'\n"
		"[[registry]]\nprefix = '*.deep.wild.io'\nlocation = 'w.io/all'\n";
	static const struct {
		const char *name, *result;
	} cases[] = {
		{ "h.io/other:1", "h.io/other:1" },
		{ "h.io:5000/other:1", "h.io:5000/other:1" },
		{ "h.io/ns/a:1", "one/x/a:1" },
		{ "h.io/ns2/a:1", "h.io/ns2/a:1" },
		{ "h.io/ns/img:1", "two.io/y:1" },
		{ "h.io/ns/img@sha256:00", "two.io/y@sha256:00" },
		{ "h.io/ns/img2:1", "one/x/img2:1" },
		{ "h.io/ns/img:7", "three.io/z:8" },
		{ "h.io/ns/img:77", "two.io/y:77" },
		{ "h.ioo/x:1", NULL },
		{ "docker.io/library/x:1", NULL },
		{ "a.wild.io/x:1", "a.wild.io/x:1" },
		{ "a.b.wild.io:5000/x:1", "a.b.wild.io:5000/x:1" },
		{ "wild.io/x:1", NULL },
		{ "x/a.wild.io:1", NULL },
		{ "a.deep.wild.io/x:1", "w.io/all/x:1" },
		{ "a.deep.wild.io:5000/x:1", "w.io/all:5000/x:1" },
	};
	struct registries_conf c = { 0 };

	(void)state;
	add(&c, text, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *result = rewritten(&c, cases[i].name);

		if (!cases[i].result)
			assert_null(result);
		else if (!result || !str_eq(result, cases[i].result))
			fail_msg("%s: %s, wanted %s", cases[i].name, result ? result : "nothing",
				cases[i].result);
		free(result);
	}
	registries_conf_done(&c);
}

static void mirrors_and_flags_are_read(void **state)
{
	static const char text[] =
		"[[registry]]\nlocation = 'h.io'\ninsecure = true\nblocked = true\n"
		"[[registry.mirror]]\nlocation = 'm1.io'\n"
		"[[registry.mirror]]\nlocation = 'm2.io/x'\ninsecure = true\n"
		"pull-from-mirror = 'tag-only'\n"
		"[[registry.mirror]]\nlocation = 'm3.io'\npull-from-mirror = 'digest-only'\n"
		"[[registry]]\nlocation = 'g.io'\nmirror-by-digest-only = true\nunknown = 1\n"
		"[[registry.mirror]]\nlocation = 'm4.io'\n";
	struct registries_conf c = { 0 };
	const struct registries_entry *e;
	size_t matched = 0;

	(void)state;
	add(&c, text, 0);
	e = registries_conf_find(&c, "h.io/x:1", &matched);
	assert_int_equal(matched, 4);
	assert_true(e->insecure && e->blocked);
	assert_int_equal(e->n_mirrors, 3);
	assert_string_equal(e->mirrors[1].location, "m2.io/x");
	assert_true(!e->mirrors[0].insecure && e->mirrors[1].insecure);
	assert_true(registries_mirror_serves(&e->mirrors[0], true));
	assert_true(registries_mirror_serves(&e->mirrors[0], false));
	assert_true(registries_mirror_serves(&e->mirrors[1], false));
	assert_false(registries_mirror_serves(&e->mirrors[1], true));
	assert_true(registries_mirror_serves(&e->mirrors[2], true));
	assert_false(registries_mirror_serves(&e->mirrors[2], false));
	e = registries_conf_find(&c, "g.io/x:1", &matched);
	assert_int_equal(e->mirrors[0].pull, REGISTRIES_PULL_DIGEST);
	registries_conf_done(&c);
}

static void drop_ins_replace(void **state)
{
	struct registries_conf c = { 0 };
	size_t matched;

	(void)state;
	add(&c,
		"unqualified-search-registries = ['a.io', 'b.io']\nshort-name-mode = 'enforcing'\n"
		"[[registry]]\nlocation = 'h.io'\ninsecure = true\n"
		"[aliases]\nx = 'h.io/x'\ny = 'h.io/y'\n",
		0);
	add(&c,
		"unqualified-search-registries = ['c.io']\n"
		"[[registry]]\nlocation = 'h.io'\nblocked = true\n[[registry]]\nlocation = 'i.io'\n"
		"[aliases]\ny = ''\nz = 'h.io/z'\n",
		REGISTRIES_DROP_IN);
	add(&c, "short-name-mode = 'disabled'\n[aliases]\nx = 'chosen.io/x'\n",
		REGISTRIES_ALIASES_ONLY);
	assert_int_equal(strv_len(c.search), 1);
	assert_string_equal(c.search[0], "c.io");
	assert_int_equal(c.mode, SHORT_NAME_ENFORCING);
	assert_int_equal(c.n, 2);
	assert_true(registries_conf_find(&c, "h.io/x:1", &matched)->blocked);
	assert_false(registries_conf_find(&c, "h.io/x:1", &matched)->insecure);
	assert_string_equal(registries_conf_alias(&c, "x"), "chosen.io/x");
	assert_null(registries_conf_alias(&c, "y"));
	assert_string_equal(registries_conf_alias(&c, "z"), "h.io/z");
	assert_null(registries_conf_alias(&c, "w"));
	registries_conf_done(&c);
}

static void version_1_is_understood(void **state)
{
	struct registries_conf c = { 0 };
	size_t matched;

	(void)state;
	add(&c,
		"[registries.search]\nregistries = ['a.io']\n"
		"[registries.insecure]\nregistries = ['b.io', 'c.io']\n"
		"[registries.block]\nregistries = ['c.io']\n",
		0);
	assert_string_equal(c.search[0], "a.io");
	assert_true(registries_conf_find(&c, "b.io/x:1", &matched)->insecure);
	assert_false(registries_conf_find(&c, "b.io/x:1", &matched)->blocked);
	assert_true(registries_conf_find(&c, "c.io/x:1", &matched)->blocked);
	registries_conf_done(&c);
}

static void misplaced_keys_are_noticed(void **state)
{
	struct registries_conf c = { 0 };

	(void)state;
	add(&c,
		"[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'b.io'\n"
		"unqualified-search-registries = ['c.io']\n",
		0);
	assert_string_equal(c.stray, "unqualified-search-registries");
	assert_null(c.search);
	registries_conf_done(&c);
}

static void mistakes_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "a = ", "line 1: value wanted" },
		{ "[[registry]]", "a [[registry]] has neither prefix nor location" },
		{ "[registry]", "\"registry\" is not an array" },
		{ "registry = [1]", "\"registry\" is not an array of tables" },
		{ "[[registry]]\nprefix = 'a.io'",
			"registry \"a.io\": prefix \"a.io\" has no location" },
		{ "[[registry]]\nlocation = 'https://a.io'",
			"location \"https://a.io\": a URL scheme is not allowed" },
		{ "[[registry]]\nprefix = '*.a.io/x'\nlocation = 'b'",
			"registry \"*.a.io/x\": prefix \"*.a.io/x\": a wildcard is \"*.\" and a "
			"host "
			"behind it" },
		{ "[[registry]]\nlocation = 'a.io'\ninsecure = 'yes'",
			"registry \"a.io\": \"insecure\" is not a boolean" },
		{ "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]",
			"registry \"a.io\": a mirror has no location" },
		{ "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'b.io'\n"
		  "pull-from-mirror = 'never'",
			"registry \"a.io\": pull-from-mirror is \"never\", not all, digest-only or "
			"tag-only" },
		{ "[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n"
		  "[[registry.mirror]]\nlocation = 'b.io'\npull-from-mirror = 'all'",
			"registry \"a.io\": pull-from-mirror and mirror-by-digest-only exclude "
			"each "
			"other" },
		{ "short-name-mode = 'perhaps'",
			"short-name-mode is \"perhaps\", not enforcing, permissive or disabled" },
		{ "unqualified-search-registries = ['https://a.io']",
			"unqualified-search-registries: \"https://a.io\" is no registry" },
		{ "[registries.search]\nregistries = ['a.io']\n[[registry]]\nlocation = 'b.io'",
			"[registries.*] tables of version 1 cannot be mixed with version 2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registries_conf c = { 0 };
		struct err e = { 0 };
		int r = registries_conf_add(&c, cases[i].text, strlen(cases[i].text), 0, &e);

		if (r != -ERR_FORMAT || !str_eq(e.msg, cases[i].message))
			fail_msg("%s: %d \"%s\", wanted \"%s\"", cases[i].text, r, e.msg,
				cases[i].message);
		registries_conf_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_at_a_boundary_wins),
		cmocka_unit_test(mirrors_and_flags_are_read),
		cmocka_unit_test(drop_ins_replace),
		cmocka_unit_test(version_1_is_understood),
		cmocka_unit_test(misplaced_keys_are_noticed),
		cmocka_unit_test(mistakes_are_refused),
	};

	return cmocka_run_group_tests_name("registries_conf", tests, NULL, NULL);
}
