#include "codec/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"

/* Length of "type:name". A scope without two colons is a resource without actions. */
static size_t resource_len(const char *scope)
{
	const char *first = strchr(scope, ':'), *last = strrchr(scope, ':');

	return first && last != first ? (size_t)(last - scope) : strlen(scope);
}

static bool same_resource(const char *a, const char *b)
{
	size_t n = resource_len(a);

	return n == resource_len(b) && strncmp(a, b, n) == 0;
}

/* "pull,push", or "". */
static const char *actions_of(const char *scope)
{
	const char *s = scope + resource_len(scope);

	return *s ? s + 1 : s;
}

static bool has_action(const char *actions, const char *one, size_t len)
{
	for (const char *p = actions; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if ((n == len && strncmp(p, one, n) == 0) || (n == 1 && *p == '*'))
			return true;
		p += n;
	}
	return false;
}

bool scope_covers(const char *scope, const char *asked)
{
	if (!same_resource(scope, asked))
		return false;
	for (const char *p = actions_of(asked); *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (!has_action(actions_of(scope), p, n))
			return false;
		p += n;
	}
	return true;
}

/* Both scopes' actions of one resource. */
static char *unite(const char *a, const char *b)
{
	char *united;

	if (scope_covers(b, a))
		return xstrdup(b);
	united = xstrdup(a);
	for (const char *p = actions_of(b); *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (!has_action(actions_of(united), p, n)) {
			char *more = xasprintf(
				"%s%s%.*s", united, *actions_of(united) ? "," : ":", (int)n, p);

			free(united);
			united = more;
		}
		p += n;
	}
	return united;
}

static const char *find_resource(char *const *list, const char *scope)
{
	STRV_FOREACH (one, list)
		if (*one && same_resource(one, scope))
			return one;
	return NULL;
}

char *scope_merge(const char *challenged, const char *own)
{
	AUTO(strv) char **ours = strv_split(own, ' '), **theirs = NULL, **all = NULL;
	bool several = strchr(own, ' ') != NULL;

	if (str_empty(challenged))
		return xstrdup(own);
	theirs = strv_split(challenged, ' ');
	STRV_FOREACH (scope, theirs) {
		const char *same = find_resource(ours, scope);

		if (!*scope || find_resource(all, scope))
			continue;
		strv_push_take(&all, same ? unite(scope, same) : xstrdup(scope));
	}
	STRV_FOREACH (scope, ours)
		if (several && *scope && !find_resource(all, scope))
			strv_push(&all, scope);
	return strv_join(all, " ");
}
