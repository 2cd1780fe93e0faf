/* The header Link of a registry's list: what is found is a part of what was sent. */
#include "fuzz.h"

#include "codec/link_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *next = link_header_next(text);

	if (next) {
		fuzz_want(strstr(text, next));
		fuzz_want(!strchr(next, '>'));
		fuzz_want(strchr(text, '<'));
	}
	fuzz_want(!link_header_next(NULL));
	free(next);
	free(text);
	return 0;
}
