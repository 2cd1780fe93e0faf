#include "image/tree.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/command.h"
#include "cmd/context.h"

#define SHORT_ID_LEN 12
#define PREFIX_MAX   (1U << 20)

struct image_tree_opts {
	bool above;
};

static const struct option_spec image_tree_options[] = {
	OPT_FLAG(struct image_tree_opts, above, 0, "whatrequires",
		"Show what images have upon this one instead"),
	OPTION_END,
};

static void print_names(char *const *names)
{
	autofree char *line = strv_join(names, " ");

	str_make_printable(line);
	printf("[%s]", line);
}

static void print_layers(const struct image_tree_layer *layers, size_t n, struct buf *prefix)
{
	size_t len = prefix->len;

	for (size_t i = 0; i < n; i++) {
		const struct image_tree_layer *l = &layers[i];
		bool last = i + 1 == n;
		char size[32];

		clock_human_size(l->size, size, sizeof(size));
		printf("%s%s ID: %.*s Size: %7s", buf_str(prefix), last ? "└──" : "├──",
			SHORT_ID_LEN, digest_hex(&l->chain_id), size);
		if (l->names) {
			fputs(" Top Layer of: ", stdout);
			print_names(l->names);
		}
		putchar('\n');
		buf_puts(prefix, last ? "    " : "│   ");
		print_layers(l->above, l->n_above, prefix);
		buf_truncate(prefix, len);
	}
}

static int image_tree_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	AUTO(image_tree) struct image_tree tree = { 0 };
	AUTO(buf) struct buf prefix = BUF_INIT(PREFIX_MAX);
	const struct image_tree_opts *o = opts;
	const struct idmap *map;
	struct store *s;
	char size[32];
	int r = context_store(ctx, &s, err);

	(void)argc;
	if (r >= 0)
		r = context_idmap(ctx, &map, err);
	if (r >= 0)
		r = image_tree(s, argv[0], map, o->above, &tree, err);
	if (r < 0)
		return r;
	clock_human_size(tree.size, size, sizeof(size));
	printf("Image ID: %.*s\nTags:     ", SHORT_ID_LEN, digest_hex(&tree.image_id));
	print_names(tree.names);
	printf("\nSize:     %s\n%s\n", size, tree.n_layers ? "Image Layers" : "No Image Layers");
	print_layers(tree.layers, tree.n_layers, &prefix);
	return 0;
}

const struct command cmd_image_tree = {
	.name = "image-tree",
	.flags = COMMAND_VERB,
	.aliases = (const char *const[]){ "image tree", NULL },
	.group = COMMAND_IMAGES,
	.summary = "Show the layers of an image as a tree",
	.usage = "[OPTIONS] IMAGE",
	.description = "Layers from the lowest up, each with its size once unpacked and the images "
		       "that end with it.",
	.min_operands = 1,
	.max_operands = 1,
	.operands = { COMPLETE_IMAGE, COMPLETE_NONE },
	.options = image_tree_options,
	.options_size = sizeof(struct image_tree_opts),
	.examples =
		(const struct command_example[]){
			{ "What would need an image that is to be removed:",
				"proa image tree --whatrequires debian:12" },
			{ NULL },
		},
	.run = image_tree_run,
};
