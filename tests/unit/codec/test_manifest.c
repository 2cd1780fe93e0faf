/* Manifests, indexes, image configs and the documents of archives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/strv.h"
#include "codec/image_config.h"
#include "codec/layout.h"
#include "codec/manifest.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define D512                                                                                     \
	"sha512:"                                                                                \
	"11111111111111111111111111111111111111111111111111111111111111112222222222222222222222" \
	"222222222222222222222222222222222222222222"

#define CONFIG \
	"\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" D1 "\",\"size\":2}"
#define LAYERS                                                                                    \
	"\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"" D2 "\",\"size\":" \
	"3}]"
#define V2	"\"schemaVersion\":2"
#define TYPE(t) "\"mediaType\":\"" t "\""

static void both_kinds_are_read(void **state)
{
	static const struct {
		const char *text, *content_type, *media_type;
		enum manifest_kind kind;
	} cases[] = {
		{ "{" V2 "," CONFIG "," LAYERS "}", NULL, MEDIA_OCI_MANIFEST, MANIFEST_IMAGE },
		{ "{" V2 "," CONFIG "," LAYERS "}", "application/json", MEDIA_OCI_MANIFEST,
			MANIFEST_IMAGE },
		{ "{" V2 "," CONFIG "," LAYERS "}", MEDIA_DOCKER_MANIFEST, MEDIA_DOCKER_MANIFEST,
			MANIFEST_IMAGE },
		{ "{" V2 "," TYPE(MEDIA_DOCKER_MANIFEST) "," CONFIG "," LAYERS "}", NULL,
			MEDIA_DOCKER_MANIFEST, MANIFEST_IMAGE },
		{ "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "," LAYERS "}",
			MEDIA_OCI_MANIFEST "; charset=utf-8", MEDIA_OCI_MANIFEST, MANIFEST_IMAGE },
		{ "{" V2 "," CONFIG ",\"layers\":null}", NULL, MEDIA_OCI_MANIFEST, MANIFEST_IMAGE },
		{ "{" V2 "," CONFIG ",\"manifests\":null}", NULL, MEDIA_OCI_MANIFEST,
			MANIFEST_IMAGE },
		{ "{" V2 ",\"manifests\":[]}", NULL, MEDIA_OCI_INDEX, MANIFEST_INDEX },
		{ "{" V2 "," TYPE(MEDIA_DOCKER_LIST) ",\"manifests\":[]}", MEDIA_DOCKER_LIST,
			MEDIA_DOCKER_LIST, MANIFEST_INDEX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(manifest) struct manifest m = { 0 };
		struct err e = { 0 };

		if (manifest_parse(cases[i].text, strlen(cases[i].text), cases[i].content_type, &m,
			    &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_int_equal(m.kind, cases[i].kind);
		assert_string_equal(m.media_type, cases[i].media_type);
	}
}

/* The corpus of CVE-2021-41190 and its kin: none of these may be read as anything. */
static void ambiguous_documents_are_refused(void **state)
{
	static const struct {
		const char *text, *content_type, *message;
	} cases[] = {
		{ "{" V2 "," CONFIG "," LAYERS ",\"manifests\":[]}", NULL,
			"manifest: document is both a manifest and an index" },
		{ "{" V2 "," LAYERS ",\"manifests\":[]}", MEDIA_OCI_INDEX,
			"manifest: document is both a manifest and an index" },
		{ "{" V2 "," CONFIG ",\"manifests\":[]}", MEDIA_OCI_INDEX,
			"manifest: document is both a manifest and an index" },
		{ "{" V2 "," TYPE(MEDIA_OCI_INDEX) "," CONFIG "," LAYERS "}", NULL,
			"manifest: mediaType \"" MEDIA_OCI_INDEX "\" does not fit the document" },
		{ "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) ",\"manifests\":[]}", NULL,
			"manifest: mediaType \"" MEDIA_OCI_MANIFEST
			"\" does not fit the document" },
		{ "{" V2 "," CONFIG "," LAYERS "}", MEDIA_OCI_INDEX,
			"manifest: content type \"" MEDIA_OCI_INDEX
			"\" does not fit the document" },
		{ "{" V2 ",\"manifests\":[]}", MEDIA_DOCKER_MANIFEST,
			"manifest: content type \"" MEDIA_DOCKER_MANIFEST
			"\" does not fit the document" },
		{ "{" V2 "," TYPE(MEDIA_OCI_MANIFEST) "," CONFIG "," LAYERS "}",
			MEDIA_DOCKER_MANIFEST,
			"manifest: content type and mediaType differ: \"" MEDIA_DOCKER_MANIFEST
			"\", \"" MEDIA_OCI_MANIFEST "\"" },
		{ "{" V2 "," CONFIG "," LAYERS "," LAYERS "}", NULL,
			"manifest: invalid JSON: duplicate key \"layers\"" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"mediaType\":\"application/x\"}", NULL,
			"manifest: mediaType \"application/x\" does not fit the document" },
		{ "{" V2 "," CONFIG "," LAYERS "}", "application/x",
			"manifest: content type \"application/x\" does not fit the document" },
		{ "{" V2 ",\"Layers\":[],\"Config\":{}}", NULL,
			"manifest: document is neither a manifest nor an index" },
		{ "{" V2 "}", NULL, "manifest: document is neither a manifest nor an index" },
		{ "{" V2 "," LAYERS "}", NULL, "manifest: no config" },
		{ "{" CONFIG "," LAYERS "}", NULL, "manifest: schemaVersion is not 2" },
		{ "{\"schemaVersion\":3," CONFIG "}", NULL, "manifest: schemaVersion is not 2" },
		{ "{\"schemaVersion\":\"2\"," CONFIG "}", NULL,
			"manifest: \"schemaVersion\" is not a number" },
		{ "[]", NULL, "manifest: not an object" },
		{ "{" V2 "," CONFIG ",\"layers\":{}}", NULL,
			"manifest: \"layers\" is not an array" },
		{ "{" V2 ",\"config\":[],\"layers\":[]}", NULL,
			"manifest: \"config\" is not an object" },
		{ "{" V2 "," CONFIG ",\"layers\":[1]}", NULL,
			"manifest: a descriptor is not an object" },
		{ "{" V2 "," CONFIG ",\"layers\":[{}]}", NULL,
			"manifest: a descriptor has no digest" },
		{ "{" V2 "," CONFIG ",\"layers\":[{\"digest\":\"" D1 "\"}]}", NULL,
			"manifest: descriptor " D1 " has no valid size" },
		{ "{" V2 "," CONFIG ",\"layers\":[{\"digest\":\"" D1 "\",\"size\":-1}]}", NULL,
			"manifest: descriptor " D1 " has no valid size" },
		{ "{" V2 "," CONFIG ",\"layers\":[{\"digest\":\"" D1
		  "\",\"size\":9007199254740993}]}",
			NULL, "manifest: \"size\" is not an integer" },
		{ "{" V2 "," CONFIG
		  ",\"layers\":[{\"digest\":\"sha256:../../etc/passwd\",\"size\":1}]}",
			NULL, "manifest: invalid digest \"sha256:../../etc/passwd\"" },
		{ "<html>", NULL, "manifest: invalid JSON at byte 0: value wanted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest m = { 0 };
		struct err e = { 0 };

		assert_int_equal(manifest_parse(cases[i].text, strlen(cases[i].text),
					 cases[i].content_type, &m, &e),
			-ERR_FORMAT);
		assert_string_equal(e.msg, cases[i].message);
		assert_null(m.media_type);
	}
}

static void old_and_foreign_formats_are_named(void **state)
{
	static const char schema1[] = "{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}";
	static const char sha512[] =
		"{" V2 "," CONFIG ",\"layers\":[{\"digest\":\"" D512 "\",\"size\":1}]}";
	struct manifest m = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(manifest_parse(schema1, strlen(schema1), NULL, &m, &e), -ERR_UNSUPPORTED);
	assert_string_equal(e.msg,
		"manifest: docker's schema 1 image format is not supported; push the "
		"image again with a current tool");
	assert_int_equal(
		manifest_parse("{" V2 "," CONFIG "}", strlen("{" V2 "," CONFIG "}"),
			"application/vnd.docker.distribution.manifest.v1+prettyjws", &m, &e),
		-ERR_UNSUPPORTED);
	assert_int_equal(manifest_parse(sha512, strlen(sha512), NULL, &m, &e), -ERR_UNSUPPORTED);
	assert_string_equal(
		e.msg, "manifest: digest algorithm sha512 is not supported, only sha256 is");
}

#define CHILD(digest, more) \
	"{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest "\",\"size\":5" more "}"
#define PLATFORM(os, arch, more) \
	",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"" more "}"
#define ANNOTATED(k, v) ",\"annotations\":{\"" k "\":\"" v "\"}"

static void pick(
	const char *children, const char *platform, const char *digest, const char *message)
{
	AUTO(manifest) struct manifest m = { 0 };
	const struct descriptor *d = NULL;
	struct platform want;
	char text[4000];
	struct err e = { 0 };
	int r;

	(void)snprintf(text, sizeof(text), "{" V2 ",\"manifests\":[%s]}", children);
	assert_int_equal(manifest_parse(text, strlen(text), NULL, &m, &e), 0);
	assert_int_equal(platform_parse(platform, &want, NULL), 0);
	r = manifest_pick(&m, &want, &d, &e);
	if (digest) {
		assert_int_equal(r, 0);
		assert_string_equal(d->digest.text, digest);
	} else {
		assert_int_equal(r, -ERR_NOT_FOUND);
		assert_string_equal(e.msg, message);
	}
}

static void children_are_picked(void **state)
{
	(void)state;
	pick(CHILD(D1, PLATFORM("linux", "arm64", "")) "," CHILD(
		     D2, PLATFORM("linux", "amd64", "")),
		"linux/amd64", D2, NULL);
	pick(CHILD(D1, PLATFORM("linux", "amd64", "")) "," CHILD(
		     D2, PLATFORM("linux", "amd64", ",\"variant\":\"v2\"")),
		"linux/amd64/v3", D2, NULL);
	pick(CHILD(D1, PLATFORM("linux", "amd64", ",\"variant\":\"v2\"")) "," CHILD(
		     D2, PLATFORM("linux", "amd64", "")),
		"linux/amd64", D2, NULL);
	/* Attestations never, whatever they say; nor unknown/unknown. */
	pick(CHILD(D1, PLATFORM("linux", "amd64", "") ANNOTATED(
			       "vnd.docker.reference.type", "attestation-manifest")) "," CHILD(D2,
		     PLATFORM("unknown", "unknown", "")) "," CHILD(D3, ""),
		"linux/amd64", D3, NULL);
	/* One without a platform only when nothing else matches. */
	pick(CHILD(D1, "") "," CHILD(D2, PLATFORM("linux", "amd64", "")), "linux/amd64", D2, NULL);
	/* Equal: the first, or the one the index calls zstd. */
	pick(CHILD(D1, PLATFORM("linux", "amd64", "")) "," CHILD(
		     D2, PLATFORM("linux", "amd64", "")),
		"linux/amd64", D1, NULL);
	pick(CHILD(D1, PLATFORM("linux", "amd64", "")) "," CHILD(D2,
		     PLATFORM("linux", "amd64", "")
			     ANNOTATED("io.github.containers.compression.zstd", "true")),
		"linux/amd64", D2, NULL);
	/* zstd does not beat a better variant. */
	pick(CHILD(D1, PLATFORM("linux", "arm", ",\"variant\":\"v7\"")) "," CHILD(D2,
		     PLATFORM("linux", "arm", ",\"variant\":\"v6\"")
			     ANNOTATED("io.github.containers.compression.zstd", "true")),
		"linux/arm", D1, NULL);
	pick(CHILD(D1, PLATFORM("linux", "arm64", "")) "," CHILD(
		     D2, PLATFORM("windows", "amd64", "")),
		"linux/amd64", NULL,
		"no image for platform linux/amd64 in the index, which has: linux/arm64, "
		"windows/amd64");
	pick("", "linux/amd64", NULL,
		"no image for platform linux/amd64 in the index, which has: nothing that can be "
		"run");
	/* A child with a digest of another kind is left out. */
	pick("{\"digest\":\"" D512 "\",\"size\":1}," CHILD(D1, PLATFORM("linux", "amd64", "")),
		"linux/amd64", D1, NULL);
}

static void artifacts_are_not_run(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "{" V2 "," CONFIG "," LAYERS "}", NULL },
		{ "{" V2 "," LAYERS ",\"config\":{\"digest\":\"" D1 "\",\"size\":1}}", NULL },
		{ "{" V2 ",\"layers\":[],\"config\":{\"mediaType\":\"application/"
		  "vnd.cncf.helm.config.v1+json\","
		  "\"digest\":\"" D1 "\",\"size\":1}}",
			"this is a Helm chart (application/vnd.cncf.helm.config.v1+json), not an "
			"image that can "
			"be run" },
		{ "{" V2 ",\"layers\":[],\"config\":{\"mediaType\":\"" MEDIA_OCI_EMPTY
		  "\",\"digest\":\"" D1 "\",\"size\":2}}",
			"this is an artifact of type \"" MEDIA_OCI_EMPTY "\", not an image" },
		{ "{" V2 "," CONFIG "," LAYERS ",\"artifactType\":\"application/vnd.x.y\"}",
			"this is an artifact of type \"application/vnd.x.y\", not an image" },
		{ "{" V2 "," CONFIG ",\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP
		  "+encrypted\",\"digest\":\"" D2 "\",\"size\":3}]}",
			"layer 1 is encrypted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(manifest) struct manifest m = { 0 };
		struct err e = { 0 };
		int r;

		assert_int_equal(
			manifest_parse(cases[i].text, strlen(cases[i].text), NULL, &m, &e), 0);
		r = manifest_check_runnable(&m, &e);
		assert_int_equal(r, cases[i].message ? -ERR_UNSUPPORTED : 0);
		assert_string_equal(e.msg, cases[i].message ? cases[i].message : "");
	}
}

static void a_manifest_is_written_and_read_back(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST
		"\",\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" D1
		"\",\"size\":2},\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP
		"\",\"digest\":\"" D2 "\",\"size\":3,\"annotations\":{\"a\":\"b=c\"}}]}";
	AUTO(manifest) struct manifest m = { 0 };
	AUTO(descriptor) struct descriptor copy = { 0 };
	autofree char *again = NULL;

	(void)state;
	assert_int_equal(manifest_parse(text, strlen(text), NULL, &m, NULL), 0);
	again = manifest_format(&m);
	assert_string_equal(again, text);
	descriptor_copy(&m.layers[0], &copy);
	assert_string_equal(descriptor_annotation(&copy, "a"), "b=c");
	assert_null(descriptor_annotation(&copy, "b"));
}

static const char config_text[] =
	"{\"created\":\"2024-01-02T03:04:05Z\",\"author\":\"A\",\"architecture\":\"x86_64\",\"os\":"
	"\"linux\","
	"\"container_config\":{\"Cmd\":[\"legacy\"]},"
	"\"config\":{\"Env\":[\"PATH=/bin\",\"X\"],\"Entrypoint\":\"/entry\",\"Cmd\":[\"a\",\"b\"],"
	"\"User\":\"web\",\"WorkingDir\":\"/w\",\"Volumes\":{\"/data\":{},\"/d2\":{}},"
	"\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"k\":\"v=w\"},\"StopSignal\":\"SIGINT\","
	"\"Shell\":[\"/bin/bash\",\"-c\"],\"OnBuild\":null,\"Healthcheck\":{\"Test\":[\"NONE\"]}},"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1 "\",\"" D2 "\"]},"
	"\"history\":[{\"created_by\":\"one\"},{\"empty_layer\":true},{\"comment\":\"two\"}]}";

static void a_config_is_read(void **state)
{
	AUTO(image_config) struct image_config c = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(image_config_parse(config_text, strlen(config_text), &c, &e), 0);
	assert_string_equal(c.architecture, "x86_64");
	assert_string_equal(c.platform.architecture, "amd64");
	assert_int_equal(strv_len(c.env), 2);
	assert_int_equal(strv_len(c.entrypoint), 1);
	assert_string_equal(c.entrypoint[0], "/entry");
	assert_string_equal(c.cmd[1], "b");
	assert_string_equal(c.user, "web");
	assert_string_equal(c.workdir, "/w");
	assert_string_equal(c.volumes[1], "/d2");
	assert_string_equal(c.exposed[0], "80/tcp");
	assert_string_equal(c.labels[0], "k=v=w");
	assert_string_equal(c.stop_signal, "SIGINT");
	assert_string_equal(c.shell[0], "/bin/bash");
	assert_null(c.on_build);
	assert_int_equal(c.n_diff_ids, 2);
	assert_string_equal(c.diff_ids[1].text, D2);
	assert_int_equal(c.n_history, 3);
	assert_true(c.history[1].empty_layer);
	assert_int_equal(image_config_check_layers(&c, 2, &e), 0);
	assert_int_equal(image_config_check_layers(&c, 3, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "image config has 2 diff_ids for 3 layers");
	c.history[1].empty_layer = false;
	assert_int_equal(image_config_check_layers(&c, 2, &e), -ERR_FORMAT);
	assert_string_equal(e.msg, "image config's history has 3 layers, the image 2");
}

static void every_member_may_be_absent_or_null(void **state)
{
	static const char *const texts[] = {
		"{\"rootfs\":{}}",
		"{\"rootfs\":{\"diff_ids\":null}}",
		"{\"config\":null,\"rootfs\":{\"diff_ids\":[]},\"history\":null}",
		"{\"config\":{},\"rootfs\":{\"type\":\"layers\"}}",
		"{\"config\":{\"Env\":null,\"Cmd\":null,\"Entrypoint\":null,\"Volumes\":null,"
		"\"Labels\":null,"
		"\"User\":null},\"rootfs\":{}}",
		"{\"config\":{\"Cmd\":[],\"Entrypoint\":[]},\"rootfs\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(image_config) struct image_config c = { 0 };
		struct err e = { 0 };

		if (image_config_parse(texts[i], strlen(texts[i]), &c, &e) < 0)
			fail_msg("%s: %s", texts[i], e.msg);
		assert_int_equal(strv_len(c.cmd), 0);
	}
}

static void bad_configs_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
		int kind;
	} cases[] = {
		{ "{}", "image config: it has no rootfs: this is no image that can be run",
			ERR_UNSUPPORTED },
		{ "[]", "image config: not an object", ERR_FORMAT },
		{ "", "image config: invalid JSON at byte 0: document does not end", ERR_FORMAT },
		{ "{\"config\":{\"Env\":[1]},\"rootfs\":{}}",
			"image config: \"Env\" holds something that is not a string", ERR_FORMAT },
		{ "{\"config\":{\"Env\":\"A=B\"},\"rootfs\":{}}",
			"image config: \"Env\" is not an array", ERR_FORMAT },
		{ "{\"config\":{\"Volumes\":[\"/a\"]},\"rootfs\":{}}",
			"image config: \"Volumes\" is not an object", ERR_FORMAT },
		{ "{\"config\":{\"Labels\":{\"a\":1}},\"rootfs\":{}}",
			"image config: \"Labels\" holds something that is not a string",
			ERR_FORMAT },
		{ "{\"config\":{\"User\":0},\"rootfs\":{}}",
			"image config: \"User\" is not a string", ERR_FORMAT },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}",
			"image config: invalid digest \"sha256:1\"", ERR_FORMAT },
		{ "{\"rootfs\":{\"diff_ids\":[null]}}", "image config: a diff_id is not a string",
			ERR_FORMAT },
		{ "{\"rootfs\":{},\"history\":[1]}",
			"image config: a history entry is not an object", ERR_FORMAT },
		{ "{\"rootfs\":{},\"os\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
			"image config: os or architecture is too long", ERR_FORMAT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image_config c = { 0 };
		struct err e = { 0 };

		assert_int_equal(image_config_parse(cases[i].text, strlen(cases[i].text), &c, &e),
			-cases[i].kind);
		assert_string_equal(e.msg, cases[i].message);
	}
}

static void a_config_is_written_and_read_back(void **state)
{
	AUTO(image_config) struct image_config c = { 0 };
	AUTO(image_config) struct image_config again = { 0 };
	autofree char *first = NULL, *second = NULL;

	(void)state;
	assert_int_equal(image_config_parse(config_text, strlen(config_text), &c, NULL), 0);
	first = image_config_format(&c);
	assert_int_equal(image_config_parse(first, strlen(first), &again, NULL), 0);
	second = image_config_format(&again);
	assert_string_equal(first, second);
	assert_non_null(strstr(first, "\"Volumes\":{\"/data\":{},\"/d2\":{}}"));
	assert_null(strstr(first, "legacy"));
}

static void layouts_are_read(void **state)
{
	char path[LAYOUT_BLOB_PATH_SIZE];
	struct digest d, again;
	struct err e;

	(void)state;
	assert_int_equal(layout_check_version("{\"imageLayoutVersion\":\"1.0.0\"}", 30, &e), 0);
	assert_int_equal(layout_check_version("{\"imageLayoutVersion\":\"2.0.0\"}", 30, &e),
		-ERR_UNSUPPORTED);
	assert_string_equal(e.msg, "oci-layout: version 2.0.0 is not supported");
	assert_int_equal(layout_check_version("{}", 2, &e), -ERR_FORMAT);
	assert_int_equal(digest_parse(D1, &d, NULL), 0);
	layout_blob_path(&d, path);
	assert_string_equal(path,
		"blobs/sha256/1111111111111111111111111111111111111111111111111111111111111111");
	assert_int_equal(layout_parse_blob_path(path, &again), 0);
	assert_true(digest_equal(&d, &again));
	assert_int_equal(layout_parse_blob_path("blobs/sha256/../x", &d), -ERR_FORMAT);
	assert_int_equal(layout_parse_blob_path("x", &d), -ERR_FORMAT);
}

static void names_in_layouts(void **state)
{
	static const char text[] = "{" V2 ",\"manifests\":[" CHILD(
		D1, ANNOTATED("org.opencontainers.image.ref.name", "v1")) "," CHILD(D2,
		",\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\","
		"\"io.containerd.image.name\":\"docker.io/library/x:v1\"}") "," CHILD(D3, "") "]}";
	AUTO(manifest) struct manifest m = { 0 };

	(void)state;
	assert_int_equal(manifest_parse(text, strlen(text), NULL, &m, NULL), 0);
	assert_string_equal(layout_ref_name(&m.children[0]), "v1");
	assert_string_equal(layout_ref_name(&m.children[1]), "docker.io/library/x:v1");
	assert_null(layout_ref_name(&m.children[2]));
}

static void docker_archives_are_read(void **state)
{
	static const char text[] =
		"[{\"Config\":\"abc.json\",\"RepoTags\":[\"x:1\",\"x:2\"],\"Layers\":[\"a/"
		"layer.tar\","
		"\"./b/layer.tar\"]},{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":null}]";
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "{}", "manifest.json: not an array" },
		{ "[1]", "manifest.json: an entry is not an object" },
		{ "[{}]", "manifest.json: an image has no Config" },
		{ "[{\"Config\":\"/etc/passwd\"}]",
			"manifest.json: invalid member name \"/etc/passwd\"" },
		{ "[{\"Config\":\"a/../../b\"}]",
			"manifest.json: invalid member name \"a/../../b\"" },
		{ "[{\"Config\":\"\"}]", "manifest.json: invalid member name \"\"" },
		{ "[{\"Config\":\"./\"}]", "manifest.json: invalid member name \"./\"" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"x//y\"]}]",
			"manifest.json: invalid member name \"x//y\"" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"..\"]}]",
			"manifest.json: invalid member name \"..\"" },
		{ "[{\"Config\":\"c\",\"RepoTags\":\"x\"}]",
			"manifest.json: \"RepoTags\" is not an array" },
	};
	AUTO(docker_archive) struct docker_archive a = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(docker_archive_parse(text, strlen(text), &a, &e), 0);
	assert_int_equal(a.n_images, 2);
	assert_string_equal(a.images[0].config, "abc.json");
	assert_string_equal(a.images[0].repo_tags[1], "x:2");
	assert_string_equal(a.images[0].layers[1], "b/layer.tar");
	assert_int_equal(strv_len(a.images[1].layers), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct docker_archive none = { 0 };

		assert_int_equal(docker_archive_parse(bad[i].text, strlen(bad[i].text), &none, &e),
			-ERR_FORMAT);
		assert_string_equal(e.msg, bad[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_are_read),
		cmocka_unit_test(ambiguous_documents_are_refused),
		cmocka_unit_test(old_and_foreign_formats_are_named),
		cmocka_unit_test(children_are_picked),
		cmocka_unit_test(artifacts_are_not_run),
		cmocka_unit_test(a_manifest_is_written_and_read_back),
		cmocka_unit_test(a_config_is_read),
		cmocka_unit_test(every_member_may_be_absent_or_null),
		cmocka_unit_test(bad_configs_are_refused),
		cmocka_unit_test(a_config_is_written_and_read_back),
		cmocka_unit_test(layouts_are_read),
		cmocka_unit_test(names_in_layouts),
		cmocka_unit_test(docker_archives_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
