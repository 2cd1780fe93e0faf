/* docker's history of an image. */
#include "image/history.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "image/image.h"

void image_steps_done(struct image_steps *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->items[i].created_by);
		free(h->items[i].comment);
	}
	free(TAKE_PTR(h->items));
	h->n = 0;
}

static int64_t time_of(const char *text)
{
	int64_t ns = 0;

	return text && clock_parse_rfc3339(text, &ns, NULL) >= 0 ? ns : 0;
}

/* `sizes` are those of the layers, `layer` the one that the step made if it made one. */
static void fill_step(
	const struct image_history *h, const uint64_t *sizes, size_t layer, struct image_step *ret)
{
	*ret = (struct image_step){
		.created_ns = time_of(h->created),
		.created_by = xstrdup(h->created_by ? h->created_by : ""),
		.comment = xstrdup(h->comment ? h->comment : ""),
		.size = h->empty_layer ? 0 : sizes[layer],
	};
}

static void fill(const struct image *img, const uint64_t *sizes, struct image_steps *ret)
{
	const struct image_config *c = &img->config;
	size_t layer = 0;

	ret->n = c->n_history ? c->n_history : img->n_layers;
	ret->items = NEW_ARRAY(struct image_step, ret->n + 1);
	for (size_t i = 0; i < ret->n; i++) {
		struct image_history none = { .created = c->created };
		const struct image_history *h = c->n_history ? &c->history[i] : &none;

		fill_step(h, sizes, layer, &ret->items[ret->n - 1 - i]);
		/* A config that lies about its layers is refused by pull, not by history. */
		if (!h->empty_layer && layer < img->n_layers)
			layer++;
	}
}

int image_history(struct store *s, const char *name, const struct idmap *map,
	struct image_steps *ret, struct err *err)
{
	AUTO(image) struct image img = IMAGE_INIT;
	autofree uint64_t *sizes = NULL;
	int r = image_resolve(s, name, &img, err);

	if (r < 0)
		return r;
	/* One more, of nothing, for a history that is longer than the image. */
	sizes = NEW_ARRAY(uint64_t, img.n_layers + 1);
	image_layer_sizes(s, &img, map, sizes);
	ret->image_id = img.record.image_id;
	fill(&img, sizes, ret);
	return 0;
}
