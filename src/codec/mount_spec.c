#include "codec/mount_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/path.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/mount_spec_priv.h"

static const struct {
	const char *word;
	unsigned flag;
	bool set;
} flag_words[] = {
	{ "ro", MOUNT_SPEC_READ_ONLY, true },
	{ "rw", MOUNT_SPEC_READ_ONLY, false },
	{ "noexec", MOUNT_SPEC_NOEXEC, true },
	{ "exec", MOUNT_SPEC_NOEXEC, false },
	{ "nosuid", MOUNT_SPEC_NOSUID, true },
	{ "suid", MOUNT_SPEC_NOSUID, false },
	{ "nodev", MOUNT_SPEC_NODEV, true },
	{ "dev", MOUNT_SPEC_NODEV, false },
};

static const char *const propagation_words[] = {
	[MOUNT_PROPAGATION_DEFAULT] = "",
	[MOUNT_PROPAGATION_PRIVATE] = "private",
	[MOUNT_PROPAGATION_RPRIVATE] = "rprivate",
	[MOUNT_PROPAGATION_SHARED] = "shared",
	[MOUNT_PROPAGATION_RSHARED] = "rshared",
	[MOUNT_PROPAGATION_SLAVE] = "slave",
	[MOUNT_PROPAGATION_RSLAVE] = "rslave",
};

void mount_spec_done(struct mount_spec *m)
{
	free(m->source);
	free(m->target);
	free(m->subpath);
	strv_free(m->tmpfs);
	strv_free(m->driver_options);
	*m = (struct mount_spec){ 0 };
}

const char *mount_type_name(enum mount_type type)
{
	switch (type) {
	case MOUNT_TYPE_BIND:
		return "bind";
	case MOUNT_TYPE_VOLUME:
		return "volume";
	case MOUNT_TYPE_TMPFS:
		break;
	}
	return "tmpfs";
}

const char *mount_propagation_name(enum mount_propagation p)
{
	return propagation_words[p];
}

bool mount_propagation_parse(const char *word, enum mount_propagation *ret)
{
	for (unsigned i = MOUNT_PROPAGATION_PRIVATE; i <= MOUNT_PROPAGATION_RSLAVE; i++) {
		if (str_eq(word, propagation_words[i])) {
			*ret = (enum mount_propagation)i;
			return true;
		}
	}
	return false;
}

int mount_flag_parse(const char *word, unsigned *flags, unsigned *seen, struct err *err)
{
	for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++) {
		if (!str_eq(word, flag_words[i].word))
			continue;
		if (*seen & flag_words[i].flag)
			return err_set(err, ERR_USAGE,
				"invalid mode: %s is given twice or contradicted", word);
		*seen |= flag_words[i].flag;
		*flags &= ~flag_words[i].flag;
		if (flag_words[i].set)
			*flags |= flag_words[i].flag;
		return 1;
	}
	return 0;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

int mount_target_set(struct mount_spec *m, const char *target, const char *what, struct err *err)
{
	autofree char *clean = NULL;

	/* They would end up in mountinfo, in logs and in state files that are read by line. */
	if (has_control(target))
		return err_set(err, ERR_USAGE, "%s: control character in the mount path", what);
	if (!path_is_absolute(target))
		return err_set(err, ERR_USAGE,
			"%s: invalid mount path: '%s' mount path must be absolute", what, target);
	clean = path_clean("/", target);
	if (str_eq(clean, "/"))
		return err_set(err, ERR_USAGE,
			"%s: invalid specification: destination can't be '/'", what);
	free(m->target);
	m->target = TAKE_PTR(clean);
	return 0;
}

bool mount_source_is_dotted(const char *s)
{
	if (*s++ != '.')
		return false;
	if (*s == '.')
		s++;
	return *s == '\0' || *s == '/';
}

int mount_source_set(struct mount_spec *m, const char *source, const char *cwd, struct err *err)
{
	if (has_control(source))
		return err_set(err, ERR_USAGE, "control character in the source path");
	if (!path_is_absolute(source) && (!cwd || !mount_source_is_dotted(source)))
		return err_set(err, ERR_USAGE,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount "
			"path must be "
			"absolute",
			source);
	free(m->source);
	m->source = path_clean(cwd ? cwd : "/", source);
	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool mount_volume_name_is_valid(const char *s)
{
	if (!is_name_char(*s) || !s[1])
		return false;
	for (s++; *s; s++)
		if (!is_name_char(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

int mount_specs_check(const struct mount_spec *v, size_t n, struct err *err)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(v[i].target, v[j].target))
				return err_set(
					err, ERR_USAGE, "Duplicate mount point: %s", v[i].target);
	return 0;
}

/* Bytes with docker's units, or, where a percentage is one, the memory's share. */
static char *tmpfs_size(const char *value)
{
	size_t len = strlen(value);
	uint64_t n;

	if (len > 1 && len < 5 && value[len - 1] == '%') {
		autofree char *digits = xstrndup(value, len - 1);

		return parse_u64(digits, 100, &n, NULL) < 0 ? NULL : xasprintf("size=%s", value);
	}
	if (parse_bytes(value, &n, NULL) < 0)
		return NULL;
	return xasprintf("size=%llu", (unsigned long long)n);
}

static char *tmpfs_option(const char *key, const char *value)
{
	uint32_t mode;
	uint64_t n;

	if (str_eq(key, "size"))
		return tmpfs_size(value);
	if (str_eq(key, "mode"))
		return parse_mode(value, &mode, NULL) < 0 ? NULL : xasprintf("mode=%o", mode);
	if (str_eq(key, "uid") || str_eq(key, "gid"))
		return parse_u64(value, INT32_MAX, &n, NULL) < 0
			       ? NULL
			       : xasprintf("%s=%llu", key, (unsigned long long)n);
	if (str_eq(key, "nr_inodes") && parse_bytes(value, &n, NULL) == 0)
		return xasprintf("nr_inodes=%llu", (unsigned long long)n);
	return NULL;
}

int mount_tmpfs_add(struct mount_spec *m, const char *key, const char *value, struct err *err)
{
	autofree char *option = tmpfs_option(key, value);

	if (!option)
		return err_set(err, ERR_USAGE, "invalid tmpfs option \"%s=%s\"", key, value);
	if (strv_env_get(m->tmpfs, key))
		return err_set(err, ERR_USAGE, "tmpfs option \"%s\" is given twice", key);
	strv_push_take(&m->tmpfs, TAKE_PTR(option));
	return 0;
}

static int tmpfs_word(struct mount_spec *m, char *word, unsigned *seen, struct err *err)
{
	/* What the kernel always does, or what other tools add for their own sake. */
	static const char *const ignored[] = { "defaults", "relatime", "noatime", "rprivate",
		"private", "tmpcopyup", "notmpcopyup" };
	char *eq = strchr(word, '=');
	int r;

	if (eq) {
		*eq = '\0';
		return mount_tmpfs_add(m, word, eq + 1, err);
	}
	r = mount_flag_parse(word, &m->flags, seen, err);
	if (r != 0)
		return r;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (str_eq(word, ignored[i]))
			return 0;
	return err_set(err, ERR_USAGE, "invalid tmpfs option \"%s\"", word);
}

int mount_spec_parse_tmpfs(const char *arg, struct mount_spec *ret, struct err *err)
{
	AUTO(mount_spec)
	struct mount_spec m = {
		.type = MOUNT_TYPE_TMPFS,
		.flags = MOUNT_SPEC_NOEXEC | MOUNT_SPEC_NOSUID | MOUNT_SPEC_NODEV,
	};
	const char *colon = strchr(arg, ':');
	autofree char *target = colon ? xstrndup(arg, (size_t)(colon - arg)) : xstrdup(arg);
	AUTO(strv) char **words = colon && colon[1] ? strv_split(colon + 1, ',') : NULL;
	unsigned seen = 0;
	int r;

	r = mount_target_set(&m, target, "invalid mount config for type \"tmpfs\"", err);
	if (r < 0)
		return r;
	STRV_FOREACH (word, words) {
		r = tmpfs_word(&m, word, &seen, err);
		if (r < 0)
			return r;
	}
	*ret = m;
	m = (struct mount_spec){ 0 };
	return 0;
}
