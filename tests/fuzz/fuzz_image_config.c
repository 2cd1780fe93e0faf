/* Image configs: what is taken is written and read back the same. */
#include "fuzz.h"

#include "base/strv.h"
#include "codec/env.h"
#include "codec/image_config.h"
#include "codec/run_command.h"

static void try_process(const struct image_config *c)
{
	const struct env_build in = { .image = c->env, .hostname = "h" };
	char **env = env_build(&in, NULL), **command = NULL;

	STRV_FOREACH (s, env)
		fuzz_want(strchr(s, '=') && s[0] != '=');
	if (run_command_merge(c->entrypoint, c->cmd, NULL, NULL, &command, NULL) == 0)
		fuzz_want(strv_len(command) > 0);
	strv_free(command);
	strv_free(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *once, *twice;
	struct image_config c = { 0 }, again = { 0 };

	if (image_config_parse(bytes, size, &c, NULL) == 0) {
		fuzz_want(image_config_check_layers(&c, c.n_diff_ids + 1, NULL) == -ERR_FORMAT);
		try_process(&c);
		once = image_config_format(&c);
		fuzz_want(image_config_parse(once, strlen(once), &again, NULL) == 0);
		twice = image_config_format(&again);
		fuzz_want(strcmp(once, twice) == 0);
		free(once);
		free(twice);
		image_config_done(&again);
	}
	image_config_done(&c);
	free(bytes);
	return 0;
}
