/* Credential files and helpers: REPOSITORY 0xff FILE. */
#include "fuzz.h"

#include "codec/auth_file.h"

static void check(int r, struct auth_credential *c)
{
	if (r == 1)
		fuzz_want(c->identity_token || c->registry_token || (c->username && c->password));
	else
		fuzz_want(!c->username && !c->password && !c->identity_token && !c->registry_token);
	auth_credential_done(c);
}

static void try_base64(const char *bytes, size_t size)
{
	char *out = NULL, *text, *again = NULL;
	size_t len = 0, len_again = 0;

	if (base64_decode(bytes, size, &out, &len, NULL) == 0)
		fuzz_want(len <= size);
	free(out);
	text = base64_encode(bytes, size);
	fuzz_want(base64_decode(text, strlen(text), &again, &len_again, NULL) == 0);
	fuzz_want(len_again == size && memcmp(again, bytes, size) == 0);
	free(text);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *repository = fuzz_part(&data, &size), *bytes = fuzz_bytes(data, size);
	struct auth_credential c = { 0 };

	for (unsigned flags = 0; flags <= AUTH_FILE_LEGACY; flags++) {
		struct auth_file *f = NULL;
		const char *key = NULL;

		if (auth_file_parse(bytes, size, flags, &f, NULL) < 0)
			continue;
		check(auth_file_find(f, repository, &c, NULL), &c);
		(void)auth_file_helper(f, repository, &key);
		fuzz_want(key);
		auth_file_free(f);
	}
	check(auth_helper_parse(bytes, size, 0, &c, NULL), &c);
	check(auth_helper_parse(bytes, size, 1, &c, NULL), &c);
	try_base64(bytes, size);
	free(repository);
	free(bytes);
	return 0;
}
