#include "store/packed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "codec/json.h"
#include "store/store_priv.h"
#include "sys/file.h"

#define ENTRY_MAX 1024

static void entry_path(const struct packed_key *key, char ret[STORE_PATH_SIZE])
{
	(void)snprintf(ret, STORE_PATH_SIZE, STORE_PACKED "/%s.%s-%d", digest_hex(key->source),
		key->format, key->level);
}

static bool parse(const struct buf *b, struct digest *ret, uint64_t *ret_size)
{
	AUTO(json) struct json *doc = NULL;
	const char *text;
	int64_t size;

	if (json_parse(buf_str(b), b->len, &doc, NULL) < 0)
		return false;
	text = json_get_string(doc, "digest");
	if (!text || digest_parse(text, ret, NULL) < 0 || !json_int(json_get(doc, "size"), &size) ||
		size < 0)
		return false;
	*ret_size = (uint64_t)size;
	return true;
}

int packed_get(struct store *s, const struct packed_key *key, struct digest *ret,
	uint64_t *ret_size, struct err *err)
{
	AUTO(buf) struct buf b = BUF_INIT(ENTRY_MAX);
	struct digest digest = { 0 };
	char path[STORE_PATH_SIZE];
	int r;

	entry_path(key, path);
	r = file_load(s->fd, path, &b, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r == -ERR_LIMIT ? 0 : r;
	if (!parse(&b, &digest, ret_size))
		return 0;
	*ret = digest;
	return 1;
}

int packed_put(struct store *s, const struct packed_key *key, const struct digest *packed,
	uint64_t size, struct err *err)
{
	AUTO(json) struct json *doc = json_object_new();
	AUTO(lock) struct lock shared = LOCK_INIT;
	struct file_content content = { .mode = 0600 };
	char path[STORE_PATH_SIZE];
	autofree char *text = NULL;
	int r;

	json_set_string(doc, "digest", packed->text);
	json_set_int(doc, "size", (int64_t)size);
	text = json_print(doc, false);
	content.data = text;
	content.len = strlen(text);
	entry_path(key, path);
	/* Keeps collection off the temporary name. */
	r = store_lock(s, LOCK_SHARED, &shared, err);
	if (r >= 0)
		r = file_mkdir_path(s->fd, STORE_PACKED, 0700, err);
	if (r >= 0)
		r = file_write_atomic(s->fd, path, &content, FILE_NO_SYNC, err);
	return r;
}
