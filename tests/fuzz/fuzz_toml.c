/* TOML: what is taken is an object that JSON can hold, and reads the same a second time. */
#include "fuzz.h"

#include "codec/json.h"
#include "codec/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *once, *twice;
	struct json *v = NULL, *again = NULL, *third = NULL;

	if (toml_parse(bytes, size, &v, NULL) < 0) {
		fuzz_want(!v);
		free(bytes);
		return 0;
	}
	fuzz_want(json_is_object(v));
	fuzz_want(toml_parse(bytes, size, &again, NULL) == 0);
	once = json_print(v, false);
	twice = json_print(again, false);
	fuzz_want(strcmp(once, twice) == 0);
	fuzz_want(json_parse(once, strlen(once), &third, NULL) == 0);
	json_free(v);
	json_free(again);
	json_free(third);
	free(once);
	free(twice);
	free(bytes);
	return 0;
}
