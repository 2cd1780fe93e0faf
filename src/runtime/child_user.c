/*
 * Ids: who the user inside is, the map, and the way down from full rights to the program's.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/strv.h"
#include "runtime/child_priv.h"
#include "sys/landlock.h"
#include "sys/openat.h"
#include "sys/privs.h"
#include "sys/process.h"

/* Untouched pages cost nothing, as long as they are small ones; given back by exec. */
static char *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/*
 * A file of the image behind what is in *text already; missing, or no regular file, is as empty.
 * -EFBIG when the room is too small.
 */
static int read_database(int root, const char *path, char *text, size_t size, size_t *ret_len)
{
	ssize_t n = openat_read_in_root(root, path, text, size);

	if (n == -EFBIG)
		return -EFBIG;
	*ret_len = n > 0 ? (size_t)n : 0;
	return 0;
}

static int read_both(int root, char *text, size_t size, struct passwd_files *ret)
{
	int r = read_database(root, "etc/passwd", text, size / 2, &ret->passwd_len);

	if (r < 0)
		return r;
	ret->passwd = text;
	ret->group = text + ret->passwd_len;
	return read_database(root, "etc/group", text + ret->passwd_len, size / 2, &ret->group_len);
}

/* Both mostly fit into a page that is there already; else into one of their own. */
static int read_databases(struct child *c, int root, struct passwd_files *ret, struct err *err)
{
	const size_t size = 2 * (size_t)PASSWD_BYTES_MAX;
	char *room;
	int r = read_both(root, c->text, sizeof(c->text), ret);

	if (r != -EFBIG)
		return 0;
	room = reserve(size);
	if (!room)
		return err_sys(err, ENOMEM, "no memory for /etc/passwd");
	r = read_both(root, room, size, ret);
	return r < 0 ? err_set(err, ERR_LIMIT, "/etc/passwd or /etc/group is too large") : 0;
}

static int resolve(struct child *c, const struct passwd_files *files, struct err *err)
{
	int r = passwd_resolve(c->spec->user, files, &c->user, err);

	if (r < 0)
		return r;
	STRV_FOREACH (name, c->spec->groups) {
		uint32_t gid;

		r = passwd_resolve_group(name, files, &gid, err);
		if (r >= 0)
			r = passwd_add_group(&c->user, gid, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* With ranges, ids past their end do not exist in the container. */
static int check_mapped(const struct child *c, struct err *err)
{
	const struct idmap *map = &c->spec->map;
	uint32_t host;

	if (map->kind == IDMAP_SINGLE) /* the map is made for this very user */
		return 0;
	if (!idmap_uid_to_host(map, c->user.uid, &host))
		return err_set(err, ERR_UNSUPPORTED,
			"user %u does not exist here: only the ids below %u are mapped "
			"(/etc/subuid)",
			c->user.uid, idmap_uid_count(map));
	for (size_t i = 0; i < c->user.n_groups; i++) {
		if (!idmap_gid_to_host(map, c->user.groups[i], &host))
			return err_set(err, ERR_UNSUPPORTED,
				"group %u does not exist here: only the ids below %u are mapped "
				"(/etc/subgid)",
				c->user.groups[i], idmap_gid_count(map));
	}
	return 0;
}

static int set_home(struct child *c, struct err *err)
{
	static const char prefix[] = "HOME=";

	if (!c->home)
		return 0;
	memcpy(c->home_text, prefix, sizeof(prefix));
	if (!str_copy(c->home_text + sizeof(prefix) - 1, sizeof(c->home_text) - sizeof(prefix),
		    c->user.home))
		return err_set(err, ERR_LIMIT, "the home directory in /etc/passwd is too long");
	*c->home = c->home_text;
	return 0;
}

int child_op_user(struct child *c, const struct plan_op *op, struct err *err)
{
	int root = child_slot(c, op->into), r;
	struct passwd_files files = { .passwd = NULL };

	r = read_databases(c, root, &files, err);
	if (r >= 0)
		r = resolve(c, &files, err);
	if (r >= 0)
		r = check_mapped(c, err);
	return r < 0 ? err_exit(err, r, 126) : set_home(c, err);
}

static int write_map(const struct child *c, const char *name, const char *text, struct err *err)
{
	autofd int fd = openat_strict(child_slot(c, PLAN_SLOT_PROC), name, O_WRONLY, 0);
	size_t len = strlen(text);

	if (fd == -EXDEV || fd == -ELOOP) /* a clone of the outer /proc: not one mount */
		fd = openat_resolve(child_slot(c, PLAN_SLOT_PROC), name, O_WRONLY, 0,
			OPENAT_BENEATH | OPENAT_NO_MAGICLINKS);
	if (fd < 0)
		return err_sys(err, -fd, "cannot open %s of our own", name);
	if (write(fd, text, len) != (ssize_t)len)
		return err_sys(err, errno, "cannot write %s", name);
	return 0;
}

/* Allowed to the process itself for its own id, once setgroups is given up (user_namespaces(7)). */
int child_op_map_self(struct child *c, const struct plan_op *op, struct err *err)
{
	const struct idmap *map = &c->spec->map;
	const char *self = c->degraded & CHILD_OUTER_PROC ? "self" : "1";
	char name[32], text[40];
	bool known = !(op->flags & PLAN_FROM_USER);
	uint32_t uid = known ? op->uid : c->user.uid, gid = known ? op->gid : c->user.gid;
	int r;

	(void)snprintf(name, sizeof(name), "%s/setgroups", self);
	r = write_map(c, name, "deny", err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s/uid_map", self);
	(void)snprintf(text, sizeof(text), "%u %u 1\n", uid, map->uids.ranges[0].outside);
	r = write_map(c, name, text, err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "%s/gid_map", self);
	(void)snprintf(text, sizeof(text), "%u %u 1\n", gid, map->gids.ranges[0].outside);
	return write_map(c, name, text, err);
}

int child_op_map_wait(struct child *c, const struct plan_op *op, struct err *err)
{
	(void)op;
	(void)err;
	child_expect(c, CHILD_MSG_MAPPED);
	return 0;
}

/* Raw calls: a C library would look for other threads to change. */
int child_op_become_root(struct child *c, const struct plan_op *op, struct err *err)
{
	(void)op;
	/* Root of a namespace that somebody made with one id: groups are given up there. */
	c->keep_groups = syscall(SYS_setgroups, 0, NULL) < 0;
	if (c->keep_groups && (errno != EPERM || c->spec->map.kind != IDMAP_NONE))
		return err_sys(err, errno, "cannot drop the caller's groups");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(err, errno, "cannot become root of the user namespace");
	return 0;
}

int child_op_hide(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = process_set_dumpable(false);

	(void)c;
	(void)op;
	if (r >= 0) /* after every change of ids, which clears it */
		r = process_set_parent_death_signal(SIGKILL);
	return r < 0 ? err_sys(err, -r, "prctl") : 0;
}

/*
 * The death signal comes back after the ids have changed; a parent that died in between has
 * closed the socket.
 */
static int follow_parent(const struct child *c, struct err *err)
{
	bool follow = c->spec->flags & SPEC_DIE_WITH_PARENT;
	struct pollfd p = { .fd = c->sock, .events = 0 };
	int r = process_set_parent_death_signal(follow ? SIGKILL : 0);

	if (r < 0)
		return err_sys(err, -r, "prctl");
	if (follow && poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
		_exit(125);
	return 0;
}

/*
 * Abstract sockets belong to the network namespace, which the host's is here: a session bus or an
 * X server of the caller's is one connect away (CVE-2020-15257). While capabilities are there to
 * enter without no_new_privs, and before a filter that may not know the calls.
 */
int child_op_scope(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = landlock_scope(err);

	(void)c;
	(void)op;
	return r < 0 ? r : 0;
}

int child_op_drop(struct child *c, const struct plan_op *op, struct err *err)
{
	const struct spec *s = c->spec;
	const struct privs p = {
		.caps = s->capabilities,
		.uid = c->user.uid,
		.gid = c->user.gid,
		.groups = c->user.groups,
		.n_groups = c->user.n_groups,
		.keep_groups = c->keep_groups || s->map.kind == IDMAP_SINGLE,
		.no_new_privs = s->flags & SPEC_NO_NEW_PRIVS,
		.seccomp = s->seccomp.n_insns ? &s->seccomp : NULL,
	};
	int r;

	(void)op;
	(void)umask(s->umask);
	r = privs_drop(&p, err);
	if (r < 0)
		return r;
	(void)process_set_dumpable(false); /* exec resets it */
	return follow_parent(c, err);
}
