/*
 * Between the parts of the mount specifications: what -v, --mount and --tmpfs share.
 */
#pragma once

#include "codec/mount_spec.h"

/*
 * One word of a comma-separated list of options that -v and --tmpfs have in common with mount(8):
 * ro, rw, exec, noexec ... 1 when it was one and is applied, 0 when not; a word that was applied
 * before, or its opposite, is -ERR_USAGE. `seen` starts as 0 and belongs to one list.
 */
int mount_flag_parse(const char *word, unsigned *flags, unsigned *seen, struct err *err) must_check;

/* "rslave" and its kin. */
bool mount_propagation_parse(const char *word, enum mount_propagation *ret);

/* key=value of a tmpfs, checked and added to m->tmpfs in the kernel's spelling. */
int mount_tmpfs_add(
	struct mount_spec *m, const char *key, const char *value, struct err *err) must_check;

/* The target into m->target, absolute, clean, not "/". `what` begins the message. */
int mount_target_set(
	struct mount_spec *m, const char *target, const char *what, struct err *err) must_check;

/* The host's path of a bind into m->source; "./x" is taken from cwd. -ERR_USAGE. */
int mount_source_set(
	struct mount_spec *m, const char *source, const char *cwd, struct err *err) must_check;

/* Whether docker's client would make it absolute: it begins with '.' as a path component. */
bool mount_source_is_dotted(const char *s);

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool mount_volume_name_is_valid(const char *s);
