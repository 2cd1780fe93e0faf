/* Loading: spool, recognise, publish, unpack, name. */
#include "image/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/layout.h"
#include "image/image.h"
#include "image/load_priv.h"
#include "image/policy.h"
#include "store/blob.h"

void load_result_done(struct load_result *r)
{
	strv_free(TAKE_PTR(r->names));
	strv_free(TAKE_PTR(r->ids));
}

static void job_done(struct load_job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		image_record_done(&job->items[i].record);
		strv_free(job->items[i].names);
	}
	free(job->items);
	spool_done(&job->spool);
	store_lease_end(job->store);
}
DEFINE_AUTO(job, struct load_job, job_done)

struct load_item *load_add_item(struct load_job *job)
{
	GROW(job->items, job->n, job->cap);
	job->items[job->n] = (struct load_item){ 0 };
	return &job->items[job->n++];
}

int load_adopt(struct load_job *job, const char *name, const struct digest *digest, uint64_t size,
	struct err *err)
{
	struct spool_file *file = NULL;
	int r = spool_find(&job->spool, name, &file, err);

	if (r == 0) {
		/* An archive may leave out what the receiver is known to have. */
		r = blob_has(job->store, digest, NULL, err);
		if (r != 0)
			return r < 0 ? r : 0;
		return err_set(err, ERR_FORMAT, "%s is not in the archive", name);
	}
	if (r < 0)
		return r;
	if (!digest_equal(&file->digest, digest))
		return err_set(err, ERR_DIGEST, "%s: content is %s, not %s", name,
			file->digest.text, digest->text);
	if (size != UINT64_MAX && file->size != size)
		return err_set(err, ERR_DIGEST, "%s: %llu bytes, not %llu", name,
			(unsigned long long)file->size, (unsigned long long)size);
	return spool_adopt(&job->spool, file, err);
}

static int spool_source(struct load_job *job, const struct load_options *o, struct err *err)
{
	autofd int fd = -EBADF;
	struct stat st;
	int r;

	if (!o->path)
		return spool_read_stream(&job->spool, o->fd, err);
	fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(err, errno, "open %s", o->path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat %s", o->path);
	if (S_ISDIR(st.st_mode)) {
		/* Open for as long as the spool: files are fetched when they are asked for. */
		spool_use_dir(&job->spool, TAKE_FD(fd));
		return 0;
	}
	r = spool_read_stream(&job->spool, fd, err);
	return r < 0 ? err_ctx(err, r, "%s", o->path) : 0;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* docker's archive, or the bare directory that skopeo calls dir. */
static int read_docker(struct load_job *job, const char *path, struct err *err)
{
	int bare = load_is_bare(job, err), r;

	if (bare < 0)
		return bare;
	r = policy_check_file(bare ? "dir" : "docker-archive", path, err);
	if (r < 0)
		return r;
	return bare ? load_bare(job, err) : load_docker(job, err);
}

/*
 * docker save writes both kinds of index since version 25. OCI's keeps the manifest's own bytes, so
 * it is taken where it knows the names; else docker's.
 */
static int read_images(struct load_job *job, const char *path, struct err *err)
{
	struct spool_file *file;
	int docker, oci, r;

	docker = spool_find(&job->spool, LAYOUT_FILE_DOCKER, &file, err);
	oci = docker < 0 ? docker : spool_find(&job->spool, LAYOUT_FILE_INDEX, &file, err);
	if (docker < 0 || oci < 0)
		return docker < 0 ? docker : oci;
	if (docker && oci) {
		r = load_oci_is_named(job, err);
		if (r < 0)
			return r;
		oci = r;
	}
	if (oci) {
		r = policy_check_file(is_directory(path) ? "oci" : "oci-archive", path, err);
		return r < 0 ? r : load_oci(job, err);
	}
	if (docker)
		return read_docker(job, path, err);
	r = spool_find(&job->spool, LAYOUT_FILE_REPOSITORIES, &file, err);
	if (r < 0)
		return r;
	if (r > 0)
		return err_set(err, ERR_FORMAT,
			"invalid archive: does not contain a " LAYOUT_FILE_DOCKER
			" (it is of a docker before 1.10)");
	r = err_set(err, ERR_FORMAT,
		"neither a docker archive (no manifest.json) nor an OCI layout (no index.json)");
	return err_hint(
		err, r, "the tar of a root file system becomes an image with 'proa import'");
}

static int name_one(struct load_job *job, const struct load_item *item, struct load_result *ret,
	struct err *err)
{
	if (!item->names) {
		int r = image_ref_set(job->store, NULL, &item->record, err);

		if (r >= 0)
			strv_push(&ret->ids, item->record.image_id.text);
		return r;
	}
	STRV_FOREACH (name, item->names) {
		AUTO(reference) struct reference ref = { 0 };
		int r = reference_parse(name, &ref, err);

		if (r >= 0)
			r = image_ref_set(job->store, &ref, &item->record, err);
		if (r < 0)
			return r;
		strv_push_take(&ret->names, reference_familiar(&ref));
	}
	return 0;
}

static int unpack_one(struct load_job *job, const struct load_item *item, const struct idmap *map,
	struct err *err)
{
	AUTO(image) struct image img = IMAGE_INIT;
	int r = image_from_record(job->store, &item->record, &img, err);

	return r < 0 ? r : image_ensure_layers(job->store, &img, map, err);
}

/* Nothing is named before everything is there. */
static int publish(struct load_job *job, const struct load_options *o, struct load_result *ret,
	struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && o->map && i < job->n; i++)
		r = unpack_one(job, &job->items[i], o->map, err);
	for (size_t i = 0; r >= 0 && i < job->n; i++)
		r = name_one(job, &job->items[i], ret, err);
	return r;
}

int load_check_platform(
	const struct load_job *job, const struct platform *have, const char *name, struct err *err)
{
	char text[PLATFORM_TEXT_SIZE];

	if (!job->platform || platform_rank(job->platform, have) >= 0)
		return 0;
	platform_format(job->platform, text);
	return err_set(err, ERR_NOT_FOUND,
		"image with reference %s was found but does not provide the specified platform "
		"(%s)",
		name ? name : "<none>", text);
}

/* A bare directory is called as podman calls it; the name may be none that an image can have. */
static void apply_dir_name(struct load_job *job, const char *path)
{
	AUTO(reference) struct reference ref = { 0 };
	autofree char *real = realpath(path, NULL), *name = NULL;

	if (!real || job->n != 1 || job->items[0].names)
		return;
	name = xasprintf("localhost/%s", path_base(real));
	if (reference_parse(name, &ref, NULL) >= 0)
		strv_push_take(&job->items[0].names, reference_format(&ref));
}

/* An image without any name in the archive takes the caller's. */
static int apply_hint(struct load_job *job, const struct load_options *o, struct err *err)
{
	AUTO(reference) struct reference ref = { 0 };
	const char *hint = o->name_hint;
	int r;

	if (!hint && job->bare && job->spool.source_fd >= 0)
		apply_dir_name(job, o->path);
	if (!hint || job->n != 1 || job->items[0].names)
		return 0;
	r = reference_parse(hint, &ref, err);
	if (r < 0)
		return r;
	strv_push_take(&job->items[0].names, reference_format(&ref));
	return 0;
}

int image_load(
	struct store *s, const struct load_options *o, struct load_result *ret, struct err *err)
{
	AUTO(job) struct load_job job = { .store = s, .spool = SPOOL_INIT };
	AUTO(load_result) struct load_result result = { 0 };
	int r = store_lease_begin(s, err);

	if (r >= 0)
		r = spool_open(s, &job.spool, err);
	if (r < 0)
		return r;
	job.platform = o->platform;
	job.spool.progress = o->progress;
	job.spool.progress_arg = o->progress_arg;
	r = spool_source(&job, o, err);
	if (r >= 0)
		r = read_images(&job, o->path, err);
	if (r >= 0)
		r = apply_hint(&job, o, err);
	if (r >= 0)
		r = publish(&job, o, &result, err);
	if (r < 0)
		return r;
	*ret = result;
	result = (struct load_result){ 0 };
	return 0;
}
