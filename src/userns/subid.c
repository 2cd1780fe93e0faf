/*
 * /etc/subuid and /etc/subgid: "owner:start:count" lines, owner a login name or a user id (in the
 * group file too). subuid(5). Lines of others are not looked at; comments and blank lines neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/parse.h"
#include "base/str.h"
#include "userns/idmap_priv.h"

/*
 * Lines of a file, or of a text, one after the other, in a buffer of fixed size: these files are
 * read at every start, and mostly end in the first read. A line that does not fit is left out.
 */
struct lines {
	int fd;		  /* -EBADF: `text` is all there is */
	const char *text; /* what has not been looked at */
	size_t len;
	unsigned number; /* of the line returned last */
	char block[4096];
	char line[512];
};

static ssize_t refill(struct lines *l)
{
	ssize_t n = 0;

	if (l->fd < 0)
		return 0;
	do {
		n = read(l->fd, l->block, sizeof(l->block));
	} while (n < 0 && errno == EINTR);
	l->text = l->block;
	l->len = n > 0 ? (size_t)n : 0;
	return n;
}

/* The next line without its end; NULL at the end of the file, or where it cannot be read. */
static char *next_line(struct lines *l)
{
	size_t done = 0;
	bool any = false, whole = false;

	while (!whole) {
		const char *end;
		size_t n;

		if (l->len == 0 && refill(l) <= 0)
			break;
		any = true;
		end = memchr(l->text, '\n', l->len);
		whole = end != NULL;
		n = whole ? (size_t)(end - l->text) : l->len;
		if (done + n < sizeof(l->line))
			memcpy(l->line + done, l->text, n);
		done += n;
		l->text += n + whole;
		l->len -= n + whole;
	}
	if (!any)
		return NULL;
	l->number++;
	l->line[done < sizeof(l->line) ? done : 0] = '\0';
	return l->line;
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

static int read_ranges(struct lines *l, const char *file, const struct subid_owner *who,
	struct subid_list *ret, struct err *err)
{
	struct subid_list list = { .n = 0 };
	char *line;

	while ((line = next_line(l))) {
		int r = parse_line(line, who, &list, err);

		if (r < 0)
			return err_ctx(err, r, "%s: line %u", file, l->number);
	}
	*ret = list;
	return 0;
}

int subid_parse(const char *file, const char *text, const struct subid_owner *who,
	struct subid_list *ret, struct err *err)
{
	struct lines l = { .fd = -EBADF, .text = text, .len = strlen(text) };

	return read_ranges(&l, file, who, ret, err);
}

bool subid_login_name(uint32_t uid, char ret[SUBID_NAME_SIZE])
{
	autofd int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct lines l = { .fd = fd };
	const char *user = getenv("USER");
	char *line;

	while (fd >= 0 && (line = next_line(&l))) {
		char *name_end = strchr(line, ':');
		char *id = name_end ? strchr(name_end + 1, ':') : NULL;
		char *id_end = id ? strchr(id + 1, ':') : NULL;
		uint64_t number;

		if (!id_end)
			continue;
		*name_end = *id_end = '\0';
		if (parse_u64(id + 1, UINT32_MAX, &number, NULL) >= 0 && number == uid)
			return str_copy(ret, SUBID_NAME_SIZE, line);
	}
	return user && str_copy(ret, SUBID_NAME_SIZE, user);
}

int subid_read(enum subid_kind kind, const struct subid_owner *who, struct subid_list *ret,
	struct err *err)
{
	const char *path = kind == SUBID_UIDS ? "/etc/subuid" : "/etc/subgid";
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lines l = { .fd = fd };

	if (fd < 0 && errno == ENOENT) {
		ret->n = 0;
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	return read_ranges(&l, path, who, ret, err);
}
