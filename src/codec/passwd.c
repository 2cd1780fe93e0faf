#include "codec/passwd.h"

#include <string.h>

#include "base/str.h"

/*
 * Everything is a range of the caller's bytes. No libc parser is used: fgetpwent and its kin
 * allocate, and read numbers as strtoul does.
 */

struct slice {
	const char *p;
	size_t n;
};

#define FIELDS_MAX 7

static bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static struct slice slice_of(const char *s)
{
	return (struct slice){ s, strlen(s) };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool slice_copy(char *ret, size_t size, struct slice s)
{
	if (s.n >= size)
		return false;
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
	return true;
}

static bool slice_is_digits(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* Digits only, in range. */
static bool slice_id(struct slice s, uint32_t *ret)
{
	uint64_t v = 0;

	if (!slice_is_digits(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		v = v * 10 + (uint64_t)(s.p[i] - '0');
		if (v > PASSWD_ID_MAX)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}

/* The next line that may be a row, without blanks around it; false at the end. */
static bool next_row(struct slice *file, struct slice *ret)
{
	while (file->n > 0) {
		const char *nl = memchr(file->p, '\n', file->n);
		size_t len = nl ? (size_t)(nl - file->p) : file->n;
		struct slice line = { file->p, len };

		file->p += len + (nl != NULL);
		file->n -= len + (nl != NULL);
		while (line.n > 0 && is_blank(line.p[0]))
			line.p++, line.n--;
		while (line.n > 0 && is_blank(line.p[line.n - 1]))
			line.n--;
		if (line.n == 0 || line.p[0] == '#' || memchr(line.p, '\0', line.n))
			continue;
		*ret = line;
		return true;
	}
	return false;
}

/* Fields between colons; what exceeds FIELDS_MAX stays in the last. Returns how many. */
static size_t split(struct slice line, char sep, struct slice fields[FIELDS_MAX])
{
	size_t n = 0;

	for (;;) {
		const char *colon = n + 1 < FIELDS_MAX ? memchr(line.p, sep, line.n) : NULL;
		size_t len = colon ? (size_t)(colon - line.p) : line.n;

		fields[n++] = (struct slice){ line.p, len };
		if (!colon)
			return n;
		line.p += len + 1;
		line.n -= len + 1;
	}
}

struct passwd_row {
	struct slice name, home, shell;
	uint32_t uid, gid;
};

static bool parse_passwd_row(struct slice line, struct passwd_row *ret)
{
	struct slice f[FIELDS_MAX] = { 0 };
	size_t n = split(line, ':', f);

	if (n < 4 || f[0].n == 0 || !slice_id(f[2], &ret->uid) || !slice_id(f[3], &ret->gid))
		return false;
	ret->name = f[0];
	ret->home = n > 5 ? f[5] : (struct slice){ "", 0 };
	ret->shell = n > 6 ? f[6] : (struct slice){ "", 0 };
	return true;
}

/* First row of that number, or (id NULL) of that name. */
static bool find_user(const struct passwd_files *files, struct slice name, const uint32_t *id,
	struct passwd_row *ret)
{
	struct slice file = { files->passwd, files->passwd_len }, line;
	struct passwd_row row;

	while (next_row(&file, &line)) {
		if (!parse_passwd_row(line, &row))
			continue;
		if (id ? row.uid == *id : slice_eq(row.name, name)) {
			*ret = row;
			return true;
		}
	}
	return false;
}

struct group_row {
	struct slice name, members;
	uint32_t gid;
};

static bool next_group(struct slice *file, struct group_row *ret)
{
	struct slice line;

	while (next_row(file, &line)) {
		struct slice f[FIELDS_MAX] = { 0 };
		size_t n = split(line, ':', f);

		if (n < 3 || f[0].n == 0 || !slice_id(f[2], &ret->gid))
			continue;
		ret->name = f[0];
		ret->members = n > 3 ? f[3] : (struct slice){ "", 0 };
		return true;
	}
	return false;
}

static bool find_group(const struct passwd_files *files, struct slice name, uint32_t *ret)
{
	struct slice file = { files->group, files->group_len };
	struct group_row row;

	while (next_group(&file, &row)) {
		if (slice_eq(row.name, name)) {
			*ret = row.gid;
			return true;
		}
	}
	return false;
}

static bool has_member(struct slice members, struct slice name)
{
	while (members.n > 0) {
		const char *comma = memchr(members.p, ',', members.n);
		size_t len = comma ? (size_t)(comma - members.p) : members.n;

		if (slice_eq((struct slice){ members.p, len }, name))
			return true;
		members.p += len + (comma != NULL);
		members.n -= len + (comma != NULL);
	}
	return false;
}

/* +1, -1, 0x0, 0b1, 0o7: a number to somebody, so never a name here. */
static bool looks_like_number(struct slice s)
{
	if (s.p[0] == '+' || s.p[0] == '-')
		return true;
	if (s.n < 3 || s.p[0] != '0' || !strchr("xXbBoO", s.p[1]))
		return false;
	for (size_t i = 2; i < s.n; i++)
		if (!strchr("0123456789abcdefABCDEF_", s.p[i]))
			return false;
	return true;
}

static bool is_name(struct slice s)
{
	if (s.n == 0 || s.n > 255 || looks_like_number(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f || c == ',' || c == '/')
			return false;
	}
	return true;
}

static int check_part(struct slice s, const char *what, struct err *err)
{
	uint32_t id;

	if (slice_is_digits(s) && !slice_id(s, &id))
		return err_set(err, ERR_FORMAT, "%s %.*s: uids and gids must be in range 0-%u",
			what, (int)(s.n < 64 ? s.n : 64), s.p, PASSWD_ID_MAX);
	if (!slice_is_digits(s) && !is_name(s))
		return err_set(err, ERR_FORMAT, "invalid %s \"%.*s\"", what,
			(int)(s.n < 256 ? s.n : 256), s.p);
	return 0;
}

struct spec {
	struct slice user, group; /* n == 0: not given */
};

static int parse_spec(const char *text, struct spec *ret, struct err *err)
{
	struct slice f[FIELDS_MAX] = { 0 };
	size_t n = split(slice_of(text ? text : ""), ':', f);
	int r = 0;

	if (n > 2)
		return err_set(err, ERR_FORMAT, "invalid user \"%.256s\": want USER[:GROUP]", text);
	if (f[0].n == 0 && n > 1)
		return err_set(err, ERR_FORMAT, "invalid user \"%.256s\": the user is empty", text);
	if (f[0].n > 0)
		r = check_part(f[0], "user", err);
	if (r >= 0 && f[1].n > 0)
		r = check_part(f[1], "group", err);
	if (r < 0)
		return r;
	*ret = (struct spec){ f[0], f[1] };
	return 0;
}

int passwd_check_spec(const char *spec, struct err *err)
{
	struct spec s;

	return parse_spec(spec, &s, err);
}

static int lookup_group(
	struct slice name, const struct passwd_files *files, uint32_t *ret, struct err *err)
{
	if (slice_id(name, ret) || find_group(files, name, ret))
		return 0;
	return err_set(err, ERR_NOT_FOUND,
		"unable to find group %.*s: no matching entries in group file", (int)name.n,
		name.p);
}

int passwd_resolve_group(
	const char *name, const struct passwd_files *files, uint32_t *ret, struct err *err)
{
	int r = check_part(slice_of(name), "group", err);

	return r < 0 ? r : lookup_group(slice_of(name), files, ret, err);
}

int passwd_add_group(struct passwd_user *user, uint32_t gid, struct err *err)
{
	for (size_t i = 0; i < user->n_groups; i++)
		if (user->groups[i] == gid)
			return 0;
	if (user->n_groups == PASSWD_GROUPS_MAX)
		return err_set(
			err, ERR_LIMIT, "the user is in more than %d groups", PASSWD_GROUPS_MAX);
	user->groups[user->n_groups++] = gid;
	return 0;
}

static int add_memberships(const struct passwd_files *files, struct slice name,
	struct passwd_user *user, struct err *err)
{
	struct slice file = { files->group, files->group_len };
	struct group_row row;

	while (next_group(&file, &row)) {
		int r = has_member(row.members, name) ? passwd_add_group(user, row.gid, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static void take_row(const struct passwd_row *row, struct passwd_user *user)
{
	user->uid = row->uid;
	user->gid = row->gid;
	if (!slice_copy(user->name, sizeof(user->name), row->name))
		user->name[0] = '\0';
	if (row->home.n == 0 || row->home.p[0] != '/' ||
		!slice_copy(user->home, sizeof(user->home), row->home))
		(void)slice_copy(user->home, sizeof(user->home), slice_of("/"));
	if (!slice_copy(user->shell, sizeof(user->shell), row->shell))
		user->shell[0] = '\0';
}

int passwd_resolve(const char *text, const struct passwd_files *files, struct passwd_user *ret,
	struct err *err)
{
	struct passwd_row row = { 0 };
	struct spec spec;
	uint32_t id = 0, gid = 0;
	bool number, found;
	int r;

	r = parse_spec(text, &spec, err);
	if (r < 0)
		return r;
	number = spec.user.n == 0 || slice_id(spec.user, &id);
	found = find_user(files, spec.user, number ? &id : NULL, &row);
	if (!found && !number)
		return err_set(err, ERR_NOT_FOUND,
			"unable to find user %.*s: no matching entries in passwd file",
			(int)spec.user.n, spec.user.p);
	if (spec.group.n > 0) {
		r = lookup_group(spec.group, files, &gid, err);
		if (r < 0)
			return r;
	}
	/* Not the whole struct: its pages are fresh, and few of them are needed. */
	ret->uid = id;
	ret->gid = 0;
	ret->name[0] = ret->shell[0] = '\0';
	(void)slice_copy(ret->home, sizeof(ret->home), slice_of(id == 0 ? "/root" : "/"));
	if (found)
		take_row(&row, ret);
	if (spec.group.n > 0)
		ret->gid = gid;
	ret->groups[0] = ret->gid;
	ret->n_groups = 1;
	return found && spec.group.n == 0 ? add_memberships(files, row.name, ret, err) : 0;
}
