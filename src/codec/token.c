#include "codec/challenge.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/json.h"

#define LIFETIME_MIN 60U
#define LIFETIME_MAX (30U * 24 * 3600)

static int not_json(const char *bytes, size_t len, struct err *err)
{
	autofree char *start = xstrndup(bytes, len < 50 ? len : 50);

	str_make_printable(start);
	return err_set(err, ERR_FORMAT, "the token server's answer is not JSON: \"%s\"", start);
}

/* What an Authorization header can carry: b64token of RFC 6750, and no line break above all. */
static bool is_header_safe(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p <= ' ' || *p == 0x7f)
			return false;
	return *s != '\0';
}

static const char *find_token(const struct json *doc)
{
	const char *s = json_get_string(doc, "token");

	return str_empty(s) ? json_get_string(doc, "access_token") : s;
}

int token_reply_parse(const char *bytes, size_t len, struct token_reply *ret, struct err *err)
{
	AUTO(json_secret) struct json *doc = NULL;
	const char *token, *refresh;
	int64_t lifetime = 0;

	if (json_parse(bytes, len, &doc, NULL) < 0 || !json_is_object(doc))
		return not_json(bytes, len, err);
	token = find_token(doc);
	if (str_empty(token))
		return err_set(err, ERR_AUTH, "the token server's answer holds no token");
	if (!is_header_safe(token))
		return err_set(err, ERR_AUTH,
			"the token server's token holds characters that no header can");
	refresh = json_get_string(doc, "refresh_token");
	(void)json_int(json_get(doc, "expires_in"), &lifetime);
	if (lifetime < LIFETIME_MIN)
		lifetime = LIFETIME_MIN;
	if (lifetime > LIFETIME_MAX)
		lifetime = LIFETIME_MAX;
	*ret = (struct token_reply){
		.token = xstrdup(token),
		.refresh_token = str_empty(refresh) ? NULL : xstrdup(refresh),
		.expires_in = (uint32_t)lifetime,
	};
	return 0;
}

void token_reply_done(struct token_reply *t)
{
	if (t->token)
		explicit_bzero(t->token, strlen(t->token));
	if (t->refresh_token)
		explicit_bzero(t->refresh_token, strlen(t->refresh_token));
	free(t->token);
	free(t->refresh_token);
	*t = (struct token_reply){ 0 };
}
