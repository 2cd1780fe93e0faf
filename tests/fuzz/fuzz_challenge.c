/* What a registry or a token server says: challenges, token replies, error bodies. */
#include "fuzz.h"

#include "codec/challenge.h"
#include "codec/registry_error.h"

static void check_text(const char *s)
{
	for (; s && *s; s++)
		fuzz_want((unsigned char)*s >= ' ' && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *bytes = fuzz_bytes(data, size);
	struct challenges list = { 0 };
	struct token_reply token = { 0 };
	struct registry_error error;
	const struct challenge *c;

	challenges_add(&list, text);
	challenges_add(&list, text);
	for (size_t i = 0; i < list.n; i++) {
		check_text(list.v[i].realm);
		check_text(list.v[i].service);
		check_text(list.v[i].scope);
		check_text(list.v[i].error);
	}
	c = challenges_pick(&list);
	fuzz_want(!c || c->scheme != CHALLENGE_OTHER);
	challenges_done(&list);
	if (token_reply_parse(bytes, size, &token, NULL) == 0) {
		fuzz_want(token.token[0] && token.expires_in >= 60);
		check_text(token.token);
	}
	token_reply_done(&token);
	registry_error_parse(bytes, size, &error);
	check_text(error.message);
	check_text(error.code);
	free(text);
	free(bytes);
	return 0;
}
