#include "image/facts_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "sys/file.h"

#define FACTS_MAX (8U << 20)
#define PATH_SIZE (sizeof("cache/images.") + IDMAP_KEY_SIZE)

static void path_of(const struct idmap *map, char ret[PATH_SIZE])
{
	char key[IDMAP_KEY_SIZE];

	idmap_key(map, key);
	(void)snprintf(ret, PATH_SIZE, "cache/images.%s", key);
}

void facts_done(struct facts *f)
{
	free(TAKE_PTR(f->v));
	f->n = f->cap = f->n_known = 0;
}

static int compare(const void *a, const void *b)
{
	const struct fact *x = a, *y = b;

	return strcmp(x->id.text, y->id.text);
}

/* "HEX CREATED SIZE" */
static bool parse_line(char *line, struct fact *ret)
{
	char *created = strchr(line, ' '), *size = created ? strchr(created + 1, ' ') : NULL;

	if (!size)
		return false;
	*created++ = '\0';
	*size++ = '\0';
	return digest_from_hex(line, &ret->id) >= 0 &&
	       parse_i64(created, INT64_MIN, INT64_MAX, &ret->created_ns, NULL) >= 0 &&
	       parse_u64(size, INT64_MAX, &ret->size, NULL) >= 0;
}

void facts_load(struct store *s, const struct idmap *map, struct facts *ret)
{
	AUTO(buf) struct buf b = BUF_INIT(FACTS_MAX);
	char path[PATH_SIZE], *line, *end;

	path_of(map, path);
	if (file_load(store_dirfd(s), path, &b, NULL) < 0 || !b.len || strlen(b.data) != b.len)
		return;
	/* A last line that was cut off has no end. */
	for (line = b.data; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		GROW(ret->v, ret->n, ret->cap);
		if (parse_line(line, &ret->v[ret->n]))
			ret->n++;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	ret->n_known = ret->n;
}

const struct fact *facts_find(struct facts *f, const struct digest *id)
{
	const struct fact key = { .id = *id };
	struct fact *found = NULL;

	if (f->n_known)
		found = bsearch(&key, f->v, f->n_known, sizeof(*f->v), compare);
	if (found)
		found->used = true;
	return found;
}

void facts_add(struct facts *f, const struct digest *id, int64_t created_ns, uint64_t size)
{
	GROW(f->v, f->n, f->cap);
	f->v[f->n++] =
		(struct fact){ .id = *id, .created_ns = created_ns, .size = size, .used = true };
}

void facts_save(struct store *s, const struct idmap *map, const struct facts *f)
{
	AUTO(lock) struct lock shared = LOCK_INIT;
	AUTO(buf) struct buf b = BUF_INIT(FACTS_MAX);
	struct file_content content = { .mode = 0600 };
	char path[PATH_SIZE];

	if (f->n == f->n_known || store_is_read_only(s))
		return;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].used)
			buf_printf(&b, "%s %lld %llu\n", digest_hex(&f->v[i].id),
				(long long)f->v[i].created_ns, (unsigned long long)f->v[i].size);
	path_of(map, path);
	content.data = buf_str(&b);
	content.len = b.len;
	/* Keeps the sweeper off the temporary name. Nothing is lost when this fails. */
	if (!buf_failed(&b) && store_lock(s, LOCK_SHARED, &shared, NULL) >= 0)
		(void)!file_write_atomic(store_dirfd(s), path, &content, FILE_NO_SYNC, NULL);
}
