/*
 * The last look before anything of the image runs: is what is mounted what the plan mounted?
 *
 * Two questions. By path: /, /proc, /sys and /dev are the mounts that were made for them. By list:
 * every mount that was attached is there, and none is there beside these and what came along below
 * a clone of the host's (a recursive bind, the host's /sys). So a mount that slipped in by
 * propagation, or a piece of the host's tree that the pivot left behind, ends the start.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "sys/mount.h"
#include "sys/openat.h"

/* Mounts below clones. The kernel's own limit for a namespace is larger (fs.mount-max). */
#define BELOW_MAX 16384

/* Not on the stack, which has 256 KiB: pages that are not touched cost nothing. */
static uint32_t below[BELOW_MAX];

int child_note_mount(struct child *c, int mount, bool tree)
{
	struct child_mount m = { .tree = tree };
	int r = mount_id(mount, NULL, &m.id);

	if (r < 0)
		return r;
	assert_that(c->n_mounts < c->plan->n_ops);
	c->mounts[c->n_mounts++] = m;
	return 0;
}

int child_attach(struct child *c, int mount, int at, bool tree)
{
	int r = child_note_mount(c, mount, tree);

	return r < 0 ? r : mount_tree_move(mount, at);
}

/* One pass over mountinfo: "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ...", in pieces as read. */
struct scan {
	struct child *c;
	unsigned field;
	uint64_t number[2]; /* id, parent */
	char where[128];    /* the mount point, cut, for the message */
	size_t where_len;
	size_t n_below, n_seen;
};

static struct child_mount *find_ours(struct child *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].id == id)
			return &c->mounts[i];
	return NULL;
}

/* The kernel lists a clone before what is below it. */
static bool is_below_clone(const struct scan *s)
{
	const struct child_mount *ours = find_ours(s->c, s->number[1]);

	if (ours)
		return ours->tree;
	for (size_t i = s->n_below; i-- > 0;)
		if (below[i] == s->number[1])
			return true;
	return false;
}

static int line_end(struct scan *s, struct err *err)
{
	struct child_mount *ours = find_ours(s->c, s->number[0]);

	if (ours) {
		s->n_seen += !ours->seen;
		ours->seen = true;
		return 0;
	}
	if (!is_below_clone(s))
		return err_set(err, ERR_DENIED,
			"%s in the container is a mount that was not made for it", s->where);
	if (s->n_below == BELOW_MAX)
		return err_set(err, ERR_LIMIT, "more than %d mounts below a bind", BELOW_MAX);
	below[s->n_below++] = (uint32_t)s->number[0];
	return 0;
}

static int take_byte(struct scan *s, char ch, struct err *err)
{
	int r;

	if (ch == '\n') {
		s->where[s->where_len] = '\0';
		r = line_end(s, err);
		s->field = 0;
		s->number[0] = s->number[1] = 0;
		s->where_len = 0;
		return r;
	}
	if (ch == ' ')
		s->field++;
	else if (s->field < 2 && ch >= '0' && ch <= '9')
		s->number[s->field] = s->number[s->field] * 10 + (uint64_t)(ch - '0');
	else if (s->field == 4 && s->where_len < sizeof(s->where) - 1)
		s->where[s->where_len++] = ch;
	return 0;
}

/* "self" is a link of procfs, and our procfs may be a clone of the caller's. */
static int open_mountinfo(const struct child *c)
{
	return openat_resolve(child_slot(c, PLAN_SLOT_PROC), "self/mountinfo", O_RDONLY, 0,
		OPENAT_BENEATH | OPENAT_NO_MAGICLINKS);
}

static int check_list(struct child *c, struct err *err)
{
	autofd int fd = open_mountinfo(c);
	struct scan s = { .c = c };
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return err_sys(err, -fd, "cannot read the list of mounts");
	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read the list of mounts");
		for (ssize_t i = 0; i < n; i++) {
			int r = take_byte(&s, buf[i], err);

			if (r < 0)
				return r;
		}
	}
	if (s.n_seen != c->n_mounts)
		return err_set(err, ERR_DENIED,
			"%zu mounts were made for the container and %zu are there", c->n_mounts,
			s.n_seen);
	return 0;
}

/* As the program will see them; against what we made, by mount id. */
static int check_path(const struct child *c, const char *path, int slot, struct err *err)
{
	uint64_t made = 0, seen = 0;
	int r = mount_id(child_slot(c, slot), NULL, &made);

	if (r >= 0)
		r = mount_id(AT_FDCWD, path, &seen);
	if (r < 0)
		return err_sys(err, -r, "cannot check %s", path);
	if (made != seen)
		return err_set(err, ERR_DENIED,
			"%s in the container is not the mount that was made for it", path);
	return 0;
}

int child_op_check(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = check_path(c, "/", PLAN_SLOT_ROOT, err);

	(void)op;
	if (r >= 0)
		r = check_path(c, "/proc", PLAN_SLOT_PROC, err);
	if (r >= 0)
		r = check_path(c, "/sys", PLAN_SLOT_SYS, err);
	if (r >= 0)
		r = check_path(c, "/dev", PLAN_SLOT_DEV, err);
	return r < 0 ? r : check_list(c, err);
}
