/* The members of what is saved: blobs, and the documents that lead to them (registry.md 5). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"
#include "codec/layout.h"
#include "codec/reference.h"
#include "image/save_priv.h"
#include "store/blob.h"

#define REF_NAME	"org.opencontainers.image.ref.name"
#define CONTAINERD_NAME "io.containerd.image.name"

static struct save_file *add_file(struct save *sv, const char *name)
{
	GROW(sv->files, sv->n_files, sv->cap_files);
	sv->files[sv->n_files] = (struct save_file){ .name = xstrdup(name) };
	return &sv->files[sv->n_files++];
}

/* text is the file's from now on. */
static void add_text(struct save *sv, const char *name, char *text)
{
	struct save_file *f = add_file(sv, name);

	f->size = strlen(text);
	f->text = text;
}

/* What a blob is called: its digest's digits, in a layout below blobs/. */
static const char *blob_name(
	const struct save *sv, const struct digest *d, char buf[LAYOUT_BLOB_PATH_SIZE])
{
	if (sv->options->format == SAVE_DOCKER_DIR)
		return digest_hex(d);
	layout_blob_path(d, buf);
	return buf;
}

static int add_blob(struct save *sv, const struct descriptor *d, struct err *err)
{
	char name[LAYOUT_BLOB_PATH_SIZE];
	struct save_file *f;
	uint64_t size = 0;
	int r = blob_has(sv->store, &d->digest, &size, err);

	if (r < 0)
		return r;
	if (r == 0 && d->urls && *d->urls)
		return 0; /* it stays where its URL says */
	if (r == 0)
		return err_hint(err,
			err_set(err, ERR_NOT_FOUND, "blob %s is not in the store", d->digest.text),
			"pull or load the image again");
	f = add_file(sv, blob_name(sv, &d->digest, name));
	f->digest = d->digest;
	f->size = size;
	return 0;
}

static int add_blobs(struct save *sv, const struct save_image *image, struct err *err)
{
	const struct manifest *m = &image->manifest;
	int r = add_blob(sv, &m->config, err);

	for (size_t i = 0; r >= 0 && i < m->n_layers; i++)
		r = add_blob(sv, &m->layers[i], err);
	return r;
}

/* The manifest as a blob of the layout. */
static void add_manifest(struct save *sv, const struct save_image *image)
{
	char name[LAYOUT_BLOB_PATH_SIZE];
	struct digest d;

	digest_of(image->text, image->len, &d);
	layout_blob_path(&d, name);
	add_text(sv, name, xstrdup(image->text));
}

static struct json *index_entry(const struct save_image *image)
{
	struct json *v = json_object_new();
	struct digest d;

	digest_of(image->text, image->len, &d);
	json_set_string(v, "mediaType", image->manifest.media_type);
	json_set_string(v, "digest", d.text);
	json_set_int(v, "size", (int64_t)image->len);
	return v;
}

/* docker's annotation holds the tag, podman's the whole name. */
static struct json *name_annotations(const struct save *sv, const char *name)
{
	struct json *v = json_object_new();
	AUTO(reference) struct reference ref = { 0 };
	bool known = reference_parse(name, &ref, NULL) >= 0;
	bool docker = sv->options->format == SAVE_DOCKER_ARCHIVE;

	json_set_string(v, CONTAINERD_NAME, name);
	json_set_string(v, REF_NAME, docker && known ? ref.tag : name);
	return v;
}

/* One descriptor for each name, as an annotation can hold only one. */
static char *index_text(const struct save *sv)
{
	AUTO(json) struct json *doc = json_object_new();
	struct json *manifests = json_array_new();

	json_set_int(doc, "schemaVersion", 2);
	json_set_string(doc, "mediaType", MEDIA_OCI_INDEX);
	json_set(doc, "manifests", manifests);
	for (size_t i = 0; i < sv->n_images; i++) {
		const struct save_image *image = &sv->images[i];

		if (!image->names)
			json_append(manifests, index_entry(image));
		STRV_FOREACH (name, image->names) {
			struct json *v = json_append(manifests, index_entry(image));

			json_set(v, "annotations", name_annotations(sv, name));
		}
	}
	return json_print(doc, false);
}

static struct json *docker_entry(const struct save_image *image)
{
	struct json *v = json_object_new(), *layers = json_array_new(), *tags = NULL;
	char path[LAYOUT_BLOB_PATH_SIZE];

	layout_blob_path(&image->manifest.config.digest, path);
	json_set_string(v, "Config", path);
	/* Whole names: podman takes docker's short ones for its own localhost/. */
	STRV_FOREACH (name, image->names) {
		if (!tags)
			tags = json_array_new();
		json_append_string(tags, name);
	}
	json_set(v, "RepoTags", tags ? tags : json_null_new());
	json_set(v, "Layers", layers);
	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		layout_blob_path(&image->manifest.layers[i].digest, path);
		json_append_string(layers, path);
	}
	return v;
}

static char *docker_text(const struct save *sv)
{
	AUTO(json) struct json *doc = json_array_new();

	for (size_t i = 0; i < sv->n_images; i++)
		json_append(doc, docker_entry(&sv->images[i]));
	return json_print(doc, false);
}

/* {"debian": {"12": "<top layer>"}}; NULL when nothing has a name. */
static char *repositories_text(const struct save *sv)
{
	AUTO(json) struct json *doc = json_object_new();

	for (size_t i = 0; i < sv->n_images; i++) {
		const struct manifest *m = &sv->images[i].manifest;
		const struct digest *top =
			m->n_layers ? &m->layers[m->n_layers - 1].digest : &m->config.digest;

		STRV_FOREACH (name, sv->images[i].names) {
			AUTO(reference) struct reference ref = { 0 };
			autofree char *shown = NULL;
			struct json *repository;

			if (reference_parse(name, &ref, NULL) < 0)
				continue;
			shown = reference_familiar_name(&ref);
			repository = json_get(doc, shown);
			if (!repository)
				repository = json_set(doc, shown, json_object_new());
			json_set_string(repository, ref.tag, digest_hex(top));
		}
	}
	return json_len(doc) ? json_print(doc, false) : NULL;
}

static void add_layout(struct save *sv)
{
	char *repositories;

	for (size_t i = 0; i < sv->n_images; i++)
		add_manifest(sv, &sv->images[i]);
	add_text(sv, LAYOUT_FILE_OCI, xstrdup("{\"imageLayoutVersion\":\"1.0.0\"}"));
	add_text(sv, LAYOUT_FILE_INDEX, index_text(sv));
	if (sv->options->format != SAVE_DOCKER_ARCHIVE)
		return;
	add_text(sv, LAYOUT_FILE_DOCKER, docker_text(sv));
	repositories = repositories_text(sv);
	if (repositories)
		add_text(sv, LAYOUT_FILE_REPOSITORIES, repositories);
}

static int file_compare(const void *a, const void *b)
{
	return strcmp(((const struct save_file *)a)->name, ((const struct save_file *)b)->name);
}

/* Sorted, and what several images share once. */
static void settle_files(struct save *sv)
{
	size_t n = 0;

	if (sv->n_files)
		qsort(sv->files, sv->n_files, sizeof(*sv->files), file_compare);
	for (size_t i = 0; i < sv->n_files; i++) {
		if (n && str_eq(sv->files[n - 1].name, sv->files[i].name)) {
			free(sv->files[i].name);
			free(sv->files[i].text);
		} else {
			sv->files[n++] = sv->files[i];
		}
	}
	sv->n_files = n;
}

int save_collect(struct save *sv, struct err *err)
{
	for (size_t i = 0; i < sv->n_images; i++) {
		int r = add_blobs(sv, &sv->images[i], err);

		if (r < 0)
			return r;
	}
	if (sv->options->format == SAVE_DOCKER_DIR) {
		add_text(sv, LAYOUT_FILE_DOCKER, xstrdup(sv->images[0].text));
		add_text(sv, "version", xstrdup("Directory Transport Version: 1.1\n"));
	} else {
		add_layout(sv);
	}
	settle_files(sv);
	return 0;
}
