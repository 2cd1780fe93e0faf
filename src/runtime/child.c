#include "runtime/child_priv.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "sys/mount.h"
#include "sys/process.h"

static child_op_fn *const operations[] = {
	[PLAN_PRIVATE] = child_op_private,
	[PLAN_FS] = child_op_fs,
	[PLAN_SOURCE] = child_op_source,
	[PLAN_OVERLAY] = child_op_overlay,
	[PLAN_ROOT_ATTACH] = child_op_root_attach,
	[PLAN_USER] = child_op_user,
	[PLAN_MAP_SELF] = child_op_map_self,
	[PLAN_MAP_WAIT] = child_op_map_wait,
	[PLAN_BECOME_ROOT] = child_op_become_root,
	[PLAN_OOM_SCORE] = child_op_oom_score,
	[PLAN_HIDE] = child_op_hide,
	[PLAN_KEYRING] = child_op_keyring,
	[PLAN_SYSCTL] = child_op_sysctl,
	[PLAN_LOOPBACK] = child_op_loopback,
	[PLAN_DIRECTORY] = child_op_directory,
	[PLAN_DEVICE] = child_op_device,
	[PLAN_LINK] = child_op_link,
	[PLAN_STAGE] = child_op_stage,
	[PLAN_ATTACH] = child_op_attach,
	[PLAN_MASK] = child_op_mask,
	[PLAN_READONLY] = child_op_readonly,
	[PLAN_BIND] = child_op_bind,
	[PLAN_TMPFS] = child_op_tmpfs,
	[PLAN_CONSOLE] = child_op_console,
	[PLAN_PIVOT] = child_op_pivot,
	[PLAN_CHECK] = child_op_check,
	[PLAN_ROOT_RDONLY] = child_op_root_rdonly,
	[PLAN_HOSTNAME] = child_op_hostname,
	[PLAN_DOMAINNAME] = child_op_domainname,
	[PLAN_WORKDIR] = child_op_workdir,
	[PLAN_RLIMIT] = child_op_rlimit,
	[PLAN_SESSION] = child_op_session,
	[PLAN_READY] = child_op_ready,
	[PLAN_SCOPE] = child_op_scope,
	[PLAN_DROP] = child_op_drop,
	[PLAN_INIT] = child_op_init,
	[PLAN_EXEC] = child_op_exec,
};

int child_slot(const struct child *c, int slot)
{
	assert_that(slot > 0 && (unsigned)slot < c->plan->n_slots && c->slots[slot] >= 0);
	return c->slots[slot];
}

void child_set_slot(struct child *c, int slot, int fd)
{
	assert_that(slot > 0 && (unsigned)slot < c->plan->n_slots);
	fd_close(c->slots[slot]);
	c->slots[slot] = fd;
}

void child_fail(struct child *c)
{
	/* write, not send: a filter that is loaded already may know only the common calls. */
	if (write(c->sock, &c->err, sizeof(c->err)) < 0)
		_exit(125);
	_exit(c->err.exit ? c->err.exit : 125);
}

void child_expect(struct child *c, char want)
{
	char got = 0;
	ssize_t n;

	do {
		n = read(c->sock, &got, 1);
	} while (n < 0 && errno == EINTR);
	/* The end: whoever wanted this container is gone, and nobody has recorded it. */
	if (n != 1 || got != want)
		_exit(125);
}

/* The message, with the pty's master when there is one. */
static int send_ready(struct child *c)
{
	struct child_ready ready = {
		.degraded = c->degraded,
		.uid = c->user.uid,
		.gid = c->user.gid,
	};
	struct iovec iov = { &ready, sizeof(ready) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (c->console_master >= 0) {
		struct cmsghdr *cm;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.bytes);
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &c->console_master, sizeof(int));
	}
	return sendmsg(c->sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* From here on only the parent's word is missing: it records the pid first. */
int child_op_ready(struct child *c, const struct plan_op *op, struct err *err)
{
	int r = send_ready(c);

	(void)op;
	if (r < 0)
		return err_sys(err, -r, "cannot report to the parent");
	c->console_master = fd_close(c->console_master);
	child_expect(c, CHILD_MSG_GO);
	return 0;
}

void child_run(struct child *c)
{
	for (size_t i = 0; i < c->plan->n_ops; i++) {
		const struct plan_op *op = &c->plan->ops[i];

		if (operations[op->kind](c, op, &c->err) < 0)
			child_fail(c);
	}
	err_bug(__FILE__, __LINE__, "a plan ends with exec");
}
