/*
 * gzip and zstd framing. The first byte is the size of the input's chunks, the second the room for
 * output; what comes out must not depend on either.
 */
#include "fuzz.h"

#include "codec/decompress.h"

#define OUTPUT_MAX (1U << 17) /* a bomb is no finding, only slow */

struct result {
	uint64_t len, hash;
	int r;
	bool cut;
};

static void see(struct result *res, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		res->hash = (res->hash ^ p[i]) * 1099511628211ULL;
	res->len += len;
}

/* One chunk of input until it is used up; false at a failure or the output's limit. */
static bool feed(struct decompress *d, struct stream *s, size_t room, struct result *res)
{
	do {
		uint8_t *out = malloc(room);

		fuzz_want(out);
		s->out = out;
		s->out_len = room;
		res->r = decompress_run(d, s, NULL);
		if (res->r >= 0)
			see(res, out, room - s->out_len);
		free(out);
		if (res->r < 0)
			return false;
		if (res->len > OUTPUT_MAX) {
			res->cut = true;
			return false;
		}
	} while (s->in_len || !s->out_len);
	return true;
}

static struct result unpack(const uint8_t *data, size_t size, size_t chunk, size_t room)
{
	struct decompress *d = decompress_new();
	struct result res = { .hash = 14695981039346656037ULL };
	struct stream s = { 0 };
	bool ok = true;

	for (size_t at = 0; ok && at < size; at += chunk) {
		size_t n = size - at < chunk ? size - at : chunk;
		char *copy = fuzz_bytes(data + at, n);

		s.in = (const uint8_t *)copy;
		s.in_len = n;
		ok = feed(d, &s, room, &res);
		free(copy);
	}
	if (ok) {
		uint8_t tail[4096];

		s.in = NULL;
		s.in_len = 0;
		s.out = tail;
		s.out_len = sizeof(tail);
		res.r = decompress_finish(d, &s, NULL);
		if (res.r >= 0)
			see(&res, tail, sizeof(tail) - s.out_len);
	}
	decompress_free(d);
	return res;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result whole, parts;
	size_t chunk, room;

	if (size < 2)
		return 0;
	chunk = *data++;
	room = *data++;
	size -= 2;
	whole = unpack(data, size, size ? size : 1, 65536);
	parts = unpack(data, size, chunk + 1, room + 16);
	if (whole.cut || parts.cut)
		return 0;
	fuzz_want((whole.r < 0) == (parts.r < 0));
	if (whole.r >= 0)
		fuzz_want(whole.len == parts.len && whole.hash == parts.hash);
	return 0;
}
