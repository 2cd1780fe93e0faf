/* registries.conf and policy.json: rules from any bytes, applied to names without a slip. */
#include "fuzz.h"

#include "base/strv.h"
#include "codec/policy_json.h"
#include "codec/registries_conf.h"

static const char *const names[] = { "docker.io/library/x:1", "example.com:5000/foo/bar@sha256:0",
	"a.b.example.org/x:y" };

static void apply(const struct registries_conf *c)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t matched = 0;
		const struct registries_entry *e = registries_conf_find(c, names[i], &matched);

		if (!e)
			continue;
		fuzz_want(matched > 0 && matched <= strlen(names[i]));
		free(registries_conf_rewrite(e->location, names[i], matched));
	}
	(void)registries_conf_alias(c, "x");
}

static void check_policy(const char *bytes, size_t size)
{
	struct reference ref = { 0 };
	struct policy *p = NULL;
	char **scopes;

	if (policy_parse(bytes, size, &p, NULL) < 0)
		return;
	fuzz_want(reference_parse("a.example.com:5000/x/y", &ref, NULL) == 0);
	scopes = policy_scopes_of_reference(&ref);
	(void)!policy_check(p, "docker", scopes, NULL);
	strv_free(scopes);
	reference_done(&ref);
	policy_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct registries_conf c = { 0 };

	if (registries_conf_add(&c, bytes, size, 0, NULL) >= 0)
		apply(&c);
	registries_conf_done(&c);
	check_policy(bytes, size);
	free(bytes);
	return 0;
}
