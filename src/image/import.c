/* A root file system's tar as the only layer of a new image. */
#include "image/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/strv.h"
#include "codec/decompress.h"
#include "codec/image_config.h"
#include "codec/manifest.h"
#include "codec/tar_reader.h"
#include "image/change.h"
#include "image/image.h"
#include "image/source_priv.h"
#include "image/spool_priv.h"
#include "store/blob.h"
#include "sys/file.h"

#define CHUNK (256 * 1024)

struct import_job {
	struct store *store;
	struct spool spool;
	struct digest diff_id; /* of the tar inside */
	struct digest blob;
	uint64_t size;
	enum media_compression compression;
	struct image_record record;
};

static void import_job_done(struct import_job *job)
{
	spool_done(&job->spool);
	store_lease_end(job->store);
}
DEFINE_AUTO(import_job, struct import_job, import_job_done)

/* The tar stream inside: hashed, and looked at, so that garbage is refused before it is stored. */
struct inside {
	struct decompress *d;
	struct tar_reader *tar;
	struct hash *hash;
	uint8_t *out;
};

static int look_at_tar(struct inside *in, const uint8_t *p, size_t len, struct err *err)
{
	struct tar_event ev;
	int r;

	hash_update(in->hash, p, len);
	do {
		r = tar_reader_next(in->tar, &p, &len, &ev, err);
		if (r < 0)
			return r;
	} while (ev.kind != TAR_NEED);
	return 0;
}

static int look_inside(struct inside *in, const uint8_t *p, size_t len, struct err *err)
{
	struct stream s = { .in = p, .in_len = len };
	int r;

	do {
		s.out = in->out;
		s.out_len = CHUNK;
		r = decompress_run(in->d, &s, err);
		if (r >= 0)
			r = look_at_tar(in, in->out, (size_t)(s.out - in->out), err);
		if (r < 0)
			return r;
	} while (s.in_len || !s.out_len);
	return 0;
}

static int finish_inside(struct inside *in, struct digest *ret_diff_id, struct err *err)
{
	struct stream s = { .out = in->out, .out_len = CHUNK };
	char hex[HASH_HEX_LEN + 1];
	int r = decompress_finish(in->d, &s, err);

	if (r >= 0)
		r = look_at_tar(in, in->out, (size_t)(s.out - in->out), err);
	if (r >= 0)
		r = tar_reader_finish(in->tar, err);
	if (r < 0)
		return r;
	hash_final_hex(in->hash, hex);
	return digest_from_hex(hex, ret_diff_id);
}

static int spool_tar(struct import_job *job, struct source *src, struct inside *in, struct err *err)
{
	AUTO(spool_writer) struct spool_writer w;
	autofree uint8_t *chunk = xmalloc(CHUNK);
	ssize_t n = 0;
	int r;

	spool_writer_init(&w, &job->spool);
	r = spool_writer_begin(&w, "layer.tar", err);
	while (r >= 0 && (n = source_read(src, chunk, CHUNK, err)) > 0) {
		r = look_inside(in, chunk, (size_t)n, err);
		if (r >= 0)
			r = spool_writer_data(&w, chunk, (size_t)n, err);
	}
	if (r >= 0 && n < 0)
		r = (int)n;
	if (r >= 0)
		r = source_finish(src, err);
	if (r >= 0)
		r = finish_inside(in, &job->diff_id, err);
	if (r >= 0)
		r = spool_writer_end(&w, err);
	return r;
}

static int take_layer(struct import_job *job, int fd, struct err *err)
{
	AUTO(decompress) struct decompress *d = decompress_new();
	AUTO(tar_reader) struct tar_reader *tar = tar_reader_new();
	AUTO(hash) struct hash *h = hash_new();
	autofree uint8_t *out = xmalloc(CHUNK);
	struct inside in = { .d = d, .tar = tar, .hash = h, .out = out };
	AUTO(source) struct source src = SOURCE_INIT;
	struct spool_file *file;
	int r = source_open(&job->spool, fd, &src, err);

	if (r >= 0)
		r = spool_tar(job, &src, &in, err);

	if (r < 0)
		return r;
	file = &job->spool.files[0];
	job->blob = file->digest;
	job->size = file->size;
	job->compression = file->compression;
	return spool_adopt(&job->spool, file, err);
}

static const char *media_type(enum media_compression c)
{
	if (c == MEDIA_GZIP)
		return MEDIA_OCI_LAYER_GZIP;
	return c == MEDIA_ZSTD ? MEDIA_OCI_LAYER_ZSTD : MEDIA_OCI_LAYER;
}

static int put_config(
	struct import_job *job, const struct import_options *o, size_t *ret_len, struct err *err)
{
	AUTO(image_config) struct image_config c = { 0 };
	autofree char *text = NULL;
	char now[CLOCK_RFC3339_SIZE];
	int r = 0;

	if (o->platform)
		c.platform = *o->platform;
	else
		platform_host(&c.platform);
	if (!o->platform)
		c.platform.variant[0] = '\0'; /* files say nothing about the processor's level */
	clock_format_rfc3339(clock_wall_ns(), now);
	c.created = xstrdup(now);
	STRV_FOREACH (line, o->changes)
		if (r >= 0)
			r = change_apply(&c, line, err);
	if (r < 0)
		return r;
	c.diff_ids = xmemdup(&job->diff_id, sizeof(job->diff_id));
	c.n_diff_ids = 1;
	c.history = NEW(struct image_history);
	c.n_history = 1;
	c.history[0].created = xstrdup(now);
	c.history[0].comment = o->message ? xstrdup(o->message)
					  : xasprintf("Imported from %s", o->path ? o->path : "-");
	text = image_config_format(&c);
	*ret_len = strlen(text);
	return blob_put(job->store, text, *ret_len, &job->record.image_id, err);
}

static int put_manifest(struct import_job *job, size_t config_len, struct err *err)
{
	AUTO(manifest) struct manifest m = { .kind = MANIFEST_IMAGE, .n_layers = 1 };
	autofree char *text = NULL;

	m.media_type = xstrdup(MEDIA_OCI_MANIFEST);
	m.config.media_type = xstrdup(MEDIA_OCI_CONFIG);
	m.config.digest = job->record.image_id;
	m.config.size = config_len;
	m.layers = NEW(struct descriptor);
	m.layers[0].media_type = xstrdup(media_type(job->compression));
	m.layers[0].digest = job->blob;
	m.layers[0].size = job->size;
	text = manifest_format(&m);
	return blob_put(job->store, text, strlen(text), &job->record.manifest, err);
}

static int unpack(struct import_job *job, const struct idmap *map, struct err *err)
{
	AUTO(image) struct image img = IMAGE_INIT;
	int r = image_from_record(job->store, &job->record, &img, err);

	return r < 0 ? r : image_ensure_layers(job->store, &img, map, err);
}

/* A change that cannot be applied is better known before a gigabyte is read. */
static int check_changes(const struct import_options *o, struct err *err)
{
	AUTO(image_config) struct image_config c = { 0 };
	int r = 0;

	STRV_FOREACH (line, o->changes)
		if (r >= 0)
			r = change_apply(&c, line, err);
	return r;
}

int image_import(
	struct store *s, const struct import_options *o, struct digest *ret_id, struct err *err)
{
	AUTO(import_job) struct import_job job = { .store = s, .spool = SPOOL_INIT };
	autofd int fd = -EBADF;
	size_t config_len = 0;
	int r = check_changes(o, err);

	if (r < 0)
		return r;
	if (o->path && strstr(o->path, "://"))
		return err_hint(err,
			err_set(err, ERR_UNSUPPORTED, "importing from a URL is not supported"),
			"fetch it on the way: curl -fL '%s' | proa import -", o->path);
	if (o->path) {
		fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return err_sys(err, errno, "open %s", o->path);
	}
	r = store_lease_begin(s, err);
	if (r >= 0)
		r = spool_open(s, &job.spool, err);
	if (r >= 0)
		r = take_layer(&job, o->path ? fd : o->fd, err);
	if (r < 0)
		return err_ctx(err, r, "%s", o->path ? o->path : "standard input");
	r = put_config(&job, o, &config_len, err);
	if (r >= 0)
		r = put_manifest(&job, config_len, err);
	if (r >= 0 && o->map)
		r = unpack(&job, o->map, err);
	if (r >= 0)
		r = image_ref_set(s, o->reference, &job.record, err);
	if (r < 0)
		return r;
	*ret_id = job.record.image_id;
	return 0;
}
