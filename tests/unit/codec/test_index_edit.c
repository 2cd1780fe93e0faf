/* Indexes that are changed, and the Link header by which lists of registries go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "codec/index_edit.h"
#include "codec/link_header.h"
#include "codec/media.h"

static struct digest digest_number(char c)
{
	struct digest d;

	digest_of(&c, 1, &d);
	return d;
}

static void put(struct json *doc, const char *type, char number, uint64_t size)
{
	struct digest d = digest_number(number);

	index_put(doc, index_entry_new(type, &d, size));
}

static void entries_are_replaced_in_their_place(void **state)
{
	AUTO(json) struct json *doc = index_new();
	struct digest a = digest_number('a'), b = digest_number('b'), c = digest_number('c');
	struct err err = { 0 };
	int64_t size = 0;

	(void)state;
	put(doc, MEDIA_OCI_MANIFEST, 'a', 1);
	put(doc, MEDIA_OCI_MANIFEST, 'b', 2);
	put(doc, MEDIA_OCI_MANIFEST, 'a', 3);
	assert_int_equal(json_len(json_get(doc, "manifests")), 2);
	assert_ptr_equal(index_find(doc, &a), json_first(json_get(doc, "manifests")));
	assert_true(json_int(json_get(index_find(doc, &a), "size"), &size));
	assert_int_equal(size, 3);
	assert_null(index_find(doc, &c));
	assert_int_equal(index_remove(doc, &a, &err), 0);
	assert_non_null(index_find(doc, &b));
	assert_int_equal(index_remove(doc, &a, &err), -ERR_NOT_FOUND);
}

static void the_type_follows_from_the_entries(void **state)
{
	AUTO(json) struct json *doc = index_new();
	autofree char *empty = index_format(doc), *docker = NULL, *mixed = NULL;

	(void)state;
	assert_string_equal(empty,
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}");
	put(doc, MEDIA_DOCKER_MANIFEST, 'a', 1);
	docker = index_format(doc);
	assert_non_null(strstr(docker, "\"mediaType\":\"" MEDIA_DOCKER_LIST "\""));
	put(doc, MEDIA_OCI_MANIFEST, 'b', 1);
	mixed = index_format(doc);
	assert_non_null(strstr(mixed, "\"mediaType\":\"" MEDIA_OCI_INDEX "\""));
}

static void notes_change_what_they_name(void **state)
{
	static const char config_text[] = "{\"architecture\":\"arm64\",\"os\":\"linux\","
					  "\"variant\":\"\",\"os.version\":\"7\",\"config\":{}}";
	AUTO(json) struct json *config = NULL, *entry = NULL;
	struct index_note note = { .variant = "v8", .os_version = "" };
	struct digest d = digest_number('a');
	autofree char *text = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_parse(config_text, strlen(config_text), &config, &err), 0);
	entry = index_entry_new("t", &d, 5);
	index_entry_set_platform(entry, config);
	assert_int_equal(index_entry_note(entry, &note, &err), 0);
	text = json_print(json_get(entry, "platform"), false);
	assert_string_equal(
		text, "{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\"}");
	note.annotations = (char *[]){ (char *)"=x", NULL };
	assert_int_equal(index_entry_note(entry, &note, &err), -ERR_USAGE);
}

static void next_links_are_found(void **state)
{
	static const struct {
		const char *header, *next;
	} cases[] = {
		{ "</v2/x/tags/list?n=1&last=a>; rel=\"next\"", "/v2/x/tags/list?n=1&last=a" },
		{ "<u>;rel=next", "u" },
		{ "<u>; REL=\"prev NEXT\"", "u" },
		{ "<a>; rel=prev, <b>; title=\"x, <c>; rel=next\"; rel=next", "b" },
		{ "<a>; crossorigin; rel=next", "a" },
		{ "<>; rel=next", "" },
		{ "<a>; rel=\"nextish\"", NULL },
		{ "<a>; rel=\"prev\"", NULL },
		{ "<a; rel=next", NULL },
		{ "a; rel=next", NULL },
		{ "<a>; rel=\"next", NULL },
		{ "", NULL },
	};

	(void)state;
	assert_null(link_header_next(NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autofree char *next = link_header_next(cases[i].header);

		if (cases[i].next) {
			assert_non_null(next);
			assert_string_equal(next, cases[i].next);
		} else {
			assert_null(next);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_replaced_in_their_place),
		cmocka_unit_test(the_type_follows_from_the_entries),
		cmocka_unit_test(notes_change_what_they_name),
		cmocka_unit_test(next_links_are_found),
	};

	return cmocka_run_group_tests_name("index_edit", tests, NULL, NULL);
}
