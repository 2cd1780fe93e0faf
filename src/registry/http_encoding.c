#include "base/alloc.h"
#include "base/parse.h"
#include "base/str.h"
#include "codec/decompress.h"
#include "registry/http_priv.h"

/*
 * Content-Encoding. Every request says "identity", and proxies that compress all the same are met
 * in the field: the digest is that of the bytes before it (registry.md 2.5). The label is also put
 * on layers by file servers that mean the layer's own gzip: where the length is the object's, it is
 * the object.
 */

#define OUT_SIZE (64 * 1024)

static bool is_any(const char *value, const char *const *names)
{
	for (; *names; names++)
		if (str_eq_nocase(value, *names))
			return true;
	return false;
}

static bool is_the_object(const struct http_transfer *t)
{
	const char *v = http_headers_get(&t->headers, "Content-Length", 0);
	uint64_t length, start = t->status == 206 ? t->position : 0;

	return v && t->q.size && parse_u64(v, UINT64_MAX, &length, NULL) >= 0 &&
	       length == t->q.size - start;
}

int http_encoding_begin(struct http_transfer *t, struct err *err)
{
	static const char *const ours[] = { "gzip", "x-gzip", "zstd", NULL };
	static const char *const others[] = { "deflate", "br", "compress", "x-compress", NULL };
	const char *v = http_headers_get(&t->headers, "Content-Encoding", 0);

	if (t->encoding_seen)
		return 0;
	t->encoding_seen = true;
	/* Other words ("aws-chunked", "utf-8") are labels of something that is no encoding. */
	if (!v || (!is_any(v, ours) && !is_any(v, others)) || is_the_object(t))
		return 0;
	if (is_any(v, others))
		return err_set(err, ERR_UNSUPPORTED,
			"the answer has the Content-Encoding \"%s\", which was not asked for", v);
	t->ask_for_all = true;
	if (t->status == 206)
		return err_set(err, ERR_NETWORK, "the server sent a part of a compressed answer");
	t->decoder = decompress_new();
	return 0;
}

int http_encoding_run(
	struct http_transfer *t, const void *data, size_t len, http_take_fn *take, struct err *err)
{
	autofree uint8_t *out = xmalloc(OUT_SIZE);
	struct stream s = { .in = data, .in_len = len };

	do {
		int r;

		s.out = out;
		s.out_len = OUT_SIZE;
		r = decompress_run(t->decoder, &s, err);
		if (r < 0)
			return err_ctx(err, r, "Content-Encoding");
		if (s.out != out)
			r = take(t, out, (size_t)(s.out - out), err);
		if (r < 0)
			return r;
	} while (s.in_len || !s.out_len);
	return 0;
}

int http_encoding_end(struct http_transfer *t, http_take_fn *take, struct err *err)
{
	uint8_t out[DECOMPRESS_MAGIC_LEN];
	struct stream s = { .out = out, .out_len = sizeof(out) };
	int r;

	if (!t->decoder)
		return 0;
	r = decompress_finish(t->decoder, &s, err);
	if (r >= 0 && s.out != out)
		r = take(t, out, (size_t)(s.out - out), err);
	return r;
}

void http_encoding_reset(struct http_transfer *t)
{
	if (t->decoder)
		decompress_free(TAKE_PTR(t->decoder));
	t->encoding_seen = false;
	if (t->ask_for_all)
		t->position = 0;
}
