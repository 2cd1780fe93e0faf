#include "cmd/server_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/reference.h"

#define HUB "docker.io"

void server_name_done(struct server_name *s)
{
	free(s->domain);
	free(s->path);
	free(s->name);
	*s = (struct server_name){ 0 };
}

/* Without scheme and the slashes at its end. The caller's. */
static char *bare(const char *text)
{
	const char *s = str_after(text, "https://");
	size_t len;

	if (!s)
		s = str_after(text, "http://");
	if (!s)
		s = text;
	len = strlen(s);
	while (len > 0 && s[len - 1] == '/')
		len--;
	return xstrndup(s, len);
}

/* The paths of the API are not namespaces: docker's users write index.docker.io/v1/. */
static bool is_api_path(const char *path)
{
	return str_eq(path, "v1") || str_eq(path, "v2");
}

static bool is_hub(const char *domain)
{
	return str_eq(domain, HUB) || str_eq(domain, "index.docker.io") ||
	       str_eq(domain, "registry-1.docker.io");
}

/* Would an image's name that begins so be taken from there? */
static int check(const struct server_name *s, const char *text, struct err *err)
{
	autofree char *image = xasprintf("%s/%s", s->domain, s->path ? s->path : "x");
	AUTO(reference) struct reference ref = { 0 };
	int r = reference_parse(image, &ref, err);

	if (r < 0 || !str_eq(ref.domain, s->domain) || ref.has_digest || !ref.tag_implied)
		return err_set(err, ERR_USAGE,
			"\"%s\" is not a registry (HOST[:PORT], with a dot or a port, or "
			"localhost)",
			text);
	return 0;
}

int server_name_parse(const char *text, struct server_name *ret, struct err *err)
{
	AUTO(server_name) struct server_name s = { 0 };
	autofree char *name = bare(text ? text : HUB);
	char *slash = strchr(name, '/');
	int r;

	s.domain = slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup(name);
	if (slash && !is_api_path(slash + 1))
		s.path = xstrdup(slash + 1);
	if (is_hub(s.domain)) {
		free(s.domain);
		s.domain = xstrdup(HUB);
	}
	r = check(&s, text ? text : HUB, err);
	if (r < 0)
		return r;
	s.name = s.path ? xasprintf("%s/%s", s.domain, s.path) : xstrdup(s.domain);
	*ret = s;
	s = (struct server_name){ 0 };
	return 0;
}
