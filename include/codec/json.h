/*
 * JSON, read strictly and written plainly. The only way to cJSON: json.c alone includes it.
 *
 *	AUTO(json) struct json *doc = NULL;
 *	r = json_parse(text, len, &doc, err);
 *	r = json_want_string(doc, "mediaType", &type, err);
 *	JSON_FOREACH(item, json_get(doc, "layers")) ...
 *
 * Reading follows RFC 8259 to the letter and then forbids what parsers disagree about: duplicate
 * keys, "\u0000", lone surrogates, bytes that are not UTF-8, anything behind the value, nesting
 * deeper than JSON_DEPTH_MAX. Lookups are case-sensitive. Integers are exact or refused: what lies
 * outside +-(2^53-1) is a number, and never an integer, here.
 *
 * A value belongs to the document it was read from or added to; only the root is freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64
#define JSON_INT_MAX   9007199254740991LL
#define JSON_STRV_MAX  8192 /* strings in one vector: more is made to be slow, not to be run */

struct json;

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/*
 * Read one value; text need not be NUL-terminated. The caller frees *ret.
 * -ERR_FORMAT with the byte offset of what is wrong.
 */
int json_parse(const char *text, size_t len, struct json **ret, struct err *err) must_check;
void json_free(struct json *v);
DEFINE_AUTO_PTR(json, struct json, json_free)

/* The same for a document of secrets: every string value is overwritten first. NULL is fine. */
void json_free_secret(struct json *v);
DEFINE_AUTO_PTR(json_secret, struct json, json_free_secret)

/* Every reader below takes NULL, and then finds nothing; json_type(NULL) is JSON_NULL. */
enum json_type json_type(const struct json *v);
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);

/* The member, which may be a JSON null; NULL when v is no object or has no such member. */
struct json *json_get(const struct json *v, const char *key);

/* The text, inside v; NULL when v is not a string. */
const char *json_string(const struct json *v);
const char *json_get_string(const struct json *v, const char *key);

/* false when v is not an exact integer (not a bool); *ret is then untouched. */
bool json_int(const struct json *v, int64_t *ret);
bool json_bool(const struct json *v, bool *ret);
bool json_number(const struct json *v, double *ret);

/* Members or elements, in their order. A key is inside the item, NULL for an array's. */
size_t json_len(const struct json *v);
struct json *json_first(const struct json *v);
struct json *json_next(const struct json *item);
const char *json_key(const struct json *item);
#define JSON_FOREACH(item, v) for (struct json *item = json_first(v); item; item = json_next(item))

/*
 * Members by type. Absent and null give NULL (or leave *ret as it was) and return 0; another
 * type is -ERR_FORMAT and names the key. Returns 1 when the member was there.
 */
int json_want_string(
	const struct json *v, const char *key, const char **ret, struct err *err) must_check;
int json_want_int(const struct json *v, const char *key, int64_t *ret, struct err *err) must_check;
int json_want_bool(const struct json *v, const char *key, bool *ret, struct err *err) must_check;
int json_want_array(
	const struct json *v, const char *key, struct json **ret, struct err *err) must_check;
int json_want_object(
	const struct json *v, const char *key, struct json **ret, struct err *err) must_check;
/*
 * An array of at most JSON_STRV_MAX strings, copied for the caller (strv_free); a null element is
 * "". An empty array is an empty vector.
 */
int json_want_strv(const struct json *v, const char *key, char ***ret, struct err *err) must_check;
/* An object of strings as the caller's vector of "key=value", likewise. */
int json_want_string_map(
	const struct json *v, const char *key, char ***ret, struct err *err) must_check;

/* Builders. Strings are copied; a struct json given to set or append is the container's. */
struct json *json_object_new(void) must_check;
struct json *json_array_new(void) must_check;
struct json *json_string_new(const char *s) must_check; /* NULL gives a JSON null */
struct json *json_int_new(int64_t n) must_check;	/* within +-JSON_INT_MAX, or a bug */
struct json *json_bool_new(bool b) must_check;
struct json *json_null_new(void) must_check;
struct json *json_strv_new(char *const *v) must_check;	/* NULL gives an empty array */
struct json *json_dup(const struct json *v) must_check; /* deep */

/* Set replaces a member of that name, which is freed. Returns value, for nesting. */
struct json *json_set(struct json *object, const char *key, struct json *value);
void json_set_string(struct json *object, const char *key, const char *s);
void json_set_int(struct json *object, const char *key, int64_t n);
void json_set_bool(struct json *object, const char *key, bool b);
void json_set_strv(struct json *object, const char *key, char *const *v);
/* A vector of "key=value" as an object of strings. */
void json_set_string_map(struct json *object, const char *key, char *const *v);
void json_remove(struct json *object, const char *key);
struct json *json_append(struct json *array, struct json *value);
void json_append_string(struct json *array, const char *s);

/*
 * As text, without a final newline; the caller frees it. Pretty is docker's form: four blanks a
 * level, "key": value, empty containers as [] and {}. Text that is not UTF-8 is written with
 * U+FFFD in place of each bad byte; control characters and U+2028/2029 are escaped.
 */
char *json_print(const struct json *v, bool pretty) must_check;
