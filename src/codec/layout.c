#include "codec/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/json.h"

#define IMAGES_MAX 4096

int layout_check_version(const char *bytes, size_t len, struct err *err)
{
	AUTO(json) struct json *doc = NULL;
	const char *version = NULL;
	int r;

	r = json_parse(bytes, len, &doc, err);
	if (r >= 0)
		r = json_want_string(doc, "imageLayoutVersion", &version, err);
	if (r < 0)
		return err_ctx(err, r, LAYOUT_FILE_OCI);
	if (!version)
		return err_set(err, ERR_FORMAT, LAYOUT_FILE_OCI ": no imageLayoutVersion");
	if (!str_after(version, "1."))
		return err_set(err, ERR_UNSUPPORTED,
			LAYOUT_FILE_OCI ": version %.50s is not supported", version);
	return 0;
}

const char *layout_ref_name(const struct descriptor *d)
{
	const char *name = descriptor_annotation(d, "io.containerd.image.name");

	if (str_empty(name))
		name = descriptor_annotation(d, "org.opencontainers.image.ref.name");
	return str_empty(name) ? NULL : name;
}

void layout_blob_path(const struct digest *d, char ret[LAYOUT_BLOB_PATH_SIZE])
{
	memcpy(ret, "blobs/sha256/", 13);
	memcpy(ret + 13, digest_hex(d), DIGEST_HEX_LEN + 1);
}

int layout_parse_blob_path(const char *path, struct digest *ret)
{
	const char *hex = str_after(path, "blobs/sha256/");

	return hex ? digest_from_hex(hex, ret) : -ERR_FORMAT;
}

/*
 * A member's name as the archive has it. It only ever selects among the members that were read,
 * never a path of the host; but what is not clean is no honest archive's.
 */
static int take_member_name(const char *s, char **ret, struct err *err)
{
	const char *p = str_after(s, "./") ? s + 2 : s, *rest = p;

	if (!*p || *p == '/' || strlen(p) > 4096)
		return err_set(err, ERR_FORMAT, "invalid member name \"%.200s\"", s);
	while (*rest) {
		size_t n = strcspn(rest, "/");

		if (n == 0 || (n == 1 && rest[0] == '.') || (n == 2 && memcmp(rest, "..", 2) == 0))
			return err_set(err, ERR_FORMAT, "invalid member name \"%.200s\"", s);
		rest += n + (rest[n] == '/');
	}
	*ret = xstrdup(p);
	return 0;
}

static void docker_image_done(struct docker_image *i)
{
	free(i->config);
	strv_free(i->repo_tags);
	strv_free(i->layers);
}

void docker_archive_done(struct docker_archive *a)
{
	for (size_t i = 0; i < a->n_images; i++)
		docker_image_done(&a->images[i]);
	free(a->images);
	*a = (struct docker_archive){ 0 };
}

static int parse_layers(const struct json *v, struct docker_image *image, struct err *err)
{
	AUTO(strv) char **names = NULL;
	int r;

	r = json_want_strv(v, "Layers", &names, err);
	if (r < 0)
		return r;
	image->layers = strv_dup(NULL);
	STRV_FOREACH (name, names) {
		char *clean = NULL;

		r = take_member_name(name, &clean, err);
		if (r < 0)
			return r;
		strv_push_take(&image->layers, clean);
	}
	return 0;
}

static int parse_image(const struct json *v, struct docker_image *image, struct err *err)
{
	const char *config = NULL;
	int r;

	if (!json_is_object(v))
		return err_set(err, ERR_FORMAT, "an entry is not an object");
	r = json_want_string(v, "Config", &config, err);
	if (r == 0)
		r = err_set(err, ERR_FORMAT, "an image has no Config");
	if (r >= 0)
		r = take_member_name(config, &image->config, err);
	if (r >= 0)
		r = json_want_strv(v, "RepoTags", &image->repo_tags, err);
	return r < 0 ? r : parse_layers(v, image, err);
}

static int parse_images(const struct json *doc, struct docker_archive *a, struct err *err)
{
	if (!json_is_array(doc))
		return err_set(err, ERR_FORMAT, "not an array");
	if (json_len(doc) > IMAGES_MAX)
		return err_set(err, ERR_FORMAT, "more than %d images", IMAGES_MAX);
	a->images = NEW_ARRAY(struct docker_image, json_len(doc) + 1);
	JSON_FOREACH(v, doc)
	{
		int r = parse_image(v, &a->images[a->n_images++], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int docker_archive_parse(const char *bytes, size_t len, struct docker_archive *ret, struct err *err)
{
	AUTO(docker_archive) struct docker_archive a = { 0 };
	AUTO(json) struct json *doc = NULL;
	int r;

	r = json_parse(bytes, len, &doc, err);
	if (r >= 0)
		r = parse_images(doc, &a, err);
	if (r < 0)
		return err_ctx(err, r, LAYOUT_FILE_DOCKER);
	*ret = a;
	a = (struct docker_archive){ 0 };
	return 0;
}
