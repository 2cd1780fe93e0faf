/* Docker's seccomp profiles. */
#include "fuzz.h"

#include "codec/seccomp_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct seccomp_json p = { 0 };

	if (seccomp_json_parse(bytes, size, &p, NULL) == 0) {
		fuzz_want(p.default_action);
		for (size_t i = 0; i < p.n_rules; i++)
			for (size_t j = 0; j < p.rules[i].n_args; j++)
				fuzz_want(p.rules[i].args[j].index <= 5 && p.rules[i].args[j].op);
		seccomp_json_done(&p);
	}
	free(bytes);
	return 0;
}
