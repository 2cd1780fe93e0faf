#include "codec/mount_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/mount_spec_priv.h"

/* -v [SOURCE:]TARGET[:OPTIONS]: up to three parts, and no way to quote a colon, as in docker. */

static int invalid_spec(const char *arg, struct err *err)
{
	return err_set(err, ERR_USAGE, "invalid volume specification: '%s'", arg);
}

static int unsupported_mode(const char *word, struct err *err)
{
	static const struct {
		const char *word, *why;
	} words[] = {
		{ "O", "overlay mounts of host directories are not implemented" },
		{ "U", "changing the owner of a host directory is not implemented" },
		{ "idmap", "id-mapped mounts are not implemented" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, words[i].word))
			return err_set(err, ERR_UNSUPPORTED, "volume option \"%s\": %s", word,
				words[i].why);
	return err_set(err, ERR_USAGE, "invalid mode: %s", word);
}

enum {
	SEEN_PROPAGATION = 1 << 20, /* beside enum mount_spec_flags */
	SEEN_LABEL = 1 << 21,
};

static int once(const char *word, unsigned what, unsigned *seen, struct err *err)
{
	if (*seen & what)
		return err_set(
			err, ERR_USAGE, "invalid mode: %s is given twice or contradicted", word);
	*seen |= what;
	return 0;
}

static int parse_word(struct mount_spec *m, const char *word, unsigned *seen, struct err *err)
{
	int r = mount_flag_parse(word, &m->flags, seen, err);

	if (r != 0)
		return r;
	if (mount_propagation_parse(word, &m->propagation)) {
		if (m->type != MOUNT_TYPE_BIND)
			return err_set(err, ERR_USAGE, "invalid mode: %s", word);
		return once(word, SEEN_PROPAGATION, seen, err);
	}
	if (str_eq(word, "z") || str_eq(word, "Z")) {
		m->flags |= *word == 'z' ? MOUNT_SPEC_RELABEL_SHARED : MOUNT_SPEC_RELABEL_PRIVATE;
		return once(word, SEEN_LABEL, seen, err);
	}
	if (str_eq(word, "nocopy") && m->type == MOUNT_TYPE_VOLUME) {
		m->flags |= MOUNT_SPEC_NOCOPY;
		return once(word, MOUNT_SPEC_NOCOPY, seen, err);
	}
	if (str_eq(word, "bind") && m->type == MOUNT_TYPE_BIND) {
		m->flags |= MOUNT_SPEC_NONRECURSIVE;
		return once(word, MOUNT_SPEC_NONRECURSIVE, seen, err);
	}
	if (str_eq(word, "rbind") && m->type == MOUNT_TYPE_BIND)
		return once(word, MOUNT_SPEC_NONRECURSIVE, seen, err);
	/* Docker for Mac's consistency: no meaning on Linux, and many scripts have it. */
	if (str_eq(word, "cached") || str_eq(word, "delegated") || str_eq(word, "consistent"))
		return 0;
	return unsupported_mode(word, err);
}

static int parse_modes(struct mount_spec *m, const char *text, struct err *err)
{
	AUTO(strv) char **words = strv_split(text, ',');
	unsigned seen = 0;

	STRV_FOREACH (word, words) {
		int r = parse_word(m, word, &seen, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_source(struct mount_spec *m, const char *source, const char *cwd, struct err *err)
{
	int r;

	if (path_is_absolute(source) || (cwd && mount_source_is_dotted(source))) {
		m->type = MOUNT_TYPE_BIND;
		m->flags |= MOUNT_SPEC_CREATE_SOURCE | MOUNT_SPEC_NOSUID | MOUNT_SPEC_NODEV;
		return mount_source_set(m, source, cwd, err);
	}
	if (!mount_volume_name_is_valid(source)) {
		r = err_set(err, ERR_USAGE,
			"\"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
			source);
		return err_hint(
			err, r, "to pass a host directory, use an absolute path, or one with ./");
	}
	m->source = xstrdup(source);
	return 0;
}

/* Without a source, a second part that is a mode ("/data:ro") is an error, not a target. */
static bool is_mode(const char *text)
{
	AUTO(mount_spec) struct mount_spec m = { .type = MOUNT_TYPE_VOLUME };

	return parse_modes(&m, text, NULL) >= 0;
}

int mount_spec_parse_volume(
	const char *arg, const char *cwd, struct mount_spec *ret, struct err *err)
{
	AUTO(mount_spec) struct mount_spec m = { .type = MOUNT_TYPE_VOLUME };
	AUTO(strv) char **parts = strv_split(arg, ':');
	size_t n = strv_len(parts);
	int r = 0;

	if (n > 3 || !*parts[0] || (n > 1 && !*parts[1]) || (n == 2 && is_mode(parts[1])))
		return invalid_spec(arg, err);
	if (n > 1)
		r = parse_source(&m, parts[0], cwd, err);
	if (r >= 0)
		r = mount_target_set(&m, parts[n > 1], "invalid volume specification", err);
	if (r >= 0 && n == 3 && *parts[2])
		r = parse_modes(&m, parts[2], err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct mount_spec){ 0 };
	return 0;
}
