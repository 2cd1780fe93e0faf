#include "codec/run_command.h"

#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

/* A JSON array of strings, or else one word. An entrypoint is rarely called "[". */
static int parse_entrypoint(const char *s, char ***ret, struct err *err)
{
	AUTO(json) struct json *list = NULL;

	if (s[0] != '[' || json_parse(s, strlen(s), &list, NULL) < 0) {
		strv_push(ret, s);
		return 0;
	}
	JSON_FOREACH(word, list)
	{
		if (!json_is_string(word))
			return err_set(err, ERR_USAGE,
				"invalid entrypoint %s: not an array of strings", s);
		strv_push(ret, json_string(word));
	}
	return 0;
}

int run_command_merge(char *const *image_entrypoint, char *const *image_cmd, const char *entrypoint,
	char *const *args, char ***ret, struct err *err)
{
	AUTO(strv) char **words = NULL;

	if (!entrypoint) {
		strv_extend(&words, image_entrypoint);
	} else if (*entrypoint) {
		int r = parse_entrypoint(entrypoint, &words, err);

		if (r < 0)
			return r;
	}
	if (strv_len(args) > 0)
		strv_extend(&words, args);
	else if (!entrypoint)
		strv_extend(&words, image_cmd);
	if (strv_len(words) == 0)
		return err_set(err, ERR_USAGE, "no command specified");
	*ret = TAKE_PTR(words);
	return 0;
}
