#include "codec/mount_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/strv.h"
#include "codec/mount_spec_priv.h"

/*
 * --mount: one record of CSV (RFC 4180), each field a key=value. Fields may come in any order, so
 * they are collected first; whether a key belongs to the mount's type is asked at the end.
 */

enum seen_family {
	SEEN_BIND = 1 << 0,
	SEEN_VOLUME = 1 << 1,
	SEEN_TMPFS = 1 << 2,
};

struct fields {
	const char *cwd;
	const char *field; /* the one being parsed, for messages */
	char *type, *source, *target;
	unsigned families; /* enum seen_family */
	struct mount_spec m;
};

static void fields_done(struct fields *f)
{
	free(f->type);
	free(f->source);
	free(f->target);
	mount_spec_done(&f->m);
}
DEFINE_AUTO(fields, struct fields, fields_done)

/* Behind an opening quote; "" is a quote. NULL when the field does not end well. */
static const char *read_quoted(const char *s, struct buf *out)
{
	for (;; s++) {
		if (!*s)
			return NULL;
		if (*s == '"' && s[1] == '"')
			s++;
		else if (*s == '"')
			break;
		buf_putc(out, *s);
	}
	s++;
	return *s == ',' || !*s ? s : NULL;
}

static int split_csv(const char *arg, char ***ret, struct err *err)
{
	AUTO(strv) char **v = NULL;
	const char *s = arg;

	for (;;) {
		AUTO(buf) struct buf field = BUF_INIT(65536);

		if (*s == '"') {
			s = read_quoted(s + 1, &field);
			if (!s)
				return err_set(err, ERR_USAGE,
					"extraneous or missing \" in quoted-field: %s", arg);
		} else {
			size_t n = strcspn(s, ",");

			if (memchr(s, '"', n))
				return err_set(
					err, ERR_USAGE, "bare \" in non-quoted-field: %s", arg);
			buf_append(&field, s, n);
			s += n;
		}
		if (buf_failed(&field))
			return err_set(err, ERR_USAGE, "mount option is too long");
		strv_push_take(&v, buf_take(&field));
		if (!*s)
			break;
		s++;
	}
	*ret = TAKE_PTR(v);
	return 0;
}

static int invalid_value(const char *key, const char *value, struct err *err)
{
	return err_set(err, ERR_USAGE, "invalid value for %s: %s", key, value);
}

/* A key without "=value" is true. */
static int set_flag(
	struct fields *f, const char *key, const char *value, unsigned flag, struct err *err)
{
	bool on = true;

	if (value && parse_bool(value, &on, NULL) < 0)
		return invalid_value(key, value, err);
	f->m.flags &= ~flag;
	if (on)
		f->m.flags |= flag;
	return 0;
}

static int bind_recursive(struct fields *f, const char *value, struct err *err)
{
	f->m.flags &= ~(unsigned)(MOUNT_SPEC_NONRECURSIVE | MOUNT_SPEC_READ_ONLY_TOP |
				  MOUNT_SPEC_READ_ONLY_FORCE);
	if (str_eq(value, "enabled"))
		return 0;
	if (str_eq(value, "disabled"))
		f->m.flags |= MOUNT_SPEC_NONRECURSIVE;
	else if (str_eq(value, "writable"))
		f->m.flags |= MOUNT_SPEC_READ_ONLY_TOP;
	else if (str_eq(value, "readonly"))
		f->m.flags |= MOUNT_SPEC_READ_ONLY_FORCE;
	else
		return err_set(err, ERR_USAGE,
			"invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", "
			"\"writable\", or \"readonly\")",
			value);
	return 0;
}

static int set_bind(struct fields *f, const char *key, const char *value, struct err *err)
{
	f->families |= SEEN_BIND;
	if (str_eq(key, "bind-propagation"))
		return mount_propagation_parse(value, &f->m.propagation)
			       ? 0
			       : err_set(err, ERR_USAGE, "invalid propagation value: \"%s\"",
					 value);
	if (str_eq(key, "bind-recursive"))
		return bind_recursive(f, value, err);
	return err_set(err, ERR_USAGE, "unexpected key '%s' in '%s'", key, f->field);
}

static int set_volume(struct fields *f, const char *key, const char *value, struct err *err)
{
	f->families |= SEEN_VOLUME;
	if (str_eq(key, "volume-subpath")) {
		free(f->m.subpath);
		f->m.subpath = xstrdup(value);
		return 0;
	}
	if (str_eq(key, "volume-driver") && !str_eq(value, "local") && *value)
		return err_set(
			err, ERR_UNSUPPORTED, "volume driver \"%s\": only \"local\" exists", value);
	if (!str_eq(key, "volume-driver") && !str_eq(key, "volume-label") &&
		!str_eq(key, "volume-opt"))
		return err_set(err, ERR_USAGE, "unexpected key '%s' in '%s'", key, f->field);
	strv_pushf(&f->m.driver_options, "%s=%s", key, value);
	return 0;
}

static int set_tmpfs(struct fields *f, const char *key, const char *value, struct err *err)
{
	f->families |= SEEN_TMPFS;
	if (!str_eq(key, "tmpfs-size") && !str_eq(key, "tmpfs-mode"))
		return err_set(err, ERR_USAGE, "unexpected key '%s' in '%s'", key, f->field);
	if (strchr(value, '%') || mount_tmpfs_add(&f->m, key + 6, value, NULL) < 0)
		return invalid_value(key, value, err);
	return 0;
}

static int set_text(const char *key, char **slot, const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, ERR_USAGE, "invalid value for '%s': value is empty", key);
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

/* 1 when key is one that may stand alone, and was set. */
static int set_boolean(struct fields *f, const char *key, const char *value, struct err *err)
{
	static const struct {
		const char *key;
		unsigned flag, family;
	} keys[] = {
		{ "readonly", MOUNT_SPEC_READ_ONLY, 0 },
		{ "ro", MOUNT_SPEC_READ_ONLY, 0 },
		{ "bind-nonrecursive", MOUNT_SPEC_NONRECURSIVE, SEEN_BIND },
		{ "bind-create-src", MOUNT_SPEC_CREATE_SOURCE, SEEN_BIND },
		{ "volume-nocopy", MOUNT_SPEC_NOCOPY, SEEN_VOLUME },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int r;

		if (!str_eq(key, keys[i].key))
			continue;
		f->families |= keys[i].family;
		r = set_flag(f, key, value, keys[i].flag, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int set_field(struct fields *f, const char *key, const char *value, struct err *err)
{
	int r = set_boolean(f, key, value, err);

	if (r != 0)
		return r;
	if (!value)
		return err_set(
			err, ERR_USAGE, "invalid field '%s' must be a key=value pair", f->field);
	if (str_eq(key, "type"))
		return set_text(key, &f->type, value, err);
	if (str_eq(key, "source") || str_eq(key, "src"))
		return set_text(key, &f->source, value, err);
	if (str_eq(key, "target") || str_eq(key, "dst") || str_eq(key, "destination"))
		return set_text(key, &f->target, value, err);
	if (str_eq(key, "consistency"))
		return 0; /* Docker for Mac's: no meaning on Linux */
	if (str_after(key, "bind-"))
		return set_bind(f, key, value, err);
	if (str_after(key, "volume-"))
		return set_volume(f, key, value, err);
	if (str_after(key, "tmpfs-"))
		return set_tmpfs(f, key, value, err);
	return err_set(err, ERR_USAGE, "unexpected key '%s' in '%s'", key, f->field);
}

static int set_type(struct fields *f, struct err *err)
{
	static const char *const others[] = { "image", "npipe", "cluster", "devpts", "glob",
		"ramfs" };
	/* As in docker, volume where nothing is said. */
	const char *type = f->type ? f->type : "volume";

	for (unsigned i = MOUNT_TYPE_BIND; i <= MOUNT_TYPE_TMPFS; i++) {
		if (str_eq_nocase(type, mount_type_name((enum mount_type)i))) {
			f->m.type = (enum mount_type)i;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_eq_nocase(type, others[i]))
			return err_set(err, ERR_UNSUPPORTED,
				"mount type \"%s\" is not implemented: bind, tmpfs and volume are",
				type);
	return err_set(err, ERR_USAGE, "mount type unknown: \"%s\"", type);
}

static int check_families(const struct fields *f, struct err *err)
{
	static const struct {
		unsigned family;
		enum mount_type type;
		const char *name;
	} families[] = {
		{ SEEN_VOLUME, MOUNT_TYPE_VOLUME, "volume-*" },
		{ SEEN_BIND, MOUNT_TYPE_BIND, "bind-*" },
		{ SEEN_TMPFS, MOUNT_TYPE_TMPFS, "tmpfs-*" },
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if ((f->families & families[i].family) && f->m.type != families[i].type)
			return err_set(err, ERR_USAGE,
				"cannot mix '%s' options with mount type '%s'", families[i].name,
				mount_type_name(f->m.type));
	return 0;
}

static int set_source(struct fields *f, struct err *err)
{
	switch (f->m.type) {
	case MOUNT_TYPE_BIND:
		if (!f->source)
			return err_set(err, ERR_USAGE,
				"invalid mount config for type \"bind\": field Source must not be "
				"empty");
		f->m.flags |= MOUNT_SPEC_NOSUID | MOUNT_SPEC_NODEV;
		return mount_source_set(&f->m, f->source, f->cwd, err);
	case MOUNT_TYPE_TMPFS:
		if (f->source)
			return err_set(err, ERR_USAGE,
				"invalid mount config for type \"tmpfs\": field Source must not be "
				"specified");
		f->m.flags |= MOUNT_SPEC_NOEXEC | MOUNT_SPEC_NOSUID | MOUNT_SPEC_NODEV;
		return 0;
	case MOUNT_TYPE_VOLUME:
		break;
	}
	if (f->source && !mount_volume_name_is_valid(f->source))
		return err_set(err, ERR_USAGE,
			"invalid mount config for type \"volume\": \"%s\" includes invalid "
			"characters for a "
			"local volume name",
			f->source);
	f->m.source = TAKE_PTR(f->source);
	return 0;
}

static int finish(struct fields *f, struct err *err)
{
	char what[64];
	int r = set_type(f, err);

	if (r >= 0)
		r = check_families(f, err);
	if (r >= 0 && !f->target)
		r = err_set(err, ERR_USAGE, "target is required");
	if (r >= 0)
		r = set_source(f, err);
	if (r < 0)
		return r;
	if (f->m.flags & MOUNT_SPEC_READ_ONLY_FORCE && !(f->m.flags & MOUNT_SPEC_READ_ONLY))
		return err_set(err, ERR_USAGE,
			"option 'bind-recursive=readonly' requires 'readonly' to be specified in "
			"conjunction");
	(void)snprintf(what, sizeof(what), "invalid mount config for type \"%s\"",
		mount_type_name(f->m.type));
	return mount_target_set(&f->m, f->target, what, err);
}

int mount_spec_parse_mount(
	const char *arg, const char *cwd, struct mount_spec *ret, struct err *err)
{
	AUTO(fields) struct fields f = { .cwd = cwd };
	AUTO(strv) char **list = NULL;
	int r;

	r = split_csv(arg, &list, err);
	if (r < 0)
		return r;
	STRV_FOREACH (field, list) {
		const char *eq = strchr(field, '=');
		autofree char *key = eq ? xstrndup(field, (size_t)(eq - field)) : xstrdup(field);

		/* Docker lower-cases keys. */
		for (char *p = key; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
		f.field = field;
		r = set_field(&f, key, eq ? eq + 1 : NULL, err);
		if (r < 0)
			return r;
	}
	r = finish(&f, err);
	if (r < 0)
		return r;
	*ret = f.m;
	f.m = (struct mount_spec){ 0 };
	return 0;
}
