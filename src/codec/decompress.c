#include "codec/decompress.h"

#include <string.h>

#include "base/alloc.h"
#include "codec/gz.h"
#include "codec/zst.h"

struct decompress {
	enum decompress_kind kind;
	uint8_t head[DECOMPRESS_MAGIC_LEN]; /* first bytes, until the kind is known */
	size_t n_head, used_head;
	struct gz_reader *gz;
	struct zst_reader *zst;
};

struct decompress *decompress_new(void)
{
	return NEW(struct decompress);
}

void decompress_free(struct decompress *d)
{
	if (!d)
		return;
	gz_reader_free(d->gz);
	zst_reader_free(d->zst);
	free(d);
}

enum decompress_kind decompress_detect(const uint8_t *data, size_t len)
{
	static const struct {
		enum decompress_kind kind;
		uint8_t magic[DECOMPRESS_MAGIC_LEN];
		size_t len;
	} known[] = {
		{ DECOMPRESS_GZIP, { 0x1f, 0x8b, 0x08 }, 3 },
		{ DECOMPRESS_ZSTD, { 0x28, 0xb5, 0x2f, 0xfd }, 4 },
		{ DECOMPRESS_BZIP2, { 'B', 'Z', 'h' }, 3 },
		{ DECOMPRESS_XZ, { 0xfd, '7', 'z', 'X', 'Z', 0x00 }, 6 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= known[i].len && memcmp(data, known[i].magic, known[i].len) == 0)
			return known[i].kind;
	/* Skippable zstd frames have sixteen magic numbers. */
	if (len >= 4 && (data[0] & 0xf0) == 0x50 && data[1] == 0x2a && data[2] == 0x4d &&
		data[3] == 0x18)
		return DECOMPRESS_ZSTD;
	return DECOMPRESS_NONE;
}

const char *decompress_name(enum decompress_kind kind)
{
	switch (kind) {
	case DECOMPRESS_UNKNOWN:
		break;
	case DECOMPRESS_NONE:
		return "none";
	case DECOMPRESS_GZIP:
		return "gzip";
	case DECOMPRESS_ZSTD:
		return "zstd";
	case DECOMPRESS_BZIP2:
		return "bzip2";
	case DECOMPRESS_XZ:
		return "xz";
	}
	return "unknown";
}

static int choose(struct decompress *d, struct err *err)
{
	d->kind = decompress_detect(d->head, d->n_head);
	switch (d->kind) {
	case DECOMPRESS_GZIP:
		d->gz = gz_reader_new();
		break;
	case DECOMPRESS_ZSTD:
		d->zst = zst_reader_new();
		break;
	case DECOMPRESS_BZIP2:
	case DECOMPRESS_XZ:
		return err_set(err, ERR_UNSUPPORTED,
			"data is compressed with %s (gzip and zstd are read)",
			decompress_name(d->kind));
	case DECOMPRESS_UNKNOWN:
	case DECOMPRESS_NONE:
		break;
	}
	return 0;
}

static int run_chosen(struct decompress *d, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, struct err *err)
{
	size_t n = *in_len < out_len ? *in_len : out_len;

	if (d->gz)
		return gz_reader_run(d->gz, in, in_len, out, out_len, ret_produced, err);
	if (d->zst)
		return zst_reader_run(d->zst, in, in_len, out, out_len, ret_produced, err);
	memcpy(out, *in, n);
	*in += n;
	*in_len -= n;
	*ret_produced = n;
	return 0;
}

/* Give the codec what was held back for the detection. */
static int run_head(
	struct decompress *d, uint8_t *out, size_t out_len, size_t *ret_produced, struct err *err)
{
	const uint8_t *p = d->head + d->used_head;
	size_t left = d->n_head - d->used_head;
	int r = run_chosen(d, &p, &left, out, out_len, ret_produced, err);

	d->used_head = d->n_head - left;
	return r;
}

int decompress_run(struct decompress *d, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_len, size_t *ret_produced, struct err *err)
{
	size_t head = 0, rest = 0;
	int r;

	if (d->kind == DECOMPRESS_UNKNOWN) {
		while (d->n_head < DECOMPRESS_MAGIC_LEN && *in_len) {
			d->head[d->n_head++] = *(*in)++;
			(*in_len)--;
		}
		if (d->n_head < DECOMPRESS_MAGIC_LEN) {
			*ret_produced = 0;
			return 0;
		}
		r = choose(d, err);
		if (r < 0)
			return r;
	}
	if (d->used_head < d->n_head) {
		r = run_head(d, out, out_len, &head, err);
		if (r < 0)
			return r;
	}
	if (d->used_head == d->n_head) {
		r = run_chosen(d, in, in_len, out + head, out_len - head, &rest, err);
		if (r < 0)
			return r;
	}
	*ret_produced = head + rest;
	return 0;
}

int decompress_finish(
	struct decompress *d, uint8_t *out, size_t out_len, size_t *ret_produced, struct err *err)
{
	size_t n = 0;
	int r;

	if (d->kind == DECOMPRESS_UNKNOWN) {
		r = choose(d, err);
		if (r < 0)
			return r;
		r = run_head(d, out, out_len, &n, err);
		if (r < 0)
			return r;
	}
	*ret_produced = n;
	if (d->gz)
		return gz_reader_finish(d->gz, err);
	return d->zst ? zst_reader_finish(d->zst, err) : 0;
}

enum decompress_kind decompress_kind(const struct decompress *d)
{
	return d->kind;
}
