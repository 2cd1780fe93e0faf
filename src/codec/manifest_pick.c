#include "codec/manifest.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* Which child of an index serves a platform, and whether what it names can be run at all. */

#define NO_PLATFORM_RANK 1000000

static bool is_attestation(const struct descriptor *d)
{
	const char *type = descriptor_annotation(d, "vnd.docker.reference.type");

	return type && str_eq(type, "attestation-manifest");
}

static bool is_candidate(const struct descriptor *d)
{
	struct media media;

	media_classify(d->media_type, &media);
	if (media.kind != MEDIA_KIND_MANIFEST && media.kind != MEDIA_KIND_INDEX &&
		media.kind != MEDIA_KIND_GENERIC)
		return false;
	return !is_attestation(d) && !d->artifact_type;
}

static bool is_unknown(const struct platform *p)
{
	return !p->os[0] || !p->architecture[0] || str_eq(p->os, "unknown") ||
	       str_eq(p->architecture, "unknown");
}

/* -1: not for us. Twice the platform's rank, so that zstd decides only between equals. */
static int rank(const struct descriptor *d, const struct platform *want)
{
	const char *zstd = descriptor_annotation(d, "io.github.containers.compression.zstd");
	int r;

	if (!is_candidate(d))
		return -1;
	if (!d->has_platform)
		return NO_PLATFORM_RANK;
	if (is_unknown(&d->platform))
		return -1;
	r = platform_rank(want, &d->platform);
	if (r < 0)
		return -1;
	return 2 * r + (zstd && str_eq(zstd, "true") ? 0 : 1);
}

static void list_platforms(const struct manifest *m, struct buf *out)
{
	char text[PLATFORM_TEXT_SIZE];

	for (size_t i = 0; i < m->n_children; i++) {
		const struct descriptor *d = &m->children[i];

		if (!d->has_platform || is_unknown(&d->platform) || !is_candidate(d))
			continue;
		platform_format(&d->platform, text);
		buf_printf(out, "%s%s", out->len ? ", " : "", text);
	}
}

int manifest_pick(const struct manifest *m, const struct platform *want,
	const struct descriptor **ret, struct err *err)
{
	AUTO(buf) struct buf list = BUF_INIT(600);
	const struct descriptor *best = NULL;
	char text[PLATFORM_TEXT_SIZE];
	int best_rank = 0;

	for (size_t i = 0; i < m->n_children; i++) {
		int r = rank(&m->children[i], want);

		if (r < 0 || (best && r >= best_rank))
			continue;
		best = &m->children[i];
		best_rank = r;
	}
	if (best) {
		*ret = best;
		return 0;
	}
	list_platforms(m, &list);
	platform_format(want, text);
	return err_set(err, ERR_NOT_FOUND, "no image for platform %s in the index, which has: %s",
		text, list.len ? buf_str(&list) : "nothing that can be run");
}

static int not_an_image(const char *type, struct err *err)
{
	static const struct {
		const char *part, *what;
	} kinds[] = {
		{ "helm", "a Helm chart" },
		{ "cosign", "a signature" },
		{ "sigstore", "a signature" },
		{ "notary", "a signature" },
		{ "in-toto", "an attestation" },
		{ "spdx", "a bill of materials" },
		{ "cyclonedx", "a bill of materials" },
		{ "wasm", "a WebAssembly module" },
		{ "ai.model", "an AI model" },
		{ "ollama", "an AI model" },
		{ "cnab", "a CNAB bundle" },
		{ "docker.plugin", "a docker plugin" },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strstr(type, kinds[i].part))
			return err_set(err, ERR_UNSUPPORTED,
				"this is %s (%.200s), not an image that can be run", kinds[i].what,
				type);
	return err_set(
		err, ERR_UNSUPPORTED, "this is an artifact of type \"%.200s\", not an image", type);
}

int manifest_check_runnable(const struct manifest *m, struct err *err)
{
	struct media media;

	media_classify(m->config.media_type, &media);
	if (m->artifact_type && *m->artifact_type)
		return not_an_image(m->artifact_type, err);
	/* Without a type it is judged by its content (image_config_parse). */
	if (media.kind != MEDIA_KIND_CONFIG && media.kind != MEDIA_KIND_GENERIC)
		return not_an_image(m->config.media_type, err);
	for (size_t i = 0; i < m->n_layers; i++) {
		media_classify(m->layers[i].media_type, &media);
		if (media.encrypted)
			return err_set(err, ERR_UNSUPPORTED, "layer %zu is encrypted", i + 1);
	}
	return 0;
}
