/*
 * /etc/subuid and /etc/subgid: "owner:start:count" lines, owner a login name or a user id (in the
 * group file too). subuid(5). Lines of others are not looked at; comments and blank lines neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/str.h"
#include "userns/idmap_priv.h"

#define MAX_FILE (8U << 20)

static int load(const char *path, struct buf *ret, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	return buf_read_fd(ret, fd, err);
}

/* Cut the next line off *text; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	*text = end;
	return line;
}

static bool is_ours(const char *owner, const struct subid_owner *who)
{
	uint64_t number;

	if (who->name && str_eq(owner, who->name))
		return true;
	return str_is_digits(owner) && parse_u64(owner, UINT32_MAX - 1, &number, NULL) >= 0 &&
	       number == who->uid;
}

static bool overlaps(const struct subid_range *a, uint32_t start, uint32_t count)
{
	return a->start < (uint64_t)start + count && start < (uint64_t)a->start + a->count;
}

static int add_range(struct subid_list *l, struct subid_range add, uint32_t own, struct err *err)
{
	if (overlaps(&add, own, 1))
		return err_set(err, ERR_FORMAT, "the range %u:%u holds the user's own id %u",
			add.start, add.count, own);
	for (unsigned i = 0; i < l->n; i++) {
		struct subid_range *old = &l->ranges[i];

		if (old->start == add.start && old->count == add.count)
			return 0; /* by name and by number: the same grant twice */
		if (overlaps(old, add.start, add.count))
			return err_set(err, ERR_FORMAT, "the ranges %u:%u and %u:%u overlap",
				old->start, old->count, add.start, add.count);
	}
	if (l->n < IDMAP_MAX_RANGES - 1)
		l->ranges[l->n++] = add;
	return 0;
}

static int parse_line(
	char *line, const struct subid_owner *who, struct subid_list *l, struct err *err)
{
	char *start = strchr(line, ':'), *size;
	uint64_t first, count;
	int r;

	if (*line == '#' || !start)
		return 0;
	*start++ = '\0';
	if (!is_ours(line, who))
		return 0;
	size = strchr(start, ':');
	if (!size)
		return err_set(err, ERR_FORMAT, "expected owner:start:count");
	*size++ = '\0';
	r = parse_u64(start, UINT32_MAX - 1, &first, err);
	if (r >= 0)
		r = parse_u64(size, UINT32_MAX - 1, &count, err);
	if (r < 0)
		return r;
	if (first == 0)
		return err_set(err, ERR_FORMAT, "a range that begins at 0 would give root away");
	if (first + count > UINT32_MAX)
		return err_set(err, ERR_FORMAT, "the range ends past the last id");
	if (count == 0)
		return 0;
	return add_range(
		l, (struct subid_range){ (uint32_t)first, (uint32_t)count }, who->own, err);
}

int subid_parse(const char *file, const char *text, const struct subid_owner *who,
	struct subid_list *ret, struct err *err)
{
	autofree char *copy = strdup(text);
	struct subid_list list = { .n = 0 };
	char *rest = copy, *line;

	if (!copy)
		return err_sys(err, ENOMEM, "%s", file);
	for (unsigned number = 1; (line = next_line(&rest)); number++) {
		int r = parse_line(line, who, &list, err);

		if (r < 0)
			return err_ctx(err, r, "%s: line %u", file, number);
	}
	*ret = list;
	return 0;
}

/*
 * Login name of a user id. Read by ourselves: getpwuid would load NSS modules, and a static
 * program has none. *ret stays NULL when the user is in no file (LDAP ...): number lines still
 * count, and so does $USER if the helper agrees, because newuidmap checks by its own lookup.
 */
static void find_login_name(uint32_t uid, char **ret)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_FILE);
	char *rest, *line;

	if (load("/etc/passwd", &b, NULL) < 0)
		b.len = 0;
	rest = b.data;
	while ((line = next_line(&rest))) {
		char *name_end = strchr(line, ':');
		char *id = name_end ? strchr(name_end + 1, ':') : NULL;
		char *id_end = id ? strchr(id + 1, ':') : NULL;
		uint64_t number;

		if (!id_end)
			continue;
		*name_end = *id_end = '\0';
		if (parse_u64(id + 1, UINT32_MAX, &number, NULL) >= 0 && number == uid) {
			*ret = strdup(line);
			return;
		}
	}
	if (getenv("USER"))
		*ret = strdup(getenv("USER"));
}

int subid_read(enum subid_kind kind, uint32_t own, struct subid_list *ret, struct err *err)
{
	const char *path = kind == SUBID_UIDS ? "/etc/subuid" : "/etc/subgid";
	AUTO(buf) struct buf b = BUF_INIT(MAX_FILE);
	autofree char *name = NULL;
	struct subid_owner who = { .uid = getuid(), .own = own };
	int r = load(path, &b, err);

	if (r == -ENOENT) {
		ret->n = 0;
		return 0;
	}
	if (r < 0)
		return r;
	find_login_name(who.uid, &name);
	who.name = name;
	return subid_parse(path, buf_str(&b), &who, ret, err);
}
