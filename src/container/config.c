#include "container/config.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "codec/json.h"

/*
 * One row for each member, used for reading, writing and freeing, so that the three cannot differ.
 */
enum field_kind { FIELD_STRING, FIELD_LIST, FIELD_FLAG };

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset; /* of the pointer, for strings and lists */
	unsigned flag; /* the bit, for flags */
};

#define STRING(member)                                                              \
	{                                                                           \
#member, FIELD_STRING, offsetof(struct container_config, member), 0 \
	}
#define LIST(member)                                                              \
	{                                                                         \
#member, FIELD_LIST, offsetof(struct container_config, member), 0 \
	}
#define FLAG(name, bit)                  \
	{                                \
		name, FIELD_FLAG, 0, bit \
	}

static const struct field fields[] = {
	STRING(id),
	STRING(name),
	STRING(image),
	STRING(image_id),
	LIST(layers),
	STRING(map_key),
	STRING(rootfs),
	STRING(cwd),
	LIST(args),
	LIST(entrypoint),
	LIST(cmd),
	LIST(env),
	STRING(workdir),
	STRING(user),
	STRING(hostname),
	STRING(domainname),
	STRING(stop_signal),
	STRING(stop_timeout),
	LIST(exposed),
	LIST(labels),
	STRING(network),
	LIST(volumes),
	LIST(mounts),
	LIST(tmpfs),
	LIST(cap_add),
	LIST(cap_drop),
	LIST(security_opt),
	LIST(ulimits),
	LIST(groups),
	LIST(sysctls),
	LIST(dns),
	LIST(dns_search),
	LIST(dns_options),
	LIST(extra_hosts),
	STRING(ipc),
	STRING(shm_size),
	STRING(oom_score_adj),
	FLAG("tty", CONTAINER_TTY),
	FLAG("interactive", CONTAINER_INTERACTIVE),
	FLAG("auto_remove", CONTAINER_AUTO_REMOVE),
	FLAG("read_only", CONTAINER_READ_ONLY),
	FLAG("init", CONTAINER_WITH_INIT),
	FLAG("uts_host", CONTAINER_HOST_UTS),
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static char **string_at(const struct container_config *c, const struct field *f)
{
	return (char **)((char *)c + f->offset);
}

static char ***list_at(const struct container_config *c, const struct field *f)
{
	return (char ***)((char *)c + f->offset);
}

void container_config_done(struct container_config *c)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (fields[i].kind == FIELD_STRING)
			free(*string_at(c, &fields[i]));
		else if (fields[i].kind == FIELD_LIST)
			strv_free(*list_at(c, &fields[i]));
	}
	*c = (struct container_config){ 0 };
}

char *container_config_format(const struct container_config *c)
{
	AUTO(json) struct json *doc = json_object_new();

	json_set_int(doc, "created", c->created_ns / 1000);
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];

		if (f->kind == FIELD_FLAG && (c->flags & f->flag))
			json_set_bool(doc, f->key, true);
		else if (f->kind == FIELD_STRING && *string_at(c, f))
			json_set_string(doc, f->key, *string_at(c, f));
		else if (f->kind == FIELD_LIST && *list_at(c, f))
			json_set_strv(doc, f->key, *list_at(c, f));
	}
	return json_print(doc, false);
}

static int read_field(
	const struct json *doc, const struct field *f, struct container_config *c, struct err *err)
{
	const char *text = NULL;
	bool on = false;
	int r;

	switch (f->kind) {
	case FIELD_STRING:
		r = json_want_string(doc, f->key, &text, err);
		if (r > 0)
			*string_at(c, f) = xstrdup(text);
		return r;
	case FIELD_LIST:
		return json_want_strv(doc, f->key, list_at(c, f), err);
	case FIELD_FLAG:
		r = json_want_bool(doc, f->key, &on, err);
		if (on)
			c->flags |= f->flag;
		return r;
	}
	return 0;
}

int container_config_parse(
	const char *text, size_t len, struct container_config *ret, struct err *err)
{
	AUTO(container_config) struct container_config c = { 0 };
	AUTO(json) struct json *doc = NULL;
	int64_t created_us = 0;
	int r;

	r = json_parse(text, len, &doc, err);
	if (r >= 0)
		r = json_want_int(doc, "created", &created_us, err);
	for (size_t i = 0; r >= 0 && i < N_FIELDS; i++)
		r = read_field(doc, &fields[i], &c, err);
	if (r < 0)
		return err_ctx(err, r, "config.json");
	if (!c.id || !c.args || !c.args[0])
		return err_set(err, ERR_FORMAT, "config.json: no id or no command in it");
	c.created_ns = created_us * 1000;
	*ret = c;
	c = (struct container_config){ 0 };
	return 0;
}
