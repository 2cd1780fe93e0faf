/* References: what is taken can be written in each form and read back as the same image. */
#include "fuzz.h"

#include "codec/digest.h"
#include "codec/platform.h"
#include "codec/reference.h"

static void read_back(const struct reference *ref, char *text)
{
	struct reference again = { 0 };

	fuzz_want(reference_parse(text, &again, NULL) == 0);
	fuzz_want(reference_equal(ref, &again));
	reference_done(&again);
	free(text);
}

static void try_reference(const char *s)
{
	struct reference ref = { 0 };
	char *name;

	if (reference_parse(s, &ref, NULL) < 0) {
		fuzz_want(!ref.domain && !ref.path && !ref.tag);
		return;
	}
	fuzz_want(ref.tag || ref.has_digest);
	fuzz_want(strlen(ref.path) <= REFERENCE_PATH_MAX && !strstr(ref.path, ".."));
	fuzz_want(ref.path[0] != '/' && !strchr(ref.domain, '/'));
	read_back(&ref, reference_format(&ref));
	read_back(&ref, reference_familiar(&ref));
	name = reference_familiar_name(&ref);
	fuzz_want(*name);
	free(name);
	reference_done(&ref);
}

static void try_platform(const char *s)
{
	struct platform p, again;
	char text[PLATFORM_TEXT_SIZE];

	if (platform_parse(s, &p, NULL) < 0)
		return;
	platform_format(&p, text);
	fuzz_want(platform_parse(text, &again, NULL) == 0);
	fuzz_want(platform_rank(&p, &again) == 0);
}

static void try_digest(const char *s)
{
	struct digest d = { 0 };

	if (digest_parse(s, &d, NULL) == 0)
		fuzz_want(
			strcmp(d.text, s) == 0 && strlen(s) == DIGEST_TEXT_LEN && !strchr(s, '/'));
	else
		fuzz_want(!digest_is_set(&d));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);

	try_reference(s);
	try_platform(s);
	try_digest(s);
	free(s);
	return 0;
}
