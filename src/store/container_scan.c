/* Looking at all containers: the listing, and what they use. */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "store/container_dir.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define CONFIG_MAX (4U << 20)

int container_dir_list(struct store *s, char ***ret_ids, struct err *err)
{
	AUTO(strv) char **names = NULL;
	size_t kept = 0;
	int r = file_list_dir(s->fd, "containers", &names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; names && names[i]; i++) {
		char *name = names[i];

		names[i] = NULL;
		if (strlen(name) == CONTAINER_ID_LEN && str_is_hex_lower(name, CONTAINER_ID_LEN))
			names[kept++] = name;
		else
			free(name);
	}
	*ret_ids = TAKE_PTR(names);
	return 0;
}

static int read_use(const struct container_dir *dir, struct container_use *use, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(CONFIG_MAX);
	AUTO(json) struct json *doc = NULL;
	const char *text = NULL;
	int r = container_dir_read(dir, "config.json", &b, err);

	if (r >= 0)
		r = json_parse(buf_str(&b), b.len, &doc, err);
	if (r >= 0)
		r = json_want_string(doc, "name", &text, err);
	if (r < 0)
		return r;
	use->name = xstrdup(text);
	text = NULL;
	r = json_want_string(doc, "image_id", &text, err);
	if (r >= 0)
		use->image_id = xstrdup(text);
	if (r >= 0)
		r = json_want_strv(doc, "layers", &use->layers, err);
	return r;
}

static void use_done(struct container_use *use)
{
	free(use->name);
	free(use->image_id);
	strv_free(use->layers);
	*use = (struct container_use){ 0 };
}

static int scan_one(struct store *s, const char *id, struct container_use *use, struct err *err)
{
	AUTO(container_dir) struct container_dir dir = CONTAINER_DIR_INIT;
	int r = container_dir_open(s, id, &dir, err);

	if (r >= 0)
		r = read_use(&dir, use, err);
	if (r >= 0)
		r = container_dir_is_alive(&dir, err);
	if (r < 0) {
		use_done(use);
		return r;
	}
	use->alive = r == 1;
	memcpy(use->id, dir.id, sizeof(use->id));
	return 0;
}

int container_dir_uses(struct store *s, struct container_uses *ret, struct err *err)
{
	AUTO(container_uses) struct container_uses uses = { 0 };
	AUTO(strv) char **ids = NULL;
	size_t cap = 0;
	int r = container_dir_list(s, &ids, err);

	if (r < 0)
		return r;
	STRV_FOREACH (id, ids) {
		GROW(uses.items, uses.n, cap);
		uses.items[uses.n] = (struct container_use){ 0 };
		r = scan_one(s, id, &uses.items[uses.n], err);
		/* Removed while we looked. Anything else: what it uses is not known, so stop. */
		if (r == -ERR_NOT_FOUND || r == -ENOENT)
			continue;
		if (r == -ERR_FORMAT) { /* torn by a power cut: it can only be removed */
			log_warn("container %.12s is damaged: proa rm %.12s removes it", id, id);
			continue;
		}
		if (r < 0)
			return err_ctx(err, r, "container %.12s", id);
		uses.n++;
	}
	*ret = uses;
	uses.items = NULL;
	uses.n = 0;
	return 0;
}

void container_uses_done(struct container_uses *u)
{
	for (size_t i = 0; i < u->n; i++)
		use_done(&u->items[i]);
	free(TAKE_PTR(u->items));
	u->n = 0;
}
