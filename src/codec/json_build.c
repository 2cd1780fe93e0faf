#include "codec/json.h"

#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"

/* Conveniences over the primitives of json.c: typed members in, typed members out. */

/* 1 when the member is there and not null, 0 when not; *ret is the member. */
static int want(const struct json *v, const char *key, enum json_type type, struct json **ret,
	struct err *err)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "a boolean",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};
	struct json *member = json_get(v, key);

	*ret = NULL;
	if (json_type(member) == JSON_NULL)
		return 0;
	if (json_type(member) != type)
		return err_set(err, ERR_FORMAT, "\"%s\" is not %s", key, names[type]);
	*ret = member;
	return 1;
}

int json_want_string(const struct json *v, const char *key, const char **ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_STRING, &member, err);

	if (r >= 0)
		*ret = json_string(member);
	return r;
}

int json_want_int(const struct json *v, const char *key, int64_t *ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_NUMBER, &member, err);

	if (r > 0 && !json_int(member, ret))
		return err_set(err, ERR_FORMAT, "\"%s\" is not an integer", key);
	return r;
}

int json_want_bool(const struct json *v, const char *key, bool *ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_BOOL, &member, err);

	if (r > 0)
		(void)json_bool(member, ret);
	return r;
}

int json_want_array(const struct json *v, const char *key, struct json **ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_ARRAY, &member, err);

	if (r >= 0)
		*ret = member;
	return r;
}

int json_want_object(const struct json *v, const char *key, struct json **ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_OBJECT, &member, err);

	if (r >= 0)
		*ret = member;
	return r;
}

/* Copy the strings of an array or object. */
static int copy_strings(
	const struct json *v, const char *key, bool map, char ***ret, struct err *err)
{
	AUTO(strv) char **out = strv_dup(NULL);

	if (json_len(v) > JSON_STRV_MAX)
		return err_set(
			err, ERR_FORMAT, "\"%s\" has more than %d entries", key, JSON_STRV_MAX);
	JSON_FOREACH(member, v)
	{
		const char *s = json_string(member);

		if (!s && json_type(member) != JSON_NULL)
			return err_set(err, ERR_FORMAT,
				"\"%s\" holds something that is not a string", key);
		if (!s)
			s = "";
		strv_push_take(&out, map ? xasprintf("%s=%s", json_key(member), s) : xstrdup(s));
	}
	*ret = TAKE_PTR(out);
	return 1;
}

int json_want_strv(const struct json *v, const char *key, char ***ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_ARRAY, &member, err);

	if (r < 0)
		return r;
	*ret = NULL;
	return r > 0 ? copy_strings(member, key, false, ret, err) : 0;
}

int json_want_string_map(const struct json *v, const char *key, char ***ret, struct err *err)
{
	struct json *member;
	int r = want(v, key, JSON_OBJECT, &member, err);

	if (r < 0)
		return r;
	*ret = NULL;
	return r > 0 ? copy_strings(member, key, true, ret, err) : 0;
}

struct json *json_strv_new(char *const *v)
{
	struct json *array = json_array_new();

	STRV_FOREACH (s, v)
		json_append_string(array, s);
	return array;
}

void json_set_string(struct json *object, const char *key, const char *s)
{
	json_set(object, key, json_string_new(s));
}

void json_set_int(struct json *object, const char *key, int64_t n)
{
	json_set(object, key, json_int_new(n));
}

void json_set_bool(struct json *object, const char *key, bool b)
{
	json_set(object, key, json_bool_new(b));
}

void json_set_strv(struct json *object, const char *key, char *const *v)
{
	json_set(object, key, json_strv_new(v));
}

void json_set_string_map(struct json *object, const char *key, char *const *v)
{
	struct json *map = json_object_new();

	STRV_FOREACH (s, v) {
		const char *eq = strchr(s, '=');
		autofree char *name = eq ? xstrndup(s, (size_t)(eq - s)) : xstrdup(s);

		json_set_string(map, name, eq ? eq + 1 : "");
	}
	json_set(object, key, map);
}

void json_append_string(struct json *array, const char *s)
{
	json_append(array, json_string_new(s));
}

/* The strings are the document's own memory. Recursion is bounded by JSON_DEPTH_MAX. */
static void wipe(struct json *v)
{
	char *s = (char *)json_string(v);

	if (s)
		explicit_bzero(s, strlen(s));
	JSON_FOREACH(member, v)
	wipe(member);
}

void json_free_secret(struct json *v)
{
	wipe(v);
	json_free(v);
}
