/*
 * `proa __complete KIND`: what the completion scripts ask for, one word a line. A completion has
 * nobody to tell about failures, so that anything wrong is an empty answer and exit 1.
 */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/strv.h"
#include "cli/completion.h"
#include "cmd/context.h"
#include "codec/reference.h"
#include "store/container_dir.h"
#include "store/imagedb.h"

/* Digits of an id that docker shows. */
#define SHORT_ID_LEN 12

static int print_images(struct store *s)
{
	AUTO(image_list) struct image_list list = { .n = 0 };
	int r = image_ref_list(s, &list, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		AUTO(reference) struct reference ref = { .domain = NULL };
		autofree char *name = NULL;

		if (!list.items[i].reference)
			continue;
		if (reference_parse(list.items[i].reference, &ref, NULL) < 0)
			continue;
		name = reference_familiar(&ref);
		puts(name);
	}
	return 0;
}

static int print_containers(struct store *s, enum option_complete kind)
{
	AUTO(container_uses) struct container_uses uses = { .n = 0 };
	int r = container_dir_uses(s, &uses, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < uses.n; i++) {
		const struct container_use *u = &uses.items[i];

		if (kind == COMPLETE_CONTAINER_RUNNING && !u->alive)
			continue;
		if (kind == COMPLETE_CONTAINER_STOPPED && u->alive)
			continue;
		if (u->name)
			puts(u->name);
		else
			printf("%.*s\n", SHORT_ID_LEN, u->id);
	}
	return 0;
}

static void print_signals(void)
{
	static const char *const names[] = { "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM",
		"CONT", "STOP", "TSTP", "WINCH", NULL };

	STRV_FOREACH (name, names)
		puts(name);
}

static int complete_run(struct context *ctx, void *opts, int argc, char **argv, struct err *err)
{
	enum option_complete kind = COMPLETE_NONE;
	struct store *s = NULL;
	int r = completion_parse_kind(argv[0], &kind, err);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	if (kind == COMPLETE_SIGNAL) {
		print_signals();
		return 0;
	}
	r = context_store(ctx, &s, NULL);
	if (r < 0)
		return 1;
	r = kind == COMPLETE_IMAGE ? print_images(s) : print_containers(s, kind);
	return r < 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.flags = COMMAND_HIDDEN,
	.summary = "Print words for a completion script",
	.usage = "KIND",
	.min_operands = 1,
	.max_operands = 1,
	.run = complete_run,
};
