#include "codec/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json_priv.h"

/*
 * A struct json is a cJSON item under another name: nobody else can look inside. cJSON is given
 * an allocator that cannot fail, so its NULLs need no handling. It only ever parses text that
 * json_scan has passed.
 */

static cJSON *item(const struct json *v)
{
	return (cJSON *)v;
}

static struct json *value(const cJSON *v)
{
	return (struct json *)v;
}

static void use_allocator(void)
{
	static bool done;
	cJSON_Hooks hooks = { .malloc_fn = xmalloc, .free_fn = free };

	if (!done)
		cJSON_InitHooks(&hooks);
	done = true;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_object(const cJSON *object, struct err *err)
{
	size_t n = 0, i = 0;
	const cJSON *member;
	autofree const char **keys = NULL;

	cJSON_ArrayForEach (member, object)
		n++;
	if (n < 2)
		return 0;
	keys = NEW_ARRAY(const char *, n);
	cJSON_ArrayForEach (member, object)
		keys[i++] = member->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n; i++)
		if (str_eq(keys[i - 1], keys[i]))
			return err_set(
				err, ERR_FORMAT, "invalid JSON: duplicate key \"%s\"", keys[i]);
	return 0;
}

/* Recursion is bounded by JSON_DEPTH_MAX. */
static int check_duplicates(const cJSON *v, struct err *err)
{
	const cJSON *child;
	int r;

	if (cJSON_IsObject(v)) {
		r = check_object(v, err);
		if (r < 0)
			return r;
	}
	cJSON_ArrayForEach (child, v) {
		if (!child->child)
			continue;
		r = check_duplicates(child, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r;

	r = json_scan(text, len, err);
	if (r < 0)
		return r;
	use_allocator();
	doc = value(cJSON_ParseWithLength(text, len));
	if (!doc)
		return err_set(err, ERR_FORMAT, "invalid JSON");
	r = check_duplicates(item(doc), err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(doc);
	return 0;
}

void json_free(struct json *v)
{
	cJSON_Delete(item(v));
}

enum json_type json_type(const struct json *v)
{
	if (!v || cJSON_IsNull(item(v)))
		return JSON_NULL;
	if (cJSON_IsBool(item(v)))
		return JSON_BOOL;
	if (cJSON_IsNumber(item(v)))
		return JSON_NUMBER;
	if (cJSON_IsString(item(v)))
		return JSON_STRING;
	return cJSON_IsArray(item(v)) ? JSON_ARRAY : JSON_OBJECT;
}

bool json_is_object(const struct json *v)
{
	return v && cJSON_IsObject(item(v));
}

bool json_is_array(const struct json *v)
{
	return v && cJSON_IsArray(item(v));
}

bool json_is_string(const struct json *v)
{
	return v && cJSON_IsString(item(v));
}

struct json *json_get(const struct json *v, const char *key)
{
	return json_is_object(v) ? value(cJSON_GetObjectItemCaseSensitive(item(v), key)) : NULL;
}

const char *json_string(const struct json *v)
{
	return json_is_string(v) ? item(v)->valuestring : NULL;
}

const char *json_get_string(const struct json *v, const char *key)
{
	return json_string(json_get(v, key));
}

bool json_number(const struct json *v, double *ret)
{
	if (!v || !cJSON_IsNumber(item(v)))
		return false;
	*ret = item(v)->valuedouble;
	return true;
}

bool json_int(const struct json *v, int64_t *ret)
{
	double d;

	/* 2^53 itself is refused: 2^53+1 is read as the same double. */
	if (!json_number(v, &d) || !(fabs(d) <= (double)JSON_INT_MAX) || (double)(int64_t)d != d)
		return false;
	*ret = (int64_t)d;
	return true;
}

bool json_bool(const struct json *v, bool *ret)
{
	if (!v || !cJSON_IsBool(item(v)))
		return false;
	*ret = cJSON_IsTrue(item(v));
	return true;
}

size_t json_len(const struct json *v)
{
	size_t n = 0;

	for (const struct json *i = json_first(v); i; i = json_next(i))
		n++;
	return n;
}

struct json *json_first(const struct json *v)
{
	return v ? value(item(v)->child) : NULL;
}

struct json *json_next(const struct json *v)
{
	return value(item(v)->next);
}

const char *json_key(const struct json *v)
{
	return item(v)->string;
}

struct json *json_object_new(void)
{
	use_allocator();
	return value(cJSON_CreateObject());
}

struct json *json_array_new(void)
{
	use_allocator();
	return value(cJSON_CreateArray());
}

struct json *json_string_new(const char *s)
{
	use_allocator();
	return value(s ? cJSON_CreateString(s) : cJSON_CreateNull());
}

struct json *json_int_new(int64_t n)
{
	assert_that(n <= JSON_INT_MAX && n >= -JSON_INT_MAX);
	use_allocator();
	return value(cJSON_CreateNumber((double)n));
}

struct json *json_bool_new(bool b)
{
	use_allocator();
	return value(cJSON_CreateBool(b));
}

struct json *json_null_new(void)
{
	use_allocator();
	return value(cJSON_CreateNull());
}

struct json *json_dup(const struct json *v)
{
	use_allocator();
	return value(cJSON_Duplicate(item(v), true));
}

struct json *json_set(struct json *object, const char *key, struct json *v)
{
	assert_that(json_is_object(object) && v);
	cJSON_DeleteItemFromObjectCaseSensitive(item(object), key);
	cJSON_AddItemToObject(item(object), key, item(v));
	return v;
}

void json_remove(struct json *object, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(item(object), key);
}

struct json *json_append(struct json *array, struct json *v)
{
	assert_that(json_is_array(array) && v);
	cJSON_AddItemToArray(item(array), item(v));
	return v;
}
