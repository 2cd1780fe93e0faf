#include "codec/policy_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

struct policy {
	struct json *doc;
};

void policy_free(struct policy *p)
{
	json_free(p->doc);
	free(p);
}

/* --- reading --- */

enum requirement { ACCEPT, REJECT, GPG, GPG_BASE, SIGSTORE, N_REQUIREMENTS };

static const char *const requirement_names[] = {
	[ACCEPT] = "insecureAcceptAnything",
	[REJECT] = "reject",
	[GPG] = "signedBy",
	[GPG_BASE] = "signedBaseLayer",
	[SIGSTORE] = "sigstoreSigned",
};

static int parse_requirement(const struct json *v, enum requirement *ret, struct err *err)
{
	const char *type = json_get_string(v, "type");

	for (int i = 0; type && i < N_REQUIREMENTS; i++) {
		if (!str_eq(type, requirement_names[i]))
			continue;
		*ret = (enum requirement)i;
		/* Nothing that could restrict may stand beside what accepts. */
		if (i <= REJECT && json_len(v) != 1)
			return err_set(err, ERR_FORMAT,
				"a requirement of type \"%s\" has no other keys", type);
		return 0;
	}
	return err_set(err, ERR_FORMAT, "unknown type of requirement \"%s\"", type ? type : "");
}

static int check_requirements(const struct json *list, struct err *err)
{
	if (!json_is_array(list) || json_len(list) == 0)
		return err_set(err, ERR_FORMAT, "a list of at least one requirement is wanted");
	JSON_FOREACH(v, list)
	{
		enum requirement ignored;
		int r = parse_requirement(v, &ignored, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_transport(const struct json *scopes, struct err *err)
{
	if (!json_is_object(scopes))
		return err_set(err, ERR_FORMAT, "not an object");
	JSON_FOREACH(list, scopes)
	{
		int r = check_requirements(list, err);

		if (r < 0)
			return err_ctx(err, r, "scope \"%s\"", json_key(list));
	}
	return 0;
}

static int check_transports(const struct json *transports, struct err *err)
{
	if (transports && !json_is_object(transports))
		return err_set(err, ERR_FORMAT, "\"transports\" is not an object");
	JSON_FOREACH(scopes, transports)
	{
		int r = check_transport(scopes, err);

		if (r < 0)
			return err_ctx(err, r, "transport \"%s\"", json_key(scopes));
	}
	return 0;
}

static int check_document(const struct json *doc, struct err *err)
{
	int r;

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "not an object");
	JSON_FOREACH(member, doc)
	if (!str_eq(json_key(member), "default") && !str_eq(json_key(member), "transports"))
		return err_set(err, ERR_FORMAT, "unknown key \"%s\"", json_key(member));
	r = check_requirements(json_get(doc, "default"), err);
	if (r < 0)
		return err_ctx(err, r, "\"default\"");
	return check_transports(json_get(doc, "transports"), err);
}

int policy_parse(const char *text, size_t len, struct policy **ret, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	int r;

	if (len > POLICY_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "more than %u bytes", POLICY_BYTES_MAX);
	r = json_parse(text, len, &doc, err);
	if (r >= 0)
		r = check_document(doc, err);
	if (r < 0)
		return r;
	*ret = NEW(struct policy);
	(*ret)->doc = TAKE_PTR(doc);
	return 0;
}

/* --- deciding --- */

static const struct json *find_requirements(
	const struct policy *p, const char *transport, char *const *scopes)
{
	const struct json *own = json_get(json_get(p->doc, "transports"), transport), *list;

	STRV_FOREACH (scope, scopes) {
		list = json_get(own, scope);
		if (list)
			return list;
	}
	list = json_get(own, "");
	return list ? list : json_get(p->doc, "default");
}

static int judge(enum requirement requirement, struct err *err)
{
	switch (requirement) {
	case ACCEPT:
		return 0;
	case REJECT:
		return err_set(err, ERR_DENIED, "rejected by policy");
	case GPG:
	case GPG_BASE:
		return err_set(err, ERR_UNSUPPORTED,
			"the policy wants a GPG signature (%s), which cannot be verified here",
			requirement_names[requirement]);
	case SIGSTORE:
		return err_set(err, ERR_UNSUPPORTED,
			"the policy wants a sigstore signature (%s), which cannot be verified here",
			requirement_names[requirement]);
	case N_REQUIREMENTS:
		break;
	}
	return err_set(err, ERR_DENIED, "rejected by policy");
}

int policy_check(
	const struct policy *p, const char *transport, char *const *scopes, struct err *err)
{
	JSON_FOREACH(v, find_requirements(p, transport, scopes))
	{
		enum requirement requirement;
		int r = parse_requirement(v, &requirement, err);

		if (r >= 0)
			r = judge(requirement, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- scopes --- */

/* name and every shorter one before a slash, down to and without what has none. */
static void push_parents(char ***list, const char *name)
{
	autofree char *shorter = xstrdup(name);
	char *slash;

	while ((slash = strrchr(shorter, '/')) && slash != shorter) {
		*slash = '\0';
		strv_push(list, shorter);
	}
}

char **policy_scopes_of_reference(const struct reference *ref)
{
	autofree char *full = reference_format(ref), *repository = reference_repository(ref);
	autofree char *host = xstrndup(ref->domain, strcspn(ref->domain, ":"));
	char **list = NULL;

	strv_push(&list, full);
	if (ref->has_digest && ref->tag)
		strv_pushf(&list, "%s@%s", repository, ref->digest.text);
	strv_push(&list, repository);
	push_parents(&list, repository);
	for (const char *dot = strchr(host, '.'); dot; dot = strchr(dot + 1, '.'))
		strv_pushf(&list, "*%s", dot);
	return list;
}

char **policy_scopes_of_path(const char *path)
{
	char **list = NULL;

	strv_push(&list, path);
	push_parents(&list, path);
	return list;
}
