#include "base/str.h"
#include "runtime/plan.h"
#include "sys/mount.h"

const char *plan_op_name(enum plan_op_kind kind)
{
	static const char *const names[] = {
		[PLAN_PRIVATE] = "private",
		[PLAN_FS] = "fs",
		[PLAN_SOURCE] = "source",
		[PLAN_OVERLAY] = "overlay",
		[PLAN_ROOT_ATTACH] = "root-attach",
		[PLAN_USER] = "user",
		[PLAN_MAP_SELF] = "map-self",
		[PLAN_MAP_WAIT] = "map-wait",
		[PLAN_BECOME_ROOT] = "become-root",
		[PLAN_OOM_SCORE] = "oom-score",
		[PLAN_HIDE] = "hide",
		[PLAN_KEYRING] = "keyring",
		[PLAN_SYSCTL] = "sysctl",
		[PLAN_LOOPBACK] = "loopback",
		[PLAN_DIRECTORY] = "directory",
		[PLAN_DEVICE] = "device",
		[PLAN_LINK] = "link",
		[PLAN_STAGE] = "stage",
		[PLAN_ATTACH] = "attach",
		[PLAN_MASK] = "mask",
		[PLAN_READONLY] = "readonly",
		[PLAN_BIND] = "bind",
		[PLAN_TMPFS] = "tmpfs",
		[PLAN_CONSOLE] = "console",
		[PLAN_PIVOT] = "pivot",
		[PLAN_CHECK] = "check",
		[PLAN_ROOT_RDONLY] = "root-rdonly",
		[PLAN_HOSTNAME] = "hostname",
		[PLAN_DOMAINNAME] = "domainname",
		[PLAN_WORKDIR] = "workdir",
		[PLAN_RLIMIT] = "rlimit",
		[PLAN_SESSION] = "session",
		[PLAN_READY] = "ready",
		[PLAN_SCOPE] = "scope",
		[PLAN_DROP] = "drop",
		[PLAN_INIT] = "init",
		[PLAN_EXEC] = "exec",
	};

	return names[kind];
}

static void print_slot(int slot, struct buf *out)
{
	static const char *const names[] = {
		[PLAN_SLOT_ROOT] = "root",
		[PLAN_SLOT_PROC] = "proc",
		[PLAN_SLOT_SYS] = "sys",
		[PLAN_SLOT_CGROUP] = "cgroup",
		[PLAN_SLOT_DEV] = "dev",
		[PLAN_SLOT_PTS] = "pts",
		[PLAN_SLOT_SHM] = "shm",
		[PLAN_SLOT_MQUEUE] = "mqueue",
		[PLAN_SLOT_NULL] = "null",
		[PLAN_SLOT_EMPTY] = "empty",
		[PLAN_SLOT_LOOKUP] = "lookup",
	};

	if (slot >= PLAN_SLOT_BIND)
		buf_printf(out, " [bind%d]", slot - PLAN_SLOT_BIND);
	else
		buf_printf(out, " [%s]", names[slot]);
}

struct word {
	uint64_t bit;
	const char *text;
};

static void print_words(uint64_t set, const struct word *words, size_t n, struct buf *out)
{
	char sep = ' ';

	for (size_t i = 0; i < n; i++) {
		if (!(set & words[i].bit))
			continue;
		buf_printf(out, "%c%s", sep, words[i].text);
		sep = ',';
	}
}

static void print_attrs(const struct plan_op *op, struct buf *out)
{
	static const struct word attrs[] = {
		{ MATTR_RDONLY, "ro" },
		{ MATTR_NOSUID, "nosuid" },
		{ MATTR_NODEV, "nodev" },
		{ MATTR_NOEXEC, "noexec" },
		{ MATTR_STRICTATIME, "strictatime" },
		{ MATTR_NOSYMFOLLOW, "nosymfollow" },
	};
	static const struct word flags[] = {
		{ PLAN_OPTIONAL, "(optional)" },
		{ PLAN_RECURSIVE, "(recursive)" },
		{ PLAN_CLONE, "(clone)" },
		{ PLAN_VOLATILE, "(volatile)" },
		{ PLAN_LOOKUP, "(lookup)" },
		{ PLAN_FROM_USER, "(from user)" },
	};

	print_words(op->attrs, attrs, sizeof(attrs) / sizeof(attrs[0]), out);
	print_words(op->flags, flags, sizeof(flags) / sizeof(flags[0]), out);
}

static void print_op(const struct plan_op *op, struct buf *out)
{
	buf_puts(out, plan_op_name(op->kind));
	if (op->slot)
		print_slot(op->slot, out);
	if (op->into)
		print_slot(op->into, out);
	if (op->path)
		buf_printf(out, " %s", op->path);
	if (op->source)
		buf_printf(out, " %s", op->source);
	if (op->kind == PLAN_DEVICE)
		buf_printf(out, " c %u:%u", op->major, op->minor);
	if (op->kind == PLAN_MAP_SELF && !(op->flags & PLAN_FROM_USER))
		buf_printf(out, " %u:%u", op->uid, op->gid);
	if (op->mode)
		buf_printf(out, " %04o", op->mode);
	if (op->kind == PLAN_RLIMIT)
		buf_printf(out, " %zu", op->index);
	for (unsigned i = 0; i < op->n_options; i++)
		buf_printf(out, " %s%s%s", op->options[i].key, op->options[i].value ? "=" : "",
			op->options[i].value ? op->options[i].value : "");
	print_attrs(op, out);
	buf_putc(out, '\n');
}

void plan_print(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_ops; i++)
		print_op(&p->ops[i], out);
}
