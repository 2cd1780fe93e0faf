/* Go templates of --format: any text is a tree or an error. */
#include "fuzz.h"

#include "codec/template.h"

static void walk(const struct template_node *n, unsigned depth)
{
	fuzz_want(depth <= TEMPLATE_DEPTH_MAX + 1);
	for (; n; n = n->next) {
		if (n->kind == TEMPLATE_TEXT)
			fuzz_want(n->text);
		walk(n->body, depth + 1);
		walk(n->otherwise, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_text(data, size);
	struct template *t = NULL;

	if (template_parse(s, &t, NULL) == 0) {
		walk(t->first, 0);
		template_free(t);
	} else {
		fuzz_want(!t);
	}
	free(s);
	return 0;
}
