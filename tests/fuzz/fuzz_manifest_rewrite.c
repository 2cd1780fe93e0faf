/* What a manifest is rewritten to can be read, has the layers that were wanted, and settles. */
#include "fuzz.h"

#include "codec/manifest.h"
#include "codec/manifest_rewrite.h"

static void fill(const struct manifest *m, struct manifest_layer *layers, uint8_t dice)
{
	for (size_t i = 0; i < m->n_layers; i++) {
		layers[i] = (struct manifest_layer){
			.compression = dice & 1 ? MEDIA_ZSTD : MEDIA_GZIP,
			.repacked = dice & 2,
			.size = i,
		};
		digest_of(&i, sizeof(i), &layers[i].digest);
	}
}

static void check(const struct manifest *old, const char *text, const struct manifest_layer *layers)
{
	struct manifest m = { 0 };

	fuzz_want(manifest_parse(text, strlen(text), NULL, &m, NULL) == 0);
	fuzz_want(m.kind == MANIFEST_IMAGE && m.n_layers == old->n_layers);
	fuzz_want(digest_equal(&m.config.digest, &old->config.digest));
	for (size_t i = 0; i < m.n_layers; i++)
		fuzz_want(digest_equal(&m.layers[i].digest,
			layers[i].repacked ? &layers[i].digest : &old->layers[i].digest));
	manifest_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size), *text = NULL, *again = NULL;
	struct manifest_layer *layers = NULL;
	struct manifest m = { 0 };

	if (manifest_parse(bytes, size, NULL, &m, NULL) == 0 && m.kind == MANIFEST_IMAGE) {
		layers = calloc(m.n_layers + 1, sizeof(*layers));
		fuzz_want(layers != NULL);
		for (uint8_t dice = 0; dice < 8; dice++) {
			fill(&m, layers, dice);
			if (manifest_rewrite(bytes, size, dice & 4, layers, &text, NULL) < 0)
				continue;
			check(&m, text, layers);
			fuzz_want(manifest_rewrite(
					  text, strlen(text), dice & 4, layers, &again, NULL) == 0);
			check(&m, again, layers);
			free(text);
			free(again);
		}
	}
	free(layers);
	manifest_done(&m);
	free(bytes);
	return 0;
}
