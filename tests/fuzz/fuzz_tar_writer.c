/*
 * The tar writer: whatever the reader takes from an archive, written again, is read as the same
 * entries with the same content.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "codec/tar_reader.h"
#include "codec/tar_writer.h"

struct story {
	uint64_t hash, data;
	struct buf *copy; /* NULL: only read */
	struct tar_writer *writer;
};

static void mix(struct story *s, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * 1099511628211ULL;
}

static int to_buf(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_append(arg, data, len);
	return 0;
}

/* A directory's final slash may come new. */
static void mix_path(struct story *s, const char *path)
{
	size_t len = strlen(path);

	mix(s, path, len - (len && path[len - 1] == '/'));
}

static bool see_entry(struct story *s, const struct tar_entry *e)
{
	const uint64_t numbers[] = { e->type, e->mode, e->uid, e->gid, e->size, (uint64_t)e->mtime,
		e->mtime_nsec, e->major, e->minor, e->n_xattrs };

	mix_path(s, e->path);
	if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK)
		mix(s, e->linkpath, strlen(e->linkpath));
	mix(s, numbers, sizeof(numbers));
	s->data = 0;
	if (!s->copy)
		return true;
	/* Holes are the caller's to fill, and a fuzzer's files are not worth it. */
	return !e->sparse && e->size < 1 << 20 && tar_writer_entry(s->writer, e, NULL) >= 0;
}

static bool see(struct story *s, const struct tar_event *ev)
{
	switch (ev->kind) {
	case TAR_ENTRY:
		return see_entry(s, ev->entry);
	case TAR_DATA:
		mix(s, ev->data, ev->len);
		return !s->copy || tar_writer_data(s->writer, ev->data, ev->len, NULL) >= 0;
	case TAR_ENTRY_END:
	case TAR_NEED:
		break;
	}
	return true;
}

/* false when it is no archive, or one that is not written again. */
static bool read_all(const uint8_t *p, size_t len, struct story *s)
{
	struct tar_reader *t = tar_reader_new();
	struct tar_event ev = { .kind = TAR_NEED };
	bool ok;

	do {
		ok = tar_reader_next(t, &p, &len, &ev, NULL) >= 0 && see(s, &ev);
	} while (ok && ev.kind != TAR_NEED);
	ok = ok && tar_reader_finish(t, NULL) >= 0;
	tar_reader_free(t);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf copy = BUF_INIT(64 << 20);
	struct story first = { .hash = 14695981039346656037ULL, .copy = &copy };
	struct story second = { .hash = 14695981039346656037ULL };

	first.writer = tar_writer_new(to_buf, &copy, TAR_WRITER_NSEC);
	if (read_all(data, size, &first)) {
		fuzz_want(tar_writer_finish(first.writer, NULL) >= 0 && !buf_failed(&copy));
		fuzz_want(read_all((const uint8_t *)copy.data, copy.len, &second));
		fuzz_want(first.hash == second.hash);
	}
	tar_writer_free(first.writer);
	buf_done(&copy);
	return 0;
}
