/*
 * The tar reader. The first byte is the size of the chunks it gets (0: all at once), and the
 * result must not depend on it: the same archive in one piece tells the same story.
 */
#include "fuzz.h"

#include "codec/tar_path.h"
#include "codec/tar_reader.h"

struct story {
	uint64_t entries, data, hash;
	int r;
};

static void mix(struct story *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * 1099511628211ULL;
}

static void see_entry(struct story *s, const struct tar_entry *e)
{
	s->entries++;
	fuzz_want(e->path && e->linkpath && (e->mode & ~07777U) == 0);
	fuzz_want(e->type == TAR_REG || e->size == 0);
	fuzz_want(e->mtime_nsec < 1000000000);
	mix(s, e->path, strlen(e->path));
	mix(s, e->linkpath, strlen(e->linkpath));
	mix(s, &e->size, sizeof(e->size));
	for (size_t i = 0; i < e->n_xattrs; i++)
		mix(s, e->xattrs[i].name, strlen(e->xattrs[i].name));
}

/* Feed one chunk; false when the reader failed. */
static bool feed(struct tar_reader *t, const uint8_t *p, size_t len, struct story *s)
{
	struct tar_event ev;

	do {
		s->r = tar_reader_next(t, &p, &len, &ev, NULL);
		if (s->r < 0)
			return false;
		if (ev.kind == TAR_ENTRY)
			see_entry(s, ev.entry);
		if (ev.kind == TAR_DATA) {
			fuzz_want(ev.len > 0);
			s->data += ev.len;
			mix(s, ev.data, ev.len);
		}
	} while (ev.kind != TAR_NEED);
	fuzz_want(len == 0);
	return true;
}

static struct story read_in_chunks(const uint8_t *data, size_t size, size_t chunk)
{
	struct tar_reader *t = tar_reader_new();
	struct story s = { .hash = 14695981039346656037ULL };
	bool ok = true;

	for (size_t at = 0; ok && at < size; at += chunk) {
		size_t n = size - at < chunk ? size - at : chunk;
		char *copy = fuzz_bytes(data + at, n);

		ok = feed(t, (const uint8_t *)copy, n, &s);
		free(copy);
	}
	if (ok)
		s.r = tar_reader_finish(t, NULL);
	tar_reader_free(t);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct story whole, parts;
	size_t chunk;

	if (size == 0)
		return 0;
	chunk = *data++;
	size--;
	whole = read_in_chunks(data, size, size ? size : 1);
	parts = read_in_chunks(data, size, chunk ? chunk * 7 : 512);
	fuzz_want(whole.entries == parts.entries && whole.data == parts.data);
	fuzz_want(whole.hash == parts.hash && whole.r == parts.r);
	return 0;
}
