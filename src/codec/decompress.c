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

static int run_chosen(struct decompress *d, struct stream *s, struct err *err)
{
	size_t n = s->in_len < s->out_len ? s->in_len : s->out_len;

	if (d->gz)
		return gz_reader_run(d->gz, s, err);
	if (d->zst)
		return zst_reader_run(d->zst, s, err);
	memcpy(s->out, s->in, n);
	s->in += n;
	s->in_len -= n;
	s->out += n;
	s->out_len -= n;
	return 0;
}

/* Give the codec what was held back for the detection. */
static int run_head(struct decompress *d, struct stream *s, struct err *err)
{
	struct stream head = { .in = d->head + d->used_head,
		.in_len = d->n_head - d->used_head,
		.out = s->out,
		.out_len = s->out_len };
	int r = run_chosen(d, &head, err);

	d->used_head = d->n_head - head.in_len;
	s->out = head.out;
	s->out_len = head.out_len;
	return r;
}

int decompress_run(struct decompress *d, struct stream *s, struct err *err)
{
	int r;

	if (d->kind == DECOMPRESS_UNKNOWN) {
		while (d->n_head < DECOMPRESS_MAGIC_LEN && s->in_len) {
			d->head[d->n_head++] = *s->in++;
			s->in_len--;
		}
		if (d->n_head < DECOMPRESS_MAGIC_LEN)
			return 0;
		r = choose(d, err);
		if (r < 0)
			return r;
	}
	if (d->used_head < d->n_head) {
		r = run_head(d, s, err);
		if (r < 0)
			return r;
	}
	return d->used_head == d->n_head ? run_chosen(d, s, err) : 0;
}

int decompress_finish(struct decompress *d, struct stream *s, struct err *err)
{
	int r;

	if (d->kind == DECOMPRESS_UNKNOWN) {
		r = choose(d, err);
		if (r < 0)
			return r;
		r = run_head(d, s, err);
		if (r < 0)
			return r;
	}
	if (d->gz)
		return gz_reader_finish(d->gz, err);
	return d->zst ? zst_reader_finish(d->zst, err) : 0;
}

enum decompress_kind decompress_kind(const struct decompress *d)
{
	return d->kind;
}
