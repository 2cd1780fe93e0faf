#include "container/container.h"

#include "base/str.h"

void container_done(struct container *c)
{
	container_dir_done(&c->dir);
	container_config_done(&c->config);
}

int container_open_id(struct store *s, const char *id, struct container *ret, struct err *err)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO(buf) struct buf text = BUF_INIT(CONTAINER_CONFIG_MAX);
	int r;

	r = container_dir_open(s, id, &c.dir, err);
	if (r < 0)
		return r;
	r = container_dir_read(&c.dir, "config.json", &text, err);
	if (r >= 0)
		r = container_config_parse(buf_str(&text), text.len, &c.config, err);
	if (r < 0)
		return err_ctx(err, r, "container %.12s", id);
	*ret = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}

int container_open(struct store *s, const char *name_or_id, struct container *ret, struct err *err)
{
	char id[CONTAINER_ID_LEN + 1];
	int r;

	r = container_dir_find(s, name_or_id, id, err);
	if (r < 0)
		return r;
	return container_open_id(s, id, ret, err);
}

int container_check_map(const struct container_config *c, const struct idmap *map, struct err *err)
{
	char key[IDMAP_KEY_SIZE];

	idmap_key(map, key);
	if (!c->map_key || str_eq(c->map_key, key))
		return 0;
	return err_hint(err,
		err_set(err, ERR_WRONG_STATE,
			"its files belong to the id map \"%s\", and this user has \"%s\" now",
			c->map_key, key),
		"give back the subordinate ids (/etc/subuid, /etc/subgid), or create it anew");
}
