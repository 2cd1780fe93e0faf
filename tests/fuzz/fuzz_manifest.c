/* Manifests, indexes and the documents of layouts: never two meanings for one byte string. */
#include "fuzz.h"

#include "codec/layout.h"
#include "codec/manifest.h"

static void try_image(const struct manifest *m)
{
	struct manifest again = { 0 };
	char *text = manifest_format(m);

	fuzz_want(m->n_children == 0 && digest_is_set(&m->config.digest) && m->config.media_type);
	fuzz_want(manifest_parse(text, strlen(text), NULL, &again, NULL) == 0);
	fuzz_want(again.kind == MANIFEST_IMAGE && again.n_layers == m->n_layers);
	for (size_t i = 0; i < m->n_layers; i++)
		fuzz_want(digest_equal(&m->layers[i].digest, &again.layers[i].digest) &&
			  m->layers[i].size == again.layers[i].size);
	fuzz_want(manifest_check_runnable(m, NULL) == manifest_check_runnable(&again, NULL) ||
		  m->artifact_type);
	manifest_done(&again);
	free(text);
}

static void try_index(const struct manifest *m)
{
	const struct descriptor *d = NULL;
	struct platform want;

	fuzz_want(m->n_layers == 0 && !digest_is_set(&m->config.digest));
	fuzz_want(platform_parse("linux/amd64/v2", &want, NULL) == 0);
	if (manifest_pick(m, &want, &d, NULL) == 0)
		fuzz_want(d >= m->children && d < m->children + m->n_children && d->media_type);
	for (size_t i = 0; i < m->n_children; i++)
		(void)layout_ref_name(&m->children[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { NULL, MEDIA_OCI_INDEX, MEDIA_OCI_MANIFEST,
		MEDIA_DOCKER_MANIFEST };
	char *bytes = fuzz_bytes(data, size);
	struct docker_archive archive = { 0 };
	int kind = -1;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct manifest m = { 0 };

		if (manifest_parse(bytes, size, types[i], &m, NULL) < 0)
			continue;
		fuzz_want(kind < 0 || kind == (int)m.kind);
		kind = (int)m.kind;
		if (m.kind == MANIFEST_IMAGE)
			try_image(&m);
		else
			try_index(&m);
		manifest_done(&m);
	}
	fuzz_want(layout_check_version(bytes, size, NULL) <= 0);
	if (docker_archive_parse(bytes, size, &archive, NULL) == 0)
		for (size_t i = 0; i < archive.n_images; i++)
			fuzz_want(archive.images[i].config[0] != '/' && archive.images[i].layers);
	docker_archive_done(&archive);
	free(bytes);
	return 0;
}
