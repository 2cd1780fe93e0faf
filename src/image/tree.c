/* podman's tree of layers. */
#include "image/tree.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "codec/reference.h"
#include "image/image.h"

/* Every image that is here, once. */
struct known {
	struct image img;
	uint64_t *sizes;
	char **names;
};

struct forest {
	struct known *items;
	size_t n, cap;
};

static void forest_done(struct forest *f)
{
	for (size_t i = 0; i < f->n; i++) {
		image_done(&f->items[i].img);
		free(f->items[i].sizes);
		strv_free(f->items[i].names);
	}
	free(f->items);
}
DEFINE_AUTO(forest, struct forest, forest_done)

static void layers_free(struct image_tree_layer *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		strv_free(v[i].names);
		layers_free(v[i].above, v[i].n_above);
	}
	free(v);
}

void image_tree_done(struct image_tree *t)
{
	strv_free(TAKE_PTR(t->names));
	layers_free(TAKE_PTR(t->layers), t->n_layers);
	t->n_layers = 0;
}

static struct known *find(struct forest *f, const struct digest *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (digest_equal(&f->items[i].img.record.image_id, id))
			return &f->items[i];
	return NULL;
}

static void add_name(struct known *k, const struct image_record *rec)
{
	AUTO(reference) struct reference ref = { 0 };

	if (rec->reference && reference_parse(rec->reference, &ref, NULL) >= 0)
		strv_push_take(&k->names, reference_familiar(&ref));
}

/* `img` is taken. The array may move: what find() gave before is void. */
static struct known *add_image(
	struct store *s, const struct idmap *map, struct forest *f, struct image *img)
{
	struct known *k;

	GROW(f->items, f->n, f->cap);
	k = &f->items[f->n++];
	*k = (struct known){ .img = *img };
	*img = (struct image)IMAGE_INIT;
	k->sizes = NEW_ARRAY(uint64_t, k->img.n_layers + 1);
	image_layer_sizes(s, &k->img, map, k->sizes);
	return k;
}

/* Images that cannot be read, and lists of images, have no layers to show. */
static int load(struct store *s, const struct idmap *map, struct forest *ret, struct err *err)
{
	AUTO(image_list) struct image_list list = { 0 };
	int r = image_ref_list(s, &list, err);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		struct known *k = find(ret, &list.items[i].image_id);
		struct image img = IMAGE_INIT;
		struct err why = { 0 };

		if (!k && image_from_record(s, &list.items[i], &img, &why) < 0) {
			log_debug("image tree: %s", why.msg);
			continue;
		}
		if (!k)
			k = add_image(s, map, ret, &img);
		add_name(k, &list.items[i]);
	}
	return r;
}

static void fill_layer(
	const struct forest *f, const struct known *k, size_t at, struct image_tree_layer *ret)
{
	*ret = (struct image_tree_layer){
		.chain_id = k->img.layers[at].chain_id,
		.size = k->sizes[at],
	};
	for (size_t i = 0; i < f->n; i++) {
		const struct known *other = &f->items[i];

		if (other->img.n_layers == at + 1 &&
			digest_equal(&other->img.layers[at].chain_id, &ret->chain_id))
			strv_extend(&ret->names, other->names);
	}
}

static bool has_layer(const struct image_tree_layer *l, const struct digest *chain_id)
{
	for (size_t i = 0; i < l->n_above; i++)
		if (digest_equal(&l->above[i].chain_id, chain_id))
			return true;
	return false;
}

/*
 * What images have upon layer number `at`. The depth is that of the highest image: configs have at
 * most as many diff ids as manifests have layers.
 */
static void add_above(const struct forest *f, size_t at, struct image_tree_layer *l)
{
	size_t cap = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct known *k = &f->items[i];

		if (k->img.n_layers <= at + 1 ||
			!digest_equal(&k->img.layers[at].chain_id, &l->chain_id) ||
			has_layer(l, &k->img.layers[at + 1].chain_id))
			continue;
		GROW(l->above, l->n_above, cap);
		fill_layer(f, k, at + 1, &l->above[l->n_above++]);
	}
	for (size_t i = 0; i < l->n_above; i++)
		add_above(f, at + 1, &l->above[i]);
}

static void grow(const struct forest *f, const struct known *k, bool above, struct image_tree *ret)
{
	size_t n = k->img.n_layers, first = above && n ? n - 1 : 0;

	ret->image_id = k->img.record.image_id;
	strv_extend(&ret->names, k->names);
	ret->layers = NEW_ARRAY(struct image_tree_layer, n + 1);
	for (size_t i = 0; i < n; i++)
		ret->size += k->sizes[i];
	for (size_t i = first; i < n; i++)
		fill_layer(f, k, i, &ret->layers[ret->n_layers++]);
	if (above && n)
		add_above(f, n - 1, &ret->layers[0]);
}

int image_tree(struct store *s, const char *name, const struct idmap *map, bool above,
	struct image_tree *ret, struct err *err)
{
	AUTO(forest) struct forest f = { 0 };
	AUTO(image) struct image img = IMAGE_INIT;
	const struct known *k;
	int r = image_resolve(s, name, &img, err);

	if (r >= 0)
		r = load(s, map, &f, err);
	if (r < 0)
		return r;
	k = find(&f, &img.record.image_id);
	/* Of a manifest list it may have no name of its own. */
	if (!k)
		k = add_image(s, map, &f, &img);
	grow(&f, k, above, ret);
	return 0;
}
