#include "codec/compress.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/gz.h"
#include "codec/zst.h"

struct compress {
	struct gz_writer *gz;
	struct zst_writer *zst; /* neither: bytes pass through */
};

static const struct {
	int min, max, standard;
} levels[] = {
	[MEDIA_PLAIN] = { 0, 0, 0 },
	[MEDIA_GZIP] = { GZ_LEVEL_MIN, GZ_LEVEL_MAX, GZ_LEVEL_DEFAULT },
	[MEDIA_ZSTD] = { ZST_LEVEL_MIN, ZST_LEVEL_MAX, ZST_LEVEL_DEFAULT },
};

int compress_check_level(enum media_compression format, int level, int *ret, struct err *err)
{
	assert_that((size_t)format < sizeof(levels) / sizeof(levels[0]));
	if (level == 0)
		level = levels[format].standard;
	if (level < levels[format].min || level > levels[format].max)
		return err_set(err, ERR_USAGE, "%s has levels from %d to %d, not %d",
			media_compression_name(format), levels[format].min, levels[format].max,
			level);
	*ret = level;
	return 0;
}

struct compress *compress_new(const struct compress_options *o)
{
	struct compress *c = NEW(struct compress);
	int level = 0;

	assert_that(compress_check_level(o->format, o->level, &level, NULL) >= 0);
	if (o->format == MEDIA_GZIP)
		c->gz = gz_writer_new(level);
	else if (o->format == MEDIA_ZSTD)
		c->zst = zst_writer_new(level, o->size);
	return c;
}

void compress_free(struct compress *c)
{
	if (!c)
		return;
	gz_writer_free(c->gz);
	zst_writer_free(c->zst);
	free(c);
}

int compress_run(struct compress *c, struct stream *s, struct err *err)
{
	size_t n = s->in_len < s->out_len ? s->in_len : s->out_len;

	if (c->zst)
		return zst_writer_run(c->zst, s, err);
	if (c->gz) {
		gz_writer_run(c->gz, s);
		return 0;
	}
	memcpy(s->out, s->in, n);
	s->in += n;
	s->in_len -= n;
	s->out += n;
	s->out_len -= n;
	return 0;
}

int compress_finish(struct compress *c, struct stream *s, struct err *err)
{
	if (c->zst)
		return zst_writer_finish(c->zst, s, err);
	return c->gz ? gz_writer_finish(c->gz, s) : 1;
}
