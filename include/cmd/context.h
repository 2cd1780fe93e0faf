/*
 * What a command gets besides its own options: the global options, and handles that are opened on
 * first use, so that `proa version` opens nothing. Lives as long as the process; dispatch.c makes
 * the one instance. Lower floors never see it: they take the narrow handle that they need.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cli/command.h"

struct idmap;
struct store;

struct context {
	const char *root;    /* --root, or NULL for the default */
	const char *runroot; /* --runroot, or NULL */
	bool debug;
	const struct program *program;
	const struct command *command;
	const char *spelling; /* the name it was called by: "rmi", "image rm" */

	/* Private to context.c: use the functions below. */
	struct store *opened_store;
	struct idmap *detected_idmap;
};

/* The store, opened (and created) on first use. Owned by the context. */
int context_store(struct context *ctx, struct store **ret, struct err *err) must_check;

/* How users map into containers, detected on first use. Owned by the context. */
int context_idmap(struct context *ctx, const struct idmap **ret, struct err *err) must_check;

/* Close what was opened. */
void context_done(struct context *ctx);
