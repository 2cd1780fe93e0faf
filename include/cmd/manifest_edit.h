/*
 * What the commands that change manifest lists have in common: from the names that the user gave
 * to entries of the list, and the options that describe an entry.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cmd/registry_options.h"
#include "codec/digest.h"
#include "codec/index_edit.h"
#include "image/manifest_list.h"

struct context;

/* How to change the list that is open; `entry` is one of its digests. */
typedef int manifest_change_fn(struct manifest_list *list, const struct digest *entry,
	const struct index_note *note, struct err *err);

struct manifest_edit {
	const struct registry_options *registry;
	const struct index_note *note; /* said of an entry; NULL: nothing */
	bool all;		       /* manifest_add: as struct manifest_source */
	unsigned flags;		       /* manifest_add: enum manifest_list_flags */
	manifest_change_fn *change;    /* manifest_change */
};

/* Add the images to the list; *ret_digest is that of the list then. */
int manifest_add(struct context *ctx, const struct manifest_edit *edit, const char *list,
	char *const *images, struct digest *ret_digest, struct err *err) must_check;

/*
 * Change names[0], a list, by its entry names[1], which is named as manifest_entry_digest takes it.
 */
int manifest_change(struct context *ctx, const struct manifest_edit *edit, char *const *names,
	struct digest *ret_digest, struct err *err) must_check;

/* What OPT_NOTE fills; `f` is one inside T. */
struct manifest_note_opts {
	const char *os, *architecture, *variant, *os_version;
	char **os_features, **features, **annotations;
};

#define OPT_NOTE(T, f)                                                                    \
	OPT_LIST(T, f.annotations, 0, "annotation", "KEY=VALUE", "Set an annotation"),    \
		OPT_STRING(T, f.architecture, 0, "arch", "ARCH", "Set the architecture"), \
		OPT_LIST(T, f.features, 0, "features", "FEATURE",                         \
			"Set the features of the processor that are needed"),             \
		OPT_STRING(T, f.os, 0, "os", "OS", "Set the operating system"),           \
		OPT_LIST(T, f.os_features, 0, "os-features", "FEATURE",                   \
			"Set the features of the operating system that are needed"),      \
		OPT_STRING(T, f.os_version, 0, "os-version", "VERSION",                   \
			"Set the version of the operating system"),                       \
		OPT_STRING(T, f.variant, 0, "variant", "VARIANT",                         \
			"Set the variant of the architecture")

/* The strings stay those of the options. */
void manifest_note_from(const struct manifest_note_opts *o, struct index_note *ret);
