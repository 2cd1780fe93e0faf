/* JSON: what is taken prints as JSON that is taken again and prints the same. */
#include "fuzz.h"

#include "codec/json.h"

static void walk(const struct json *v, unsigned depth)
{
	int64_t n;
	double d;
	bool b;

	fuzz_want(depth <= JSON_DEPTH_MAX);
	if (json_int(v, &n))
		fuzz_want(n <= JSON_INT_MAX && n >= -JSON_INT_MAX && json_number(v, &d));
	(void)json_bool(v, &b);
	JSON_FOREACH(member, v)
	{
		if (json_is_object(v))
			fuzz_want(json_get(v, json_key(member)) == member);
		walk(member, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *once, *twice, *pretty;
	struct json *v = NULL, *again = NULL, *third = NULL;

	if (json_parse(bytes, size, &v, NULL) < 0) {
		fuzz_want(!v);
		free(bytes);
		return 0;
	}
	walk(v, 0);
	once = json_print(v, false);
	fuzz_want(json_parse(once, strlen(once), &again, NULL) == 0);
	twice = json_print(again, false);
	fuzz_want(strcmp(once, twice) == 0);
	pretty = json_print(v, true);
	fuzz_want(json_parse(pretty, strlen(pretty), &third, NULL) == 0);
	json_free(v);
	json_free(again);
	json_free(third);
	free(once);
	free(twice);
	free(pretty);
	free(bytes);
	return 0;
}
